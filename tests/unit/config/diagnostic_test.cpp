#include "config/diagnostic.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::config {
namespace {

std::string only(Problems& problems) {
  const auto all = problems.take();
  REQUIRE(all.size() == 1);
  return format(all.front());
}

TEST_CASE("a diagnostic shows the place, the line and what was meant", "[diagnostic]") {
  Problems problems("pgwarden.yaml", "a: 1\r\n  - lisen: x\r\n");
  problems.add({2, 5}, "unknown key \"lisen\"", "did you mean \"listen\"?");
  CHECK(only(problems) ==
        "pgwarden.yaml:2:5: error: unknown key \"lisen\"\n"
        "    2 |   - lisen: x\n"
        "      |     ^\n"
        "  hint: did you mean \"listen\"?");
}

TEST_CASE("a diagnostic about a whole file has no place", "[diagnostic]") {
  Problems problems("pgwarden.yaml", "a: 1");
  problems.add({}, "wrong");
  CHECK(only(problems) == "pgwarden.yaml: error: wrong");
}

TEST_CASE("columns are counted in characters, tabs and controls are one wide", "[diagnostic]") {
  Problems problems("f", "\xC3\xB6\t\x1B: x");
  problems.add({1, 6}, "wrong");
  CHECK(only(problems) ==
        "f:1:5: error: wrong\n"
        "    1 | \xC3\xB6  : x\n"
        "      |     ^");
}

TEST_CASE("problems come in the order of their places", "[diagnostic]") {
  Problems problems("f", "a\nb\n");
  problems.add({2, 1}, "third");
  problems.add({1, 1}, "first");
  problems.add({1, 1}, "second");
  CHECK(problems.count() == 3);
  const auto all = problems.take();
  REQUIRE(all.size() == 3);
  CHECK(all[0].message == "first");
  CHECK(all[1].message == "second");
  CHECK(all[2].message == "third");
  CHECK(problems.count() == 0);
}

TEST_CASE("passwords are not shown", "[diagnostic]") {
  const auto shown = [](std::string_view line) {
    Problems problems("f", line);
    problems.add({1, 1}, "wrong");
    return problems.take().front().source_line;
  };
  CHECK(shown("upstream: postgres://u:secret@h:5432/d") == "upstream: postgres://u:***@h:5432/d");
  // What ends a password is not known, as it may have anything in it: up to the last @ it may be one.
  CHECK(shown("[\"postgres://u:se/cr@et@h\", postgres://v:x@h2]") == "[\"postgres://u:***@h2]");
  CHECK(shown("postgres://h:5432/d") == "postgres://h:5432/d");
  CHECK(shown("postgres://u@h:5432/d") == "postgres://u@h:5432/d");
  CHECK(shown("postgres://h/d?password=secret&x=y") == "postgres://h/d?password=***&x=y");
}

TEST_CASE("of a file of secrets no line is shown", "[diagnostic]") {
  Problems problems("f", "a: b", Problems::Lines::hidden);
  problems.add({1, 1}, "wrong");
  CHECK(only(problems) == "f:1:1: error: wrong");
}

TEST_CASE("a long line is cut", "[diagnostic]") {
  const std::string line(300, 'x');
  Problems problems("f", line);
  problems.add({1, 1}, "wrong");
  CHECK(problems.take().front().source_line == std::string(200, 'x') + "...");
}

}  // namespace
}  // namespace pgwarden::config
