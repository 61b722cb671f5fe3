#include "policy/answer.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <iterator>
#include <random>
#include <string>

#include "policy/matching.h"
#include "tests/unit/policy/somebody.h"

namespace pgwarden::policy {
namespace {

Fact drop_table() {
  Fact fact;
  fact.cls = StatementClass::ddl_drop;
  fact.kind = ObjectKind::table;
  fact.command = "DROP TABLE";
  fact.schema = "public";
  fact.name = "t";
  return fact;
}

Rule rule_of(
    std::string name, Effect effect, const std::function<void(Match&)>& set = [](Match&) {}) {
  Rule made;
  made.name = std::move(name);
  made.effect = effect;
  set(made.match);
  return made;
}

TEST_CASE("each key of a match can be the one that does not match", "[answer]") {
  const auto key_of = [](const std::function<void(Match&)>& set) {
    Policy policy;
    policy.rules = {rule_of("r", Effect::deny, set)};
    const auto passed = rules_passed_over(policy, somebody(), drop_table());
    const Answer answer = answer_for(policy, somebody(), drop_table());
    REQUIRE(passed.size() == 1);
    CHECK(passed[0].rule == &policy.rules[0]);
    CHECK(answer.rule == nullptr);
    return passed[0].key;
  };
  CHECK(key_of([](Match& match) { match.classes.set(static_cast<std::size_t>(StatementClass::read)); }) ==
        MatchKey::classes);
  CHECK(key_of([](Match& match) { match.kinds.set(static_cast<std::size_t>(ObjectKind::view)); }) ==
        MatchKey::kinds);
  CHECK(key_of([](Match& match) { match.commands = {"ALTER *"}; }) == MatchKey::commands);
  CHECK(key_of([](Match& match) { match.objects = {"scratch.*"}; }) == MatchKey::objects);
  CHECK(key_of([](Match& match) { match.functions = {"t"}; }) == MatchKey::functions);
  CHECK(key_of([](Match& match) { match.users = {"migrator"}; }) == MatchKey::users);
  CHECK(key_of([](Match& match) { match.labels = {"agent"}; }) == MatchKey::labels);
  CHECK(key_of([](Match& match) { match.certificates = {"*.org"}; }) == MatchKey::certificates);
  CHECK(key_of([](Match& match) { match.databases = {"billing"}; }) == MatchKey::databases);
  CHECK(key_of([](Match& match) { match.applications = {"agent"}; }) == MatchKey::applications);
  CHECK(key_of([](Match& match) { match.networks = {*parse_network("unix")}; }) == MatchKey::networks);
  CHECK(key_of([](Match& match) { match.hosts = {"other"}; }) == MatchKey::hosts);
  CHECK(key_of([](Match& match) { match.temporary = true; }) == MatchKey::temporary);
  CHECK(key_of([](Match& match) { match.cascade = true; }) == MatchKey::cascade);
}

TEST_CASE("rules are found by class and name as if each were asked in turn", "[answer]") {
  std::minstd_rand any(1);
  const auto one_of = [&any](const auto& items) { return items[any() % std::size(items)]; };
  const std::string names[] = {"a", "b", "c", "", "*", "a*", "s.a", "s.b", "s.*", "*.c", "a.b.c"};
  const StatementClass classes[] = {StatementClass::read, StatementClass::ddl_drop, StatementClass::unknown,
                                    StatementClass::call_sensitive};
  const ObjectKind kinds[] = {ObjectKind::table, ObjectKind::function, ObjectKind::none};
  const Effect effects[] = {Effect::allow, Effect::warn, Effect::deny};
  int answered = 0;
  for (int round = 0; round < 2'000; ++round) {
    Policy policy;
    for (int i = 0; i < 8; ++i) {
      policy.rules.push_back(rule_of(std::to_string(i), one_of(effects), [&](Match& match) {
        if (any() % 2 == 0) match.classes.set(static_cast<std::size_t>(one_of(classes)));
        for (auto count = any() % 3; count > 0; --count) match.objects.push_back(one_of(names));
        if (any() % 4 == 0) match.functions.push_back(one_of(names));
      }));
    }
    const std::string schema = one_of(std::array<std::string, 3>{"", "s", "a"});
    const std::string name = one_of(std::array<std::string, 6>{"a", "b", "c", "", "ab", "b.c"});
    Fact fact = drop_table();
    fact.cls = one_of(classes);
    fact.kind = one_of(kinds);
    fact.schema = schema;
    fact.name = name;
    const std::size_t passed = rules_passed_over(policy, somebody(), fact).size();
    const Answer answer = answer_for(policy, somebody(), fact);
    if (passed < policy.rules.size()) {
      ++answered;
      CHECK(answer.rule == &policy.rules[passed]);
    } else {
      CHECK((answer.rule == nullptr || answer.may_be_denied));
    }
  }
  CHECK(answered > 500);
}

TEST_CASE("the rules before the one that answers", "[answer]") {
  Policy policy;
  policy.rules = {rule_of("other-user", Effect::allow, [](Match& match) { match.users = {"migrator"}; }),
                  rule_of("this", Effect::warn), rule_of("never-asked", Effect::deny)};
  const auto passed = rules_passed_over(policy, somebody(), drop_table());
  REQUIRE(passed.size() == 1);
  CHECK(passed[0].rule->name == "other-user");
  const Answer answer = answer_for(policy, somebody(), drop_table());
  CHECK(answer.rule == &policy.rules[1]);
  CHECK(answer.effect == Effect::warn);
  CHECK_FALSE(answer.may_be_denied);
  CHECK(finding_of(drop_table(), answer, policy).rule == "this");
}

TEST_CASE("what may be anything is answered by a rule that does not match it", "[answer]") {
  Policy policy;
  policy.default_effect = Effect::allow;
  policy.rules = {rule_of("reading", Effect::allow), rule_of("no-ddl", Effect::deny, [](Match& match) {
                    match.classes.set(static_cast<std::size_t>(StatementClass::ddl_drop));
                  })};
  const Fact unknown;
  const Answer answer = answer_for(policy, somebody(), unknown);
  CHECK(answer.rule == &policy.rules[1]);
  CHECK(answer.may_be_denied);
  CHECK(rules_passed_over(policy, somebody(), unknown).size() == 2);
}

TEST_CASE("patterns that match every name without a schema", "[answer]") {
  CHECK(matches_every_bare_name("scratch.*", Effect::deny));
  CHECK(matches_every_bare_name("scratch*.**", Effect::warn));
  CHECK_FALSE(matches_every_bare_name("scratch.*", Effect::allow));
  CHECK_FALSE(matches_every_bare_name("scratch.t*", Effect::deny));
  CHECK_FALSE(matches_every_bare_name("*.*", Effect::deny));
  CHECK_FALSE(matches_every_bare_name("*", Effect::deny));
}

}  // namespace
}  // namespace pgwarden::policy
