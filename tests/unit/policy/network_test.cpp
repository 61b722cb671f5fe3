#include "policy/network.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::policy {
namespace {

bool holds(const char* network, const char* address) {
  return parse_network(network).value().contains(parse_address(address).value());
}

TEST_CASE("addresses", "[network]") {
  CHECK_FALSE(parse_address("10.1.2.3")->is_unix);
  CHECK(parse_address("10.1.2.3")->bytes == parse_address("::ffff:10.1.2.3")->bytes);
  CHECK(parse_address("2001:db8::1"));
  for (const char* text :
       {"", "10.1", "10.1.2.256", "010.1.2.3", "db.example.com", "[::1]", "fe80::1%eth0", "unix"}) {
    INFO(text);
    CHECK_FALSE(parse_address(text));
  }
  CHECK_FALSE(parse_address(std::string_view("10.1.2.3\0x", 10)));
}

TEST_CASE("networks hold addresses", "[network]") {
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  CHECK(holds("10.1.2.3", "10.1.2.3"));
  CHECK_FALSE(holds("10.1.2.3", "10.1.2.2"));
  CHECK(holds("192.168.4.0/22", "192.168.7.255"));
  CHECK_FALSE(holds("192.168.4.0/22", "192.168.8.0"));
  CHECK(holds("0.0.0.0/0", "1.2.3.4"));
  CHECK_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
  CHECK(holds("::/0", "1.2.3.4"));
  CHECK(holds("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK_FALSE(holds("2001:db8::/32", "2001:db9::1"));
  CHECK(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
}

TEST_CASE("unix is a network of its own", "[network]") {
  CHECK(parse_network("unix")->contains(Address{}));
  CHECK_FALSE(parse_network("::/0")->contains(Address{}));
  CHECK_FALSE(parse_network("unix")->contains(*parse_address("127.0.0.1")));
}

TEST_CASE("networks in networks", "[network]") {
  CHECK(parse_network("10.0.0.0/8")->contains(*parse_network("10.1.0.0/16")));
  CHECK_FALSE(parse_network("10.1.0.0/16")->contains(*parse_network("10.0.0.0/8")));
  CHECK(parse_network("unix")->contains(*parse_network("unix")));
  CHECK_FALSE(parse_network("0.0.0.0/0")->contains(*parse_network("unix")));
}

TEST_CASE("what is not a network", "[network]") {
  for (const char* text : {"", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                           "10.1.0.0/8", "a/8", "unix/8", "db.example.com"}) {
    INFO(text);
    CHECK_FALSE(parse_network(text));
  }
}

TEST_CASE("what was meant by a network with bits behind its prefix", "[network]") {
  CHECK(without_host_bits("10.1.2.3/8") == "10.0.0.0/8");
  CHECK(without_host_bits("2001:db8::1/32") == "2001:db8::/32");
  CHECK_FALSE(without_host_bits("10.1.2.3"));
  CHECK_FALSE(without_host_bits("10.1.2.3/40"));
  CHECK_FALSE(without_host_bits("nonsense/8"));
}

}  // namespace
}  // namespace pgwarden::policy
