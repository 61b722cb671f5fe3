#include "proxy/audit/quota.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::audit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("a kind has so many records a second; what the others stand for is counted", "[quota]") {
  Quota quota;
  const Quota::Clock::time_point now{seconds(1000)};
  for (std::uint32_t i = 0; i < Quota::records_max; ++i) CHECK(quota.admits("a", 1, now));
  CHECK_FALSE(quota.admits("a", 1, now));
  CHECK_FALSE(quota.admits("a", 40, now + milliseconds(999)));
  CHECK(quota.admits("b", 1, now));
  CHECK(quota.admits("a", 1, now + seconds(1)));
  const auto taken = quota.take();
  REQUIRE(taken.size() == 1);
  CHECK(taken[0].kind == "a");
  CHECK(taken[0].count == 41);
  CHECK(quota.take().empty());
}

}  // namespace
}  // namespace pgwarden::audit
