#include "policy/glob.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace pgwarden::policy {
namespace {

TEST_CASE("a glob matches the whole text", "[glob]") {
  CHECK(glob_match("users", "users"));
  CHECK_FALSE(glob_match("users", "users2"));
  CHECK_FALSE(glob_match("users", "user"));
  CHECK_FALSE(glob_match("users", ""));
  CHECK(glob_match("", ""));
  CHECK_FALSE(glob_match("", "a"));
}

TEST_CASE("a star is any run of characters, also none", "[glob]") {
  CHECK(glob_match("*", ""));
  CHECK(glob_match("*", "anything"));
  CHECK(glob_match("tmp_*", "tmp_"));
  CHECK(glob_match("tmp_*", "tmp_1"));
  CHECK_FALSE(glob_match("tmp_*", "tmp"));
  CHECK(glob_match("*.prod.example.com", "db.prod.example.com"));
  CHECK_FALSE(glob_match("*.prod.example.com", "prod.example.com"));
  CHECK(glob_match("a*b*c", "aXbYbZc"));
  CHECK_FALSE(glob_match("a*b*c", "aXcYb"));
  CHECK(glob_match("**a**", "a"));
}

TEST_CASE("a question mark is exactly one character", "[glob]") {
  CHECK(glob_match("t?", "t1"));
  CHECK_FALSE(glob_match("t?", "t"));
  CHECK_FALSE(glob_match("t?", "t12"));
  CHECK(glob_match("t?", "t\xC3\xB6"));
  CHECK_FALSE(glob_match("t??", "t\xC3\xB6"));
  CHECK_FALSE(glob_match("t*??", "t\xC3\xB6"));
  CHECK(glob_match("*?x", "\xE2\x82\xACx"));
}

TEST_CASE("letters are told apart unless they are not to be", "[glob]") {
  CHECK_FALSE(glob_match("Users", "users"));
  CHECK(glob_match("DB.*", "db.Example.com", Case::ignored));
  CHECK_FALSE(glob_match("[", "{", Case::ignored));
}

TEST_CASE("a pattern made to be slow is not", "[glob]") {
  const std::string text(100'000, 'a');
  CHECK_FALSE(glob_match("*a*a*a*a*a*a*b", text));
}

TEST_CASE("one glob covers another", "[glob]") {
  CHECK(glob_covers("*", "tmp_*"));
  CHECK(glob_covers("tmp_*", "tmp_a*"));
  CHECK(glob_covers("tmp_*", "tmp_?"));
  CHECK(glob_covers("tmp_?", "tmp_?"));
  CHECK(glob_covers("tmp_?", "tmp_1"));
  CHECK_FALSE(glob_covers("tmp_?", "tmp_*"));
  CHECK_FALSE(glob_covers("tmp_a*", "tmp_*"));
  CHECK_FALSE(glob_covers("tmp", "tmp*"));
  CHECK(glob_covers("DB*", "db1", Case::ignored));
}

}  // namespace
}  // namespace pgwarden::policy
