// What a session costs without its sockets: the verdicts, forwarding, and the swap of errors (`denied`).
#include <benchmark/benchmark.h>

#include "bench/conversation.h"

namespace pgwarden::bench {

namespace {

const bool sessions_measured = [] {
  for (const Transcript& transcript : transcripts()) {
    benchmark::RegisterBenchmark(("session/" + transcript.name).c_str(), [transcript](
                                                                             benchmark::State& state) {
      Conversation conversation;
      for (auto _ : state) {
        if (!transcript.known) conversation.forget();
        if (!conversation.play(transcript)) state.SkipWithError("something else came out than went in");
      }
      state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(transcript.exchanges.size()));
    })->Unit(benchmark::kMicrosecond);
  }
  return true;
}();

}  // namespace

}  // namespace pgwarden::bench
