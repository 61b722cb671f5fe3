#include "policy/display_width.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::policy {
namespace {

TEST_CASE("the width of characters as psql reckons it", "[display_width]") {
  CHECK(display_width("a") == 1);
  CHECK(display_width("é") == 1);
  CHECK(display_width("漢字") == 2);
  CHECK(display_width("한") == 2);
  CHECK(display_width("ｱ") == 1);       // half width
  CHECK(display_width("\u0301") == 1);  // combining: it has no width, and psql gives it one
  CHECK(display_width("\x1B") == 1);
  CHECK(display_width("\xE6\xBC") == 1);  // cut off
  CHECK(display_width("\xFF") == 1);
}

}  // namespace
}  // namespace pgwarden::policy
