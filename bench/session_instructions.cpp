// Plays each transcript in turn, for scripts/bench-instructions: it counts what `play_round` takes, within a
// call of `play_rounds`.
#include <iostream>

#include "bench/conversation.h"

namespace {

using pgwarden::bench::Conversation;
using pgwarden::bench::Transcript;

constexpr int rounds = 20;

}  // namespace

// Not inlined, nor left by a jump, and seen by their names.

extern "C" [[gnu::noinline]] bool play_round(Conversation& conversation, const Transcript& transcript) {
  return conversation.play(transcript) && !transcript.exchanges.empty();
}

extern "C" [[gnu::noinline]] bool play_rounds(Conversation& conversation, const Transcript& transcript) {
  bool well = true;
  for (int round = 0; round < rounds; ++round) {
    if (!transcript.known) conversation.forget();
    well = play_round(conversation, transcript) && well;
  }
  return well;
}

int main() {
  for (const Transcript& transcript : pgwarden::bench::transcripts()) {
    Conversation conversation;
    // Played twice, it has been remembered.
    if (!conversation.play(transcript) || !conversation.play(transcript) ||
        !play_rounds(conversation, transcript)) {
      std::cerr << transcript.name << ": something else came out than went in\n";
      return 1;
    }
    std::cout << transcript.name << '\n';
  }
}
