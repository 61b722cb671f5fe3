#include "protocol/proxy_header.h"

#include <arpa/inet.h>

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace {

using namespace pgwarden::protocol;
using namespace std::string_literals;

const std::string signature = "\r\n\r\n\0\r\nQUIT\n"s;

/// A header of version 2 with these bytes behind its length.
std::string binary(unsigned version_and_command, unsigned family_and_transport, const std::string& rest) {
  std::string header = signature;
  header += static_cast<char>(version_and_command);
  header += static_cast<char>(family_and_transport);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xFF);
  return header + rest;
}

const std::string ipv4 =
    "\xCB\x00\x71\x07\x0A\x00\x00\x05\xDB\xD8\x19\x20"s;  // 203.0.113.7:56280 to 10.0.0.5:6432
const std::string ipv6 =
    "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x07"s + std::string(16, '\x01') + "\0\x01\x19\x20"s;

/// "ADDRESS PORT", "own address", "incomplete" or what was received instead.
std::string decoded(const std::string& bytes, std::size_t* size = nullptr) {
  const auto result = decode_proxy_header(bytes);
  if (std::holds_alternative<IncompleteProxyHeader>(result)) return "incomplete";
  if (const auto* bad = std::get_if<BadProxyHeader>(&result)) return bad->why;
  const auto& header = std::get<ProxyHeader>(result);
  if (size != nullptr) *size = header.size;
  if (!header.source) return "own address";
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, header.source->address.data(), text.data(), text.size());
  return std::string(text.data()) + " " + std::to_string(header.source->port);
}

const std::string malformed = "one whose line is malformed";

}  // namespace

