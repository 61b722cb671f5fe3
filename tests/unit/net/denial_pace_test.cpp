#include "proxy/net/denial_pace.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::net {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a few denials at once wait for nothing, many take turns") {
  DenialPace pace;
  DenialPace::Clock::time_point now{std::chrono::hours(1)};
  for (int i = 0; i < 50; ++i) CHECK(!pace.next_turn(now));
  for (int i = 1; i <= 100; ++i) CHECK(pace.next_turn(now) == now + i * milliseconds(2));
  now += milliseconds(200);
  CHECK(pace.next_turn(now) == now + milliseconds(2));
  now += milliseconds(42);
  for (int i = 0; i < 20; ++i) CHECK(!pace.next_turn(now));
  CHECK(pace.next_turn(now));
}

TEST_CASE("a long silence allows no more denials at once than a short one") {
  DenialPace pace;
  DenialPace::Clock::time_point now{std::chrono::hours(1)};
  CHECK(!pace.next_turn(now));
  now += std::chrono::hours(1);
  for (int i = 0; i < 50; ++i) CHECK(!pace.next_turn(now));
  CHECK(pace.next_turn(now));
}

}  // namespace
}  // namespace pgwarden::net
