#include "protocol/frame_buffer.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/frame_writer.h"

namespace {

using namespace pgwarden::protocol;
using namespace std::string_literals;

std::string whole_frame(char tag, std::string_view body) {
  return std::move(FrameWriter(tag).bytes(body)).finish();
}

}  // namespace

TEST_CASE("frames come out whole, however they came in") {
  const std::string stream =
      whole_frame('R', "abcd") + whole_frame('Z', "") + whole_frame('N', std::string(100, 'x'));
  for (const std::size_t size : {std::size_t{1}, std::size_t{3}, stream.size()}) {
    FrameBuffer frames(100);
    std::string tags;
    std::string seen;
    for (std::size_t at = 0; at < stream.size(); at += size) {
      frames.feed(std::string_view(stream).substr(at, size));
      while (const auto next = frames.next()) {
        tags += next->tag;
        seen += next->bytes;
        CHECK(next->body == next->bytes.substr(5));
      }
    }
    CHECK(tags == "RZN");
    CHECK(seen == stream);
    CHECK(frames.rest().empty());
    CHECK_FALSE(frames.broken());
  }
}

TEST_CASE("what was fed behind a frame can be had") {
  FrameBuffer frames(100);
  frames.feed(whole_frame('p', "x") + "more");
  REQUIRE(frames.next());
  CHECK(frames.rest() == "more");
}

TEST_CASE("an impossible length breaks the stream for good") {
  for (const std::string& header : {"R\0\0\0\3"s, "R\0\0\0\x69"s, "R\xff\xff\xff\xff"s}) {
    FrameBuffer frames(100);
    frames.feed(header);
    CHECK_FALSE(frames.next());
    CHECK(frames.broken());
    frames.feed(whole_frame('Z', ""));
    CHECK_FALSE(frames.next());
  }
}
