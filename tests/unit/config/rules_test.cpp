#include "config/rules.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace pgwarden::config {
namespace {

using Lines = std::vector<std::string>;
using policy::Effect;
using policy::Rule;

struct Result {
  std::vector<Rule> rules;
  Lines problems;  ///< "line:column: message / hint"
};

Result rules_in(const std::string& text) {
  Problems problems("f.yaml", text);
  const auto root = parse_yaml(text, problems);
  Result result;
  if (root) result.rules = read_rules(Value(*root, "rules", problems));
  for (const Diagnostic& diagnostic : problems.take()) {
    std::string line =
        std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) + ": " + diagnostic.message;
    if (!diagnostic.hint.empty()) line += " / " + diagnostic.hint;
    result.problems.push_back(line);
  }
  return result;
}

Lines problems_of_match(const std::string& match) {
  return rules_in("- name: r\n  effect: deny\n  match: {" + match + "}\n").problems;
}

TEST_CASE("every key of a rule", "[rules]") {
  const Result result = rules_in(R"(- name: r-1
  effect: deny
  on_deny: terminate
  match:
    classes: [ddl_create, unknown]
    kinds: [table, materialized_view, other]
    commands: [DROP *]
    objects: ["public.tmp_*", users]
    functions: [lo_*]
    users: [migrator, "no"]
    labels: [agent]
    certificates: ["*.example.com"]
    databases: [app]
    applications: [psql]
    networks: [10.0.0.0/8, unix]
    hosts: ["*.example.com"]
    temporary: true
    cascade: false
    dynamic: true
  reason: >
    Because
    of that.
  hint: "Ask."
)");
  CHECK(result.problems == Lines{});
  REQUIRE(result.rules.size() == 1);
  const Rule& rule = result.rules[0];
  CHECK(rule.name == "r-1");
  CHECK(rule.effect == Effect::deny);
  CHECK(rule.on_deny == policy::OnDeny::terminate);
  CHECK(rule.reason == "Because of that.");
  CHECK(rule.hint == "Ask.");
  CHECK(rule.file == "f.yaml");
  CHECK(rule.line == 1);
  const policy::Match& match = rule.match;
  CHECK(match.classes.count() == 2);
  CHECK(match.classes.test(static_cast<std::size_t>(policy::StatementClass::ddl_create)));
  CHECK(match.classes.test(static_cast<std::size_t>(policy::StatementClass::unknown)));
  CHECK(match.kinds.count() == 3);
  CHECK(match.kinds.test(static_cast<std::size_t>(policy::ObjectKind::table)));
  CHECK(match.kinds.test(static_cast<std::size_t>(policy::ObjectKind::materialized_view)));
  CHECK(match.kinds.test(static_cast<std::size_t>(policy::ObjectKind::other)));
  CHECK(match.commands == Lines{"DROP *"});
  CHECK(match.objects == Lines{"public.tmp_*", "users"});
  CHECK(match.functions == Lines{"lo_*"});
  CHECK(match.users == Lines{"migrator", "no"});
  CHECK(match.labels == Lines{"agent"});
  CHECK(match.certificates == Lines{"*.example.com"});
  CHECK(match.databases == Lines{"app"});
  CHECK(match.applications == Lines{"psql"});
  CHECK(match.networks.size() == 2);
  CHECK(match.hosts == Lines{"*.example.com"});
  CHECK(match.temporary == true);
  CHECK(match.cascade == false);
  CHECK(match.dynamic == true);
}

TEST_CASE("the effects", "[rules]") {
  const Result result = rules_in(
      "- {name: a, effect: allow, match: {users: [a]}}\n"
      "- {name: b, effect: warn, match: {users: [b]}}\n"
      "- {name: c, effect: deny, match: {}}\n");
  CHECK(result.problems == Lines{});
  CHECK(result.rules[0].effect == Effect::allow);
  CHECK(result.rules[1].effect == Effect::warn);
  CHECK(result.rules[2].effect == Effect::deny);
}

TEST_CASE("keys that a rule must have", "[rules]") {
  CHECK(rules_in("- reason: x\n").problems ==
        Lines{"1:3: missing key \"name\"", "1:3: missing key \"effect\"", "1:3: missing key \"match\""});
  CHECK(rules_in("- deny\n").problems == Lines{"1:3: \"rules\" must be a map of keys, not a single value"});
  CHECK(rules_in("- {nmae: r, effect: deny, match: {}}\n").problems ==
        Lines{"1:4: unknown key \"nmae\" / did you mean \"name\"?"});
}

TEST_CASE("names, effects and texts", "[rules]") {
  CHECK(rules_in("- {name: a b, effect: deny, match: {}}\n").problems ==
        Lines{"1:10: \"a b\" is not a rule name / letters, digits, \"-\", \"_\" and \".\", at most 63"});
  CHECK(rules_in("- {name: " + std::string(64, 'n') + ", effect: deny, match: {}}\n").problems.size() == 1);
  CHECK(rules_in("- {name: r, effect: alow, match: {}}\n").problems ==
        Lines{"1:21: unknown effect \"alow\" / did you mean \"allow\"?"});
  CHECK(rules_in("- {name: r, effect: no, match: {}}\n").problems ==
        Lines{"1:21: \"no\" is a boolean in YAML, but \"effect\" takes a word / one of: deny, warn, allow"});
  CHECK(rules_in("- {name: r, effect: allow, on_deny: error, match: {}}\n").problems ==
        Lines{"1:37: \"on_deny\" has no meaning in a rule that does not deny"});
  CHECK(rules_in("- {name: r, effect: deny, on_deny: kill, match: {}}\n").problems ==
        Lines{"1:36: unknown on_deny \"kill\" / one of: error, terminate"});
  CHECK(rules_in("- {name: r, effect: deny, match: {}, reason: \"a\\0b\"}\n").problems ==
        Lines{"1:46: \"reason\" has control characters"});
}

