#include "cli/statement_tree.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::cli {
namespace {

using policy::Fact;

Fact fact(std::uint32_t statement, bool inner) {
  Fact made;
  made.statement = statement;
  made.inner = inner;
  return made;
}

TEST_CASE("inner facts stand below the fact that they follow from", "[statement_tree]") {
  policy::Reading reading;
  reading.statements = {{0, 3}, {5, 4}};
  reading.facts = {fact(0, false), fact(0, true), fact(0, true),
                   fact(0, false), fact(1, true), fact(1, false)};
  const auto tree = statement_tree(reading, "one; two ");
  REQUIRE(tree.size() == 2);
  REQUIRE(tree[0].facts.size() == 2);
  CHECK(tree[0].facts[0].inner.size() == 2);
  CHECK(tree[0].facts[1].inner.empty());
  REQUIRE(tree[1].facts.size() == 2);  // the first has none to stand below
  CHECK(tree[1].span.offset == 5);
}

TEST_CASE("a text that cannot be analysed is one statement", "[statement_tree]") {
  const auto tree = statement_tree(policy::unanalysable("why"), "selec 1");
  REQUIRE(tree.size() == 1);
  CHECK(tree[0].span.length == 7);
  CHECK(tree[0].facts.size() == 1);
}

TEST_CASE("the tree names flags, rules and the reason why a rule does not match", "[statement_tree]") {
  policy::Policy policy;
  policy.preset = "none";
  policy::Rule first;
  first.name = "first";
  first.file = "f.yaml";
  first.line = 3;
  first.match.objects = {"a.*"};
  policy::Rule second = first;
  second.name = "second";
  second.match.objects = {"b.*"};
  policy.rules = {first, second};
  const std::string sql = "DROP TABLE IF EXISTS b.t CASCADE";
  CHECK(tree_text(policy::read_statements(sql, {}), policy, {}, sql) ==
        "statement 1: DROP TABLE IF EXISTS b.t CASCADE\n"
        "  ddl_drop: DROP TABLE on table \"b.t\", CASCADE, IF EXISTS\n"
        "    -  first (f.yaml:3) does not match objects: [a.*]\n"
        "    => second (f.yaml:3) denies it\n");
  CHECK(tree_text(policy::read_statements("select\x1b[0m", {}), policy, {}, "select\x1b[0m") ==
        "statement 1: select\\x1B[0m\n  unanalysable: statement\n"
        "    -  first (f.yaml:3) does not match objects: [a.*]\n"
        "    -  second (f.yaml:3) does not match objects: [b.*]\n"
        "    => first (f.yaml:3) denies it, as it may be anything\n");
}

}  // namespace
}  // namespace pgwarden::cli
