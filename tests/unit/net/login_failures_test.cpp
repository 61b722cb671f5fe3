#include "proxy/net/login_failures.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace pgwarden::net {
namespace {

using std::chrono::seconds;

policy::Address tcp_address(const std::string& text) {
  policy::Address address = *policy::parse_address(text);
  address.is_unix = false;
  return address;
}

class Clocked {
 public:
  bool failed(const std::string& from, std::uint32_t max = 3) {
    return failures_.failed(tcp_address(from), max, now_);
  }
  bool blocked(const std::string& from) const { return failures_.blocked(tcp_address(from), now_); }
  void pass(seconds time) { now_ += time; }
  LoginFailures& failures() { return failures_; }

 private:
  LoginFailures failures_;
  LoginFailures::Clock::time_point now_ = LoginFailures::Clock::now();
};

TEST_CASE("an address is blocked for a minute after so many failures within one", "[login_failures]") {
  Clocked clocked;
  CHECK_FALSE(clocked.failed("203.0.113.7"));
  clocked.pass(seconds(50));
  CHECK_FALSE(clocked.failed("203.0.113.7"));
  CHECK_FALSE(clocked.blocked("203.0.113.7"));
  CHECK(clocked.failed("203.0.113.7"));
  CHECK(clocked.blocked("203.0.113.7"));
  CHECK_FALSE(clocked.blocked("203.0.113.8"));
  clocked.pass(seconds(30));
  CHECK_FALSE(clocked.failed("203.0.113.7"));  // one that was under way: the minute is not longer for it
  clocked.pass(seconds(29));
  CHECK(clocked.blocked("203.0.113.7"));
  clocked.pass(seconds(2));
  CHECK_FALSE(clocked.blocked("203.0.113.7"));
  CHECK_FALSE(clocked.failed("203.0.113.7"));
}

TEST_CASE("failures that are rare do not add up", "[login_failures]") {
  Clocked clocked;
  for (int i = 0; i < 20; ++i) {
    CHECK_FALSE(clocked.failed("203.0.113.7"));
    clocked.pass(seconds(31));
  }
}

TEST_CASE("an IPv6 address counts as its /64", "[login_failures]") {
  Clocked clocked;
  CHECK_FALSE(clocked.failed("2001:db8:0:1::1"));
  CHECK_FALSE(clocked.failed("2001:db8:0:1:ffff::2"));
  CHECK(clocked.failed("2001:db8:0:1:8000::3"));
  CHECK(clocked.blocked("2001:db8:0:1::4"));
  CHECK_FALSE(clocked.blocked("2001:db8:0:2::1"));
}

TEST_CASE("who may be anybody is never blocked, and 0 blocks nobody", "[login_failures]") {
  Clocked clocked;
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(clocked.failed("127.0.0.1"));
    CHECK_FALSE(clocked.failed("::1"));
    CHECK_FALSE(clocked.failures().failed({}, 3));
    CHECK_FALSE(clocked.failed("203.0.113.7", 0));
  }
  CHECK_FALSE(clocked.failures().blocked({}));
  CHECK_FALSE(clocked.blocked("203.0.113.7"));
  CHECK(clocked.failures().addresses() == 0);
}

TEST_CASE("so many addresses are known, and the one that is quiet longest is forgotten", "[login_failures]") {
  Clocked clocked;
  const auto nth = [](std::size_t n) {
    return "10." + std::to_string(n >> 16) + "." + std::to_string(n >> 8 & 255) + "." +
           std::to_string(n & 255);
  };
  for (std::size_t n = 0; n < LoginFailures::addresses_max; ++n) clocked.failed(nth(n), 1);
  clocked.failed(nth(0), 1);
  clocked.failed("203.0.113.7", 1);
  CHECK(clocked.failures().addresses() == LoginFailures::addresses_max);
  CHECK(clocked.blocked("203.0.113.7"));
  CHECK(clocked.blocked(nth(0)));
  CHECK_FALSE(clocked.blocked(nth(1)));
  CHECK(clocked.blocked(nth(2)));
}

}  // namespace
}  // namespace pgwarden::net
