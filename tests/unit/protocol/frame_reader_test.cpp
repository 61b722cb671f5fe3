#include "protocol/frame_reader.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "protocol/frame_writer.h"

namespace {

using namespace pgwarden::protocol;

constexpr FrameRules rules = [] {
  FrameRules all;
  all.set('s', Treatment::stream, 1000);
  all.set('w', Treatment::inspect, 1000);  // taken whole
  all.set('p', Treatment::inspect, 1000);  // passed on
  all.set('x', Treatment::inspect, 1000);  // dropped
  return all;
}();

std::string frame(char tag, std::string_view body) {
  return std::move(FrameWriter(tag).bytes(body)).finish();
}

/// Everything the reader gives for `stream` cut into pieces of `piece` bytes: passed bytes, and whole frames
/// in angle brackets. With `keep`, each piece is gone before the reader is asked.
std::string read(const std::string& stream, std::size_t piece, bool keep) {
  FrameReader reader(rules);
  std::string seen;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    std::string chunk = stream.substr(at, piece);
    reader.feed(chunk);
    if (keep) {
      reader.keep();
      chunk.assign(chunk.size(), '!');
    }
    for (bool more = true; more;) {
      const FrameReader::Item item = reader.next();
      switch (item.kind) {
        case FrameReader::Kind::need_more:
          more = false;
          break;
        case FrameReader::Kind::run:
          seen += item.bytes;
          break;
        case FrameReader::Kind::header:
          reader.choose(item.tag == 'w'   ? BodyMode::whole
                        : item.tag == 'p' ? BodyMode::stream
                                          : BodyMode::skip);
          break;
        case FrameReader::Kind::frame: {
          const bool owned = reader.owns_frame();
          const std::string whole(item.bytes);
          const std::string released = reader.release();
          REQUIRE(owned == !released.empty());
          if (owned) REQUIRE(released == whole);
          seen += "<" + whole + ">";
          break;
        }
        case FrameReader::Kind::skipped:
          seen += std::string("[") + item.tag + "]";
          break;
        case FrameReader::Kind::broken:
          return seen + "broken: " + reader.error();
      }
    }
  }
  return seen;
}

}  // namespace

TEST_CASE("a stream cut anywhere gives the same frames") {
  const std::string stream = frame('s', "abc") + frame('s', "") + frame('w', "whole body") +
                             frame('p', "passed") + frame('x', "dropped") + frame('w', "") + frame('p', "") +
                             frame('s', "end");
  const std::string expected = frame('s', "abc") + frame('s', "") + "<" + frame('w', "whole body") + ">" +
                               frame('p', "passed") + "[x]<" + frame('w', "") + ">" + frame('p', "") +
                               frame('s', "end");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    for (const bool keep : {false, true}) {
      CAPTURE(piece, keep);
      REQUIRE(read(stream, piece, keep) == expected);
    }
  }
}

TEST_CASE("frames nobody asked to see come out as one run of the bytes fed") {
  const std::string stream = frame('s', "one") + frame('s', "two") + frame('s', "three");
  FrameReader reader(rules);
  reader.feed(stream);
  const FrameReader::Item item = reader.next();
  REQUIRE(item.kind == FrameReader::Kind::run);
  REQUIRE(item.bytes.data() == stream.data());
  REQUIRE(item.bytes.size() == stream.size());
}

TEST_CASE("an unknown type or an impossible length breaks the stream, and what came before it passes") {
  const std::string good = frame('s', "good");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
    REQUIRE(read(good + frame('?', "bad"), piece, false) ==
            good + "broken: unknown message type (message begins with 3f 00 00 00 07)");
    REQUIRE(read(good + std::string("s\0\0\0\3", 5), piece, false) ==
            good + "broken: invalid message length 3 (message begins with 73 00 00 00 03)");
    REQUIRE(read(good + std::string("w\xff\xff\xff\xff", 5), piece, false) ==
            good + "broken: invalid message length 4294967295 (message begins with 77 ff ff ff ff)");
    REQUIRE(read(good + std::string("s\0\0\3\xe9", 5), piece, false) ==
            good + "broken: invalid message length 1001 (message begins with 73 00 00 03 e9)");
  }
}

TEST_CASE("a boundary is where no frame has been passed on in part") {
  FrameReader reader(rules);
  const std::string stream = frame('s', "0123456789");
  REQUIRE(reader.at_boundary());
  reader.feed(std::string_view(stream).substr(0, 8));
  while (reader.next().kind != FrameReader::Kind::need_more) {
  }
  REQUIRE_FALSE(reader.at_boundary());
  reader.feed(std::string_view(stream).substr(8));
  while (reader.next().kind != FrameReader::Kind::need_more) {
  }
  REQUIRE(reader.at_boundary());
}