TEST_CASE("headers, however they are split, end where they end", "[proxy_header]") {
  struct Case {
    std::string header;
    std::string meaning;
  };
  const std::vector<Case> cases{
      {"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n", "::ffff:192.168.0.1 56324"},  // 2.1, the example
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "::ffff:255.255.255.255 65535"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n", "::ffff:1.2.3.4 0"},
      {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
       "65535\r\n",
       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535"},
      {"PROXY TCP6 2001:DB8::7 ::1 1 2\r\n", "2001:db8::7 1"},
      {"PROXY TCP6 ::ffff:10.0.0.1 ::1 1 2\r\n", "::ffff:10.0.0.1 1"},
      {"PROXY UNKNOWN\r\n", "own address"},
      {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 "
       "65535\r\n",
       "own address"},
      {"PROXY UNKNOWN what\never\r it is\r\n", "own address"},
      {binary(0x21, 0x11, ipv4), "::ffff:203.0.113.7 56280"},
      {binary(0x21, 0x11, ipv4 + "\x04\0\x01x"s), "::ffff:203.0.113.7 56280"},  // with a TLV
      {binary(0x21, 0x11, ipv4 + "not a TLV"), "::ffff:203.0.113.7 56280"},
      {binary(0x21, 0x21, ipv6), "2001:db8::7 1"},
      {binary(0x21, 0x21, ipv6 + std::string(4096 - 16 - 36, 'x')), "2001:db8::7 1"},
      {binary(0x20, 0x00, ""), "own address"},          // LOCAL
      {binary(0x20, 0x11, ipv4), "own address"},        // addresses of LOCAL are not looked at,
      {binary(0x20, 0xFF, "anything"), "own address"},  // nor is the family
      {binary(0x21, 0x00, ""), "own address"},          // UNSPEC
      {binary(0x21, 0x10, ""), "own address"},
      {binary(0x21, 0x01, ""), "own address"},
      {binary(0x21, 0x12, ipv4), "own address"},  // UDP
      {binary(0x21, 0x22, ipv6), "own address"},
      {binary(0x21, 0x31, std::string(216, 'x')), "own address"},  // Unix-domain
      {binary(0x21, 0x32, std::string(216, 'x')), "own address"},
  };
  for (const auto& [header, meaning] : cases) {
    INFO(header);
    for (std::size_t size = 0; size < header.size(); ++size) {
      INFO(size);
      REQUIRE(decoded(header.substr(0, size)) == "incomplete");
    }
    for (const std::string& behind : {""s, "\0\0\0\x08"s, header}) {
      std::size_t size = 0;
      CHECK(decoded(header + behind, &size) == meaning);
      CHECK(size == header.size());
    }
  }
}

TEST_CASE("lines that are no header of version 1", "[proxy_header]") {
  for (const std::string line : {"",
                                 "TCP4",
                                 "tcp4 1.2.3.4 1.2.3.4 1 2",
                                 "TCP4  1.2.3.4 1.2.3.4 1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 1",
                                 "TCP4 1.2.3.4 1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 1 2 ",
                                 "TCP4 1.2.3.4 1.2.3.4 1 2 3",
                                 " TCP4 1.2.3.4 1.2.3.4 1 2",
                                 "TCP4\t1.2.3.4 1.2.3.4 1 2",
                                 "TCP4 01.2.3.4 1.2.3.4 1 2",
                                 "TCP4 1.2.3 1.2.3.4 1 2",
                                 "TCP4 1.2.3.256 1.2.3.4 1 2",
                                 "TCP4 1.2.3.4 x 1 2",
                                 "TCP4 0x1.2.3.4 1.2.3.4 1 2",
                                 "TCP4 ::1 ::1 1 2",
                                 "TCP6 1.2.3.4 1.2.3.4 1 2",
                                 "TCP6 ::1 1.2.3.4 1 2",
                                 "TCP6 fe80::1%lo ::1 1 2",
                                 "TCP6 1:::2 ::1 1 2",
                                 "TCP6 12345:: ::1 1 2",
                                 "TCP6 [::1] ::1 1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 65536 2",
                                 "TCP4 1.2.3.4 1.2.3.4 1 65536",
                                 "TCP4 1.2.3.4 1.2.3.4 -1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 +1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 01 2",
                                 "TCP4 1.2.3.4 1.2.3.4 1 00",
                                 "TCP4 1.2.3.4 1.2.3.4  2",
                                 "TCP4 1.2.3.4 1.2.3.4 1 2x",
                                 "TCP4 1.2.3.4 1.2.3.4 1 2\r",
                                 "TCP4 1.2.3.4 1.2.3.4 1 2\nPROXY",
                                 "UNKNOWNX",
                                 "unknown",
                                 "UDP4 1.2.3.4 1.2.3.4 1 2",
                                 "TCP4 1.2.3.4 1.2.3.4 99999999999999999999 2"}) {
    INFO(line);
    CHECK(decoded("PROXY " + line + "\r\n") == malformed);
  }
  CHECK(decoded("PROXY TCP4 1.2.3.4\0x 1.2.3.4 1 2\r\n"s) == malformed);
  CHECK(decoded("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n\n") == "incomplete");
}

TEST_CASE("a line has at most 107 bytes", "[proxy_header]") {
  const std::string line = "PROXY UNKNOWN ";
  CHECK(decoded(line + std::string(107 - 2 - line.size(), 'x') + "\r\n") == "own address");
  const std::string longer = line + std::string(108 - 2 - line.size(), 'x') + "\r\n";
  CHECK(decoded(longer.substr(0, 106)) == "incomplete");
  CHECK(decoded(longer.substr(0, 107)) == "one without an end of line in its first 107 bytes");
  CHECK(decoded(longer) == "one without an end of line in its first 107 bytes");
}

TEST_CASE("bytes that are no header of version 2", "[proxy_header]") {
  CHECK(decoded(binary(0x11, 0x11, ipv4)) == "one of an unknown version");
  CHECK(decoded(binary(0x31, 0x11, ipv4)) == "one of an unknown version");
  CHECK(decoded(binary(0x22, 0x11, ipv4)) == "one with an unknown command");
  CHECK(decoded(binary(0x2F, 0x11, ipv4)) == "one with an unknown command");
  for (const unsigned family_and_transport : {0x41u, 0xF1u, 0x13u, 0x1Fu, 0x03u}) {
    CHECK(decoded(binary(0x21, family_and_transport, std::string(216, 'x'))) ==
          "one with an unknown address family or transport");
  }
  for (const auto& [family_and_transport, least] :
       {std::pair{0x11u, 12u}, {0x12u, 12u}, {0x21u, 36u}, {0x31u, 216u}}) {
    for (std::size_t size = 0; size < least; ++size) {
      CHECK(decoded(binary(0x21, family_and_transport, std::string(size, 'x'))) ==
            "one that is too short for its addresses");
    }
  }
}

TEST_CASE("a header of version 2 has at most 4096 bytes, which its first sixteen tell", "[proxy_header]") {
  for (const unsigned command : {0x20u, 0x21u}) {
    const std::string header = binary(command, 0x11, ipv4 + std::string(4097 - 16 - 12, 'x'));
    REQUIRE(header.size() == proxy_header_bytes_max + 1);
    CHECK(decoded(header.substr(0, 15)) == "incomplete");
    CHECK(decoded(header.substr(0, 16)) == "one of more than 4096 bytes");
    CHECK(decoded(header) == "one of more than 4096 bytes");
  }
}

TEST_CASE("what is no header is told as soon as it differs", "[proxy_header]") {
  for (const std::string& bytes :
       {"\0"s, "p"s, "G"s, "\x16"s, "PROXX"s, "PROXY\t"s, "\r\r"s, signature.substr(0, 11) + "\r"s}) {
    INFO(bytes);
    CHECK(decoded(bytes.substr(0, bytes.size() - 1)) == "incomplete");
    CHECK(decoded(bytes) == "something else");
    CHECK(decoded(bytes + " and more") == "something else");
  }
}

TEST_CASE("four bytes tell a header from a startup packet", "[proxy_header]") {
  CHECK(begins_like_proxy_header("PROX"));
  CHECK(begins_like_proxy_header("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"));
  CHECK(begins_like_proxy_header(signature.substr(0, 4)));
  CHECK(begins_like_proxy_header(binary(0x21, 0x11, ipv4)));
  CHECK_FALSE(begins_like_proxy_header("PRO"));
  CHECK_FALSE(begins_like_proxy_header(""));
  CHECK_FALSE(begins_like_proxy_header("GET "));
  CHECK(begins_like_proxy_header("PROXYX"));  // as if no more had come than its first four bytes
  CHECK_FALSE(begins_like_proxy_header("\0\0\0\x08\x04\xd2\x16\x2f"s));
}

TEST_CASE("the header for a connection of one's own", "[proxy_header]") {
  CHECK(encode_local_proxy_header() == binary(0x20, 0, ""));
}
