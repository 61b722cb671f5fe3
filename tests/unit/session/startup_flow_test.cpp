#include "proxy/session/startup_flow.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/frame_writer.h"
#include "protocol/tags.h"

namespace {

using namespace pgwarden::session;
using pgwarden::protocol::FrameWriter;
namespace startup_code = pgwarden::protocol::startup_code;

std::string packet(std::uint32_t code, std::string_view body = {}) {
  return std::move(FrameWriter('\0').u32(code).bytes(body)).finish();
}

std::string startup() {
  using namespace std::string_literals;
  return packet(3u << 16, "user\0ann\0\0"s);
}

}  // namespace

TEST_CASE("encryption is declined once each, then the startup message comes") {
  StartupFlow flow;
  CHECK(std::get<StartupFlow::Reply>(flow.feed(packet(startup_code::gssenc))).byte == 'N');
  CHECK(std::get<StartupFlow::Reply>(flow.feed(packet(startup_code::ssl))).byte == 'N');
  const auto step = flow.feed(startup() + "more");
  const auto& start = std::get<StartupFlow::Start>(step);
  CHECK(start.message.user() == "ann");
  CHECK(start.message.encode() == startup());
  CHECK(start.rest == "more");
}

TEST_CASE("a packet may come a byte at a time") {
  StartupFlow flow;
  const std::string bytes = startup();
  for (const char byte : bytes.substr(0, bytes.size() - 1)) {
    REQUIRE(std::holds_alternative<StartupFlow::NeedMore>(flow.feed(std::string_view(&byte, 1))));
  }
  REQUIRE(std::holds_alternative<StartupFlow::Start>(flow.feed(bytes.substr(bytes.size() - 1))));
}

TEST_CASE("bytes behind an encryption request, or a second one, end the connection") {
  for (const auto code : {startup_code::ssl, startup_code::gssenc}) {
    StartupFlow stuffed;
    // The client reads one byte for the answer to its request, and only then messages.
    CHECK(std::get<StartupFlow::Refuse>(stuffed.feed(packet(code) + startup())).fatal.starts_with("NE"));
    StartupFlow twice;
    CHECK(std::holds_alternative<StartupFlow::Reply>(twice.feed(packet(code))));
    CHECK(std::holds_alternative<StartupFlow::Refuse>(twice.feed(packet(code))));
  }
}

TEST_CASE("garbage is refused as soon as it can be told, without a word to the client") {
  StartupFlow flow;
  const auto step = flow.feed("GET ");
  CHECK(std::get<StartupFlow::Refuse>(step).fatal.empty());
  CHECK(std::get<StartupFlow::Refuse>(step).why.starts_with("invalid length of startup packet"));
}