TEST_CASE("what a match takes", "[rules]") {
  CHECK(problems_of_match("clases: [read]") ==
        Lines{"3:11: unknown key \"clases\" / did you mean \"classes\"?"});
  CHECK(problems_of_match("classes: [ddl_dorp]") ==
        Lines{"3:21: unknown statement class \"ddl_dorp\" / did you mean \"ddl_drop\"?"});
  CHECK(problems_of_match("kinds: [tabel]") ==
        Lines{"3:19: unknown kind of object \"tabel\" / did you mean \"table\"?"});
  CHECK(problems_of_match("users: []") ==
        Lines{"3:18: \"users\" is an empty list / leave the key out to match all"});
  CHECK(problems_of_match("users: app") ==
        Lines{"3:18: \"users\" must be a list, not a single value / write [app]"});
  CHECK(problems_of_match("users: ['']") == Lines{"3:19: \"users\" is empty"});
  CHECK(problems_of_match("temporary: on") == Lines{"3:22: \"temporary\" must be true or false, not \"on\""});
}

TEST_CASE("object patterns", "[rules]") {
  CHECK(problems_of_match("objects: ['public.\"A\"']") ==
        Lines{"3:21: object patterns take no double quotes / write public.A: names are compared as the "
              "server stores "
              "them"});
  for (const char* pattern : {"a.b.c", ".a", "a.", "."}) {
    INFO(pattern);
    CHECK(problems_of_match("functions: ['" + std::string(pattern) + "']") ==
          Lines{"3:23: \"" + std::string(pattern) +
                "\" is not an object pattern / write NAME or SCHEMA.NAME, with * and ? as wildcards"});
  }
}

TEST_CASE("networks", "[rules]") {
  CHECK(problems_of_match("networks: [300.1.1.1]") ==
        Lines{"3:22: \"300.1.1.1\" is not a network / for example 10.0.0.0/8, 2001:db8::/32, ::1 or unix"});
  CHECK(problems_of_match("networks: [192.168.1.5/24]") ==
        Lines{"3:22: \"192.168.1.5/24\" is not a network / did you mean \"192.168.1.0/24\"?"});
}

TEST_CASE("application_name is never the only reason to let a statement pass", "[rules]") {
  const auto problems = [](const std::string& effect, const std::string& match) {
    return rules_in("- {name: r, effect: " + effect + ", match: {" + match + "}}\n").problems;
  };
  const std::string message =
      "application_name is the only thing that says who may do this, and any client may give itself that "
      "name / add "
      "\"users\", \"labels\", \"certificates\" or \"networks\"";
  CHECK(problems("allow", "applications: [x]") == Lines{"1:35: " + message});
  CHECK(problems("warn", "applications: [x]") == Lines{"1:34: " + message});
  CHECK(problems("allow", "applications: [x], classes: [ddl_drop], databases: [d]") ==
        Lines{"1:35: " + message});
  CHECK(problems("allow", "applications: [x], users: ['*']") == Lines{"1:35: " + message});
  CHECK(problems("allow", "applications: [x], users: [migrator]") == Lines{});
  CHECK(problems("allow", "applications: [x], networks: [unix]") == Lines{});
  CHECK(problems("allow", "applications: [x], labels: ['*']") == Lines{});
  CHECK(problems("allow", "applications: [x], certificates: [x]") == Lines{});
  CHECK(problems("deny", "applications: [x]") == Lines{});
}

TEST_CASE("rules that can never be reached, and rules of the same name", "[rules]") {
  CHECK(rules_in("- {name: a, effect: deny, match: {classes: [ddl_drop, ddl_create]}}\n"
                 "- {name: b, effect: allow, match: {classes: [ddl_drop], users: [migrator]}}\n")
            .problems == Lines{"2:3: rule \"b\" can never be reached: everything that it matches is matched "
                               "by rule \"a\" before it, at "
                               "f.yaml:1:3 / remove one of the two, or put the narrower one first"});
  CHECK(rules_in("- {name: a, effect: allow, match: {classes: [ddl_drop], users: [migrator]}}\n"
                 "- {name: b, effect: deny, match: {classes: [ddl_drop, ddl_create]}}\n")
            .problems == Lines{});
  CHECK(rules_in("- {name: a, effect: allow, match: {users: [x]}}\n- {name: a, effect: deny, match: {}}\n")
            .problems == Lines{"2:3: another rule has the name \"a\" already / it is at f.yaml:1:3"});
}

TEST_CASE("nothing is said of what a faulty rule covers", "[rules]") {
  CHECK(
      rules_in(
          "- {name: a, effect: deny, match: {user: [x]}}\n- {name: b, effect: allow, match: {users: [y]}}\n")
          .problems == Lines{"1:35: unknown key \"user\" / did you mean \"users\"?"});
}

}  // namespace
}  // namespace pgwarden::config
