// Plays each transcript in turn, for scripts/bench-instructions: it counts what `play_rounds` takes.
#include <iostream>

#include "bench/conversation.h"

namespace {

using pgwarden::bench::Conversation;
using pgwarden::bench::Transcript;

constexpr int rounds = 20;

}  // namespace

/// Not inlined, and seen by its name: valgrind counts within it.
extern "C" [[gnu::noinline]] bool play_rounds(Conversation& conversation, const Transcript& transcript) {
  bool well = true;
  for (int round = 0; round < rounds; ++round) well = conversation.play(transcript) && well;
  return well;
}

int main() {
  for (const Transcript& transcript : pgwarden::bench::transcripts()) {
    Conversation conversation;
    if (!conversation.play(transcript) || !play_rounds(conversation, transcript)) {
      std::cerr << transcript.name << ": something else came out than went in\n";
      return 1;
    }
    std::cout << transcript.name << '\n';
  }
}
