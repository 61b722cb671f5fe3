#include "proxy/audit/repeats.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::audit {
namespace {

using std::chrono::seconds;

TEST_CASE("the first of a kind is recorded, repeats go by its id and are counted", "[repeats]") {
  Repeats repeats;
  Repeats::Clock::time_point now{};
  const auto first = repeats.note(1, now);
  CHECK(first.is_first);
  CHECK(first.id.size() == 6);
  for (int i = 0; i < 5; ++i) {
    const auto again = repeats.note(1, now);
    CHECK_FALSE(again.is_first);
    CHECK(again.id == first.id);
  }
  CHECK(repeats.note(2, now).is_first);
  CHECK_FALSE(repeats.due(now + seconds(9)));
  now += seconds(10);
  CHECK(repeats.due(now));
  const auto taken = repeats.take(now);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].id == first.id);
  CHECK(taken[0].count == 5);
  CHECK(taken[0].of_one_kind);
  CHECK_FALSE(repeats.note(1, now).is_first);  // it goes on
  CHECK(repeats.note(2, now).is_first);        // it did not
  now += seconds(10);
  CHECK(repeats.take(now).size() == 1);
  CHECK(repeats.take(now).empty());
  CHECK_FALSE(repeats.due(now + seconds(100)));
  CHECK(repeats.note(1, now).is_first);
}

TEST_CASE("of too many kinds all the others are counted as one", "[repeats]") {
  Repeats repeats;
  const Repeats::Clock::time_point now{};
  for (std::size_t kind = 0; kind < Repeats::kinds_max; ++kind) CHECK(repeats.note(kind, now).is_first);
  for (std::size_t kind = 100; kind < 150; ++kind) CHECK_FALSE(repeats.note(kind, now).is_first);
  const auto taken = repeats.take(now);
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].count == 50);
  CHECK_FALSE(taken[0].of_one_kind);
  CHECK(repeats.note(100, now).is_first);
}

}  // namespace
}  // namespace pgwarden::audit
