// What finding the ends of messages costs.
#include <benchmark/benchmark.h>

#include "protocol/frame_reader.h"
#include "protocol/frame_writer.h"

namespace pgwarden::bench {

namespace {

using protocol::FrameReader;

constexpr std::size_t read_bytes = 16384;

/// Messages of one type that nobody asked to see, their bodies of so many bytes.
void streamed_frames(benchmark::State& state) {
  protocol::FrameRules rules;
  rules.set('D', protocol::Treatment::stream, 1 << 20);
  FrameReader reader(rules);
  const std::string frame =
      std::move(protocol::FrameWriter('D').bytes(std::string(static_cast<std::size_t>(state.range(0)), 'x')))
          .finish();
  std::string chunk;
  while (chunk.size() < read_bytes) chunk += frame;
  for ([[maybe_unused]] auto _ : state) {
    reader.feed(chunk);
    while (reader.next().kind != FrameReader::Kind::need_more) {
    }
  }
  const auto bytes = static_cast<std::int64_t>(chunk.size());
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * bytes / static_cast<std::int64_t>(frame.size()));
}

}  // namespace

BENCHMARK(streamed_frames)->Arg(10)->Arg(100)->Arg(1024);

}  // namespace pgwarden::bench
