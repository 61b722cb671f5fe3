#include "config/spelling.h"

#include <array>
#include <catch2/catch_test_macros.hpp>

namespace pgwarden::config {
namespace {

constexpr std::array<std::string_view, 4> words{"listen", "upstream", "databases", "on"};

TEST_CASE("the distance of two words", "[spelling]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("listen", "listen") == 0);
  CHECK(edit_distance("lisen", "listen") == 1);
  CHECK(edit_distance("lsiten", "listen") == 1);
  CHECK(edit_distance("upstrema", "upstream") == 1);
  CHECK(edit_distance("data", "databases") == 5);
}

TEST_CASE("the nearest word", "[spelling]") {
  CHECK(nearest("lisen", words) == "listen");
  CHECK(nearest("upstraem", words) == "upstream");
  CHECK(nearest("data", words).empty());
  CHECK(nearest("x", words).empty());
  CHECK(nearest("", words).empty());
}

TEST_CASE("suggestions", "[spelling]") {
  CHECK(suggestion("lisen", words) == "did you mean \"listen\"?");
  CHECK(suggestion("port", words) == "one of: listen, upstream, databases, on");
}

}  // namespace
}  // namespace pgwarden::config
