#include "proxy/session/startup_flow.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/tags.h"
#include "tests/unit/protocol/packet.h"

namespace {

using namespace pgwarden::session;
using pgwarden::protocol::packet;
namespace startup_code = pgwarden::protocol::startup_code;

std::string startup() {
  using namespace std::string_literals;
  return packet(3u << 16, "user\0ann\0\0"s);
}

}  // namespace

TEST_CASE("encryption is declined once each, then the startup message comes") {
  StartupFlow flow(false);
  CHECK(std::get<StartupFlow::Reply>(flow.feed(packet(startup_code::gssenc))).byte == 'N');
  CHECK(std::get<StartupFlow::Reply>(flow.feed(packet(startup_code::ssl))).byte == 'N');
  const auto step = flow.feed(startup() + "more");
  const auto& start = std::get<StartupFlow::Start>(step);
  CHECK(start.message.user() == "ann");
  CHECK(start.message.encode() == startup());
  CHECK(start.rest == "more");
}

TEST_CASE("a packet may come a byte at a time") {
  StartupFlow flow(false);
  const std::string bytes = startup();
  for (const char byte : bytes.substr(0, bytes.size() - 1)) {
    REQUIRE(std::holds_alternative<StartupFlow::NeedMore>(flow.feed(std::string_view(&byte, 1))));
  }
  REQUIRE(std::holds_alternative<StartupFlow::Start>(flow.feed(bytes.substr(bytes.size() - 1))));
}

TEST_CASE("bytes behind an encryption request, or a second one, end the connection") {
  for (const auto code : {startup_code::ssl, startup_code::gssenc}) {
    StartupFlow stuffed(false);
    // The client reads one byte for the answer to its request, and only then messages.
    CHECK(std::get<StartupFlow::Refuse>(stuffed.feed(packet(code) + startup())).fatal.starts_with("NE"));
    StartupFlow twice(false);
    CHECK(std::holds_alternative<StartupFlow::Reply>(twice.feed(packet(code))));
    CHECK(std::holds_alternative<StartupFlow::Refuse>(twice.feed(packet(code))));
  }
}

TEST_CASE("garbage is refused as soon as it can be told, without a word to the client") {
  StartupFlow flow(false);
  const auto step = flow.feed("GET ");
  CHECK(std::get<StartupFlow::Refuse>(step).fatal.empty());
  CHECK(std::get<StartupFlow::Refuse>(step).why.starts_with("invalid length of startup packet"));
}

TEST_CASE("a proxy's header comes first, and what is behind it is the client's") {
  const std::string header = "PROXY TCP4 203.0.113.7 10.0.0.5 56280 6432\r\n";
  const std::string bytes = header + startup() + "more";
  for (std::size_t cut = 0; cut <= header.size() + startup().size(); ++cut) {
    INFO(cut);
    StartupFlow flow(true);
    auto step = flow.feed(bytes.substr(0, cut));
    CHECK(flow.source().has_value() == (cut >= header.size()));
    if (cut < header.size() + startup().size()) {
      REQUIRE(std::holds_alternative<StartupFlow::NeedMore>(step));
      step = flow.feed(bytes.substr(cut));
    }
    CHECK(std::get<StartupFlow::Start>(step).message.encode() == startup());
    REQUIRE(flow.source());
    CHECK(flow.source()->port == 56280);
  }
}

TEST_CASE("a proxy's own connection has no source, and is served") {
  StartupFlow flow(true);
  const auto step = flow.feed(pgwarden::protocol::encode_local_proxy_header() + packet(startup_code::ssl));
  CHECK(std::get<StartupFlow::Reply>(step).byte == 'N');
  CHECK_FALSE(flow.source());
}

TEST_CASE("a header that is missing, broken or not due ends the connection") {
  const auto why = [](bool due, const std::string& bytes) {
    StartupFlow flow(due);
    const auto step = flow.feed(bytes);
    CHECK_FALSE(flow.source());
    return std::get<StartupFlow::Refuse>(step).why;
  };
  const std::string header = "PROXY UNKNOWN\r\n";
  const std::string unexpected = "received a PROXY protocol header, which this address may not send";
  CHECK(why(true, startup()) ==
        "expected a PROXY protocol header from this address, received something else");
  CHECK(why(true, "PROXY TCP4 x\r\n" + startup()) ==
        "expected a PROXY protocol header from this address, received one whose line is malformed");
  CHECK(why(false, header + startup()) == unexpected);
  CHECK(why(false, "PROX") == unexpected);
  CHECK(why(false, pgwarden::protocol::encode_local_proxy_header()) == unexpected);
  CHECK(why(true, header + header + startup()) == unexpected);
}

TEST_CASE("TLS is offered where there is some") {
  StartupFlow flow(false, TlsRule::offered);
  CHECK(std::holds_alternative<StartupFlow::StartTls>(flow.feed(packet(startup_code::ssl))));
  flow.encrypted();
  CHECK(std::get<StartupFlow::Refuse>(flow.feed(packet(startup_code::ssl))).why ==
        "received a second SSL request");
  StartupFlow stuffed(false, TlsRule::offered);
  CHECK(std::get<StartupFlow::Refuse>(stuffed.feed(packet(startup_code::ssl) + "x")).why ==
        "received unencrypted data after SSL request");
}

TEST_CASE("what needs TLS is not had without") {
  StartupFlow clear(false, TlsRule::required);
  CHECK(std::get<StartupFlow::Refuse>(clear.feed(startup())).why ==
        "pgwarden requires TLS on this connection");
  StartupFlow encrypted(false, TlsRule::required);
  encrypted.encrypted();
  CHECK(std::holds_alternative<StartupFlow::Start>(encrypted.feed(startup())));
}

TEST_CASE("what begins with a TLS handshake is left to TLS, behind a proxy's header too") {
  const std::string handshake("\x16\x03\x01", 3);
  CHECK(StartupFlow(false, TlsRule::offered).takes(handshake) == 0);
  CHECK(StartupFlow(false).takes(handshake) == handshake.size());
  StartupFlow asked(false, TlsRule::offered);
  asked.feed(packet(startup_code::ssl));
  CHECK(asked.takes(handshake) == handshake.size());
  const std::string header = "PROXY UNKNOWN\r\n";
  for (std::size_t cut = 0; cut < header.size(); ++cut) {
    INFO(cut);
    StartupFlow flow(true, TlsRule::required);
    const std::string_view first = std::string_view(header).substr(0, cut);
    if (cut > 0) CHECK(flow.takes(first) == cut);
    flow.feed(first);
    const std::string next = header.substr(cut) + handshake;
    REQUIRE(flow.takes(next) == header.size() - cut);
    flow.feed(header.substr(cut));
    CHECK(flow.takes(handshake) == 0);
  }
}
