#include "protocol/startup_packet.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "protocol/tags.h"
#include "tests/unit/protocol/packet.h"

namespace {

using namespace pgwarden::protocol;

constexpr std::uint32_t version_3_0 = 3u << 16;

std::string bad(const std::string& bytes) {
  const auto decoded = decode_startup_packet(bytes);
  const auto* bad = std::get_if<BadStartupPacket>(&decoded);
  return bad == nullptr ? "not bad" : bad->sqlstate + " " + bad->message;
}

}  // namespace

TEST_CASE("a startup message gives its parameters, the last of doubles wins") {
  using namespace std::string_literals;
  const std::string bytes = packet(version_3_0, "user\0ann\0database\0shop\0user\0bob\0options\0\0\0"s);
  auto decoded = decode_startup_packet(bytes);
  auto& message = std::get<StartupMessage>(decoded);
  REQUIRE(message.version == version_3_0);
  REQUIRE(message.user() == "bob");
  REQUIRE(message.database() == "shop");
  REQUIRE(message.parameter("options").empty());
  REQUIRE(message.encode() == bytes);
  message.set("database", "other");
  REQUIRE(message.database() == "other");
  REQUIRE(message.encode() == packet(version_3_0, "user\0ann\0user\0bob\0options\0\0database\0other\0\0"s));
}

TEST_CASE("what is set comes last, once") {
  using namespace std::string_literals;
  const std::string given = "setting\0off\0user\0ann\0setting\0no\0SETTING\0off\0"s;
  auto decoded = decode_startup_packet(packet(version_3_0, given + "\0"s));
  auto& message = std::get<StartupMessage>(decoded);
  message.set("setting", "on");
  CHECK(message.encode() == packet(version_3_0, "user\0ann\0SETTING\0off\0setting\0on\0\0"s));
}

TEST_CASE("the database defaults to the user, and names are cut at 63 bytes") {
  using namespace std::string_literals;
  const std::string name(70, 'n');

  const auto whole = decode_startup_packet(packet(version_3_0, "user\0"s + name + "\0\0"s));
  CHECK(std::get<StartupMessage>(whole).database() == std::string(63, 'n'));
}

TEST_CASE("requests without parameters are known by their code") {
  REQUIRE(std::holds_alternative<SslRequest>(decode_startup_packet(packet(startup_code::ssl, ""))));
  REQUIRE(std::holds_alternative<GssEncRequest>(decode_startup_packet(packet(startup_code::gssenc, ""))));
  const auto cancel = decode_startup_packet(packet(startup_code::cancel, "12345678"));
  REQUIRE(std::get<CancelRequest>(cancel).key == "12345678");
  const std::string long_key(4 + 256, 'k');
  const auto long_cancel = decode_startup_packet(packet(startup_code::cancel, long_key));
  REQUIRE(std::get<CancelRequest>(long_cancel).key == long_key);
}

TEST_CASE("anything else is refused with its reason") {
  using namespace std::string_literals;
  const std::string length = " invalid length of startup packet (is this a PostgreSQL client?)";
  CHECK(bad("GET / HTTP/1.1\r\n\r\n") == length);
  CHECK(bad("\x16\x03\x01\x02\x00\x01\x00\x01") == length);
  CHECK(bad(std::string("\0\0\0\7abc", 7)) == length);
  CHECK(bad(packet(version_3_0, std::string(10'000, 'x'))) == length);
  CHECK(bad(packet(version_3_0, "user\0ann\0"s)) ==
        "08P01 invalid startup packet layout: expected terminator as last byte");
  CHECK(bad(packet(version_3_0, "user\0ann\0\0junk"s)) ==
        "08P01 invalid startup packet layout: expected terminator as last byte");
  CHECK(bad(packet(2u << 16, "")) == "0A000 unsupported frontend protocol 2.0");
  CHECK(bad(packet(startup_code::ssl, "x")) == "0A000 unsupported frontend protocol 1234.5679");
  CHECK(bad(packet(startup_code::cancel, "1234")) == " invalid length of cancel request");
}
