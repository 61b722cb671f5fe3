// Sessions that have run for a while allocate nothing for what is permitted: every malloc of this program is
// counted.
#include <atomic>
#include <cstddef>
#include <cstdio>

#include "bench/conversation.h"

namespace {

std::atomic<std::size_t> allocations{0};

}  // namespace

extern "C" void* __libc_malloc(std::size_t size);  // NOLINT(bugprone-reserved-identifier): glibc's

extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

namespace {

using pgwarden::bench::Conversation;
using pgwarden::bench::Exchange;
using pgwarden::bench::Transcript;

/// Denials say something. Of a longer text the parser keeps 8 KiB of memory and takes what it needs beyond.
bool may_allocate(const Transcript& transcript, const Exchange& exchange) {
  constexpr std::size_t longer = 300;
  return transcript.name == "denied" || (transcript.name != "COPY in" && exchange.client.size() > longer);
}

std::size_t count(Conversation& conversation, const Exchange& exchange) {
  const std::size_t before = allocations;
  conversation.play(exchange);
  return allocations - before;
}

}  // namespace

int main() {
  int faults = 0;
  for (const Transcript& transcript : pgwarden::bench::transcripts()) {
    Conversation conversation;
    for (int i = 0; i < 3; ++i) conversation.play(transcript);
    std::size_t all = 0;
    for (const Exchange& exchange : transcript.exchanges) {
      if (!transcript.known) conversation.forget();
      const std::size_t made = count(conversation, exchange);
      all += made;
      if (made == 0 || may_allocate(transcript, exchange)) continue;
      ++faults;
      std::printf("%zu for an exchange of %zu bytes\n", made, exchange.client.size());
    }
    std::printf("%s: %zu allocations for %zu exchanges\n", transcript.name.c_str(), all,
                transcript.exchanges.size());
    // That they are counted at all.
    if (transcript.name == "denied" && all == 0) ++faults;
  }
  return faults == 0 ? 0 : 1;
}
