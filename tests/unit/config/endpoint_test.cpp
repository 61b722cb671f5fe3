#include "config/endpoint.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace pgwarden::config {
namespace {

std::string listen_error(std::string_view text) {
  const auto parsed = parse_listen(text);
  CHECK_FALSE(parsed.value);
  return parsed.hint.empty() ? parsed.error : parsed.error + " / " + parsed.hint;
}

TEST_CASE("addresses to listen on", "[endpoint]") {
  CHECK(parse_listen("127.0.0.1:6432").value == Endpoint{"127.0.0.1", 6432});
  CHECK(parse_listen("LocalHost:0").value == Endpoint{"localhost", 0});
  CHECK(parse_listen("[::1]:6432").value == Endpoint{"::1", 6432});
  CHECK(parse_listen("[::]:5432").value == Endpoint{"::", 5432});
  CHECK(parse_listen("/run/pgwarden/.s.PGSQL.6432").value == Endpoint{"/run/pgwarden/.s.PGSQL.6432", 6432});
}

TEST_CASE("what is not an address to listen on", "[endpoint]") {
  const std::string example = " / write HOST:PORT, for example 127.0.0.1:6432";
  const std::string hosts =
      " / 127.0.0.1 for this machine only, 0.0.0.0 for every IPv4 address, [::] for every address";
  CHECK(listen_error("127.0.0.1") == "\"127.0.0.1\" names no port" + example);
  CHECK(listen_error("[::1]") == "\"[::1]\" names no port" + example);
  CHECK(listen_error(":6432") == "\":6432\" names no host" + hosts);
  CHECK(listen_error("*:6432") == "\"*:6432\" names no host" + hosts);
  CHECK(listen_error("::1:6432") == "an IPv6 address needs brackets / write [::1]:6432");
  CHECK(listen_error("h:65536") == "\"65536\" is not a port / a number from 1 to 65535");
  CHECK(listen_error("h:") == "\"\" is not a port / a number from 1 to 65535");
  CHECK(listen_error("a b:1") == "\"a b\" is not a host name or an IP address" + example);
  CHECK(listen_error("10.0.0.300:1") ==
        "\"10.0.0.300\" is not an IP address / write all four numbers, each from 0 to 255");
  CHECK(listen_error("/run/pgwarden/socket") ==
        "the socket's file is not named .s.PGSQL.PORT, where clients look for it / write "
        "/run/pgwarden/.s.PGSQL.6432");
  CHECK(listen_error("/" + std::string(100, 'd') + "/.s.PGSQL.6432") ==
        "a socket's path has at most 107 bytes");
}

TEST_CASE("hosts have one spelling", "[endpoint]") {
  CHECK(parse_host("DB.Example.COM.").value == "db.example.com");
  CHECK(parse_host("my_db-1").value == "my_db-1");
  CHECK(parse_host("2001:DB8::1").value == "2001:db8::1");
  for (const char* text : {"", ".", "10.1", "0x7f000001", "db.0x1", "db/x", "d\xC3\xB6.example", "::1:"}) {
    INFO(text);
    CHECK_FALSE(parse_host(text).value);
  }
}

TEST_CASE("endpoints as texts", "[endpoint]") {
  CHECK(to_string({"127.0.0.1", 6432}) == "127.0.0.1:6432");
  CHECK(to_string({"::1", 6432}) == "[::1]:6432");
  CHECK(to_string({"/run/.s.PGSQL.6432", 6432}) == "/run/.s.PGSQL.6432");
}

}  // namespace
}  // namespace pgwarden::config
