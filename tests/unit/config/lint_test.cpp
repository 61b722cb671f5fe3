#include "config/lint.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "config/keys.h"
#include "config/load.h"
#include "config/policy_yaml.h"

namespace pgwarden::config {
namespace {

using Lines = std::vector<std::string>;

/// "line:column: message" of every warning or, with "error: " in front, problem. Rules begin on line 2.
Lines lint(const std::string& text) {
  Lines lines;
  const std::string file =
      "listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://db.example.com'}]\n" + text;
  for (const Diagnostic& found : lint_text(file, "f.yaml")) {
    lines.push_back((found.severity == Severity::error ? "error: " : "") + std::to_string(found.line) + ":" +
                    std::to_string(found.column) + ": " + found.message);
    CHECK(format(found).find(found.severity == Severity::error ? ": error: " : ": warning: ") !=
          std::string::npos);
  }
  return lines;
}

TEST_CASE("nothing to say", "[lint]") {
  CHECK(lint("") == Lines{});
  CHECK(
      lint("rules:\n- {name: r, effect: deny, match: {classes: [read], objects: [secret, 's.t*', '*']}}\n") ==
      Lines{});
  // Its own words for what the preset denies anyway.
  CHECK(lint("rules:\n- {name: mine, effect: deny, match: {classes: [truncate, copy_out]}}\n") == Lines{});
}

TEST_CASE("errors come alone", "[lint]") {
  CHECK(lint("protect: []\nrules:\n- {name: r, effect: deny, mach: {}}\n") ==
        Lines{"error: 4:27: unknown key \"mach\""});
  CHECK(lint("rules:\n- {name: a, effect: deny, match: {}}\n- {name: b, effect: allow, match: {}}\n")[0]
            .starts_with("error: 4:3: rule \"b\" can never be reached"));
}

TEST_CASE("patterns that match every name without a schema", "[lint]") {
  const auto warning = [](const std::string& at, const std::string& pattern) {
    return at + ": \"" + pattern + "\" in a rule that does not allow matches every name without a schema too";
  };
  CHECK(lint("rules:\n- {name: r, effect: deny, match: {objects: [a, 'scratch.*'], functions: ['s.*']}}\n") ==
        Lines{warning("3:48", "scratch.*"), warning("3:74", "s.*")});
  CHECK(lint("rules:\n- {name: r, effect: allow, match: {classes: [lock], objects: ['scratch.*']}}\n") ==
        Lines{});
}

TEST_CASE("rules that take the place of the preset's", "[lint]") {
  CHECK(lint("rules:\n- {name: r, effect: allow, match: {classes: [ddl_drop, truncate]}}\n") ==
        Lines{"3:3: rule \"r\" (allow) takes the place of rules of the preset that answer otherwise: "
              "\"no-drop\", "
              "\"no-truncate\""});
  CHECK(lint("rules:\n- {name: r, effect: allow, match: {classes: [ddl_drop], users: [migrator]}}\n") ==
        Lines{});
  CHECK(lint("rules:\n- {name: no-drop, effect: deny, match: {classes: [read]}}\n") ==
        Lines{"3:3: rule \"no-drop\" has the name of a rule of the preset \"guarded\""});
}

TEST_CASE("nothing to say of what is written out", "[lint]") {
  for (const std::string_view preset : preset_names) {
    INFO(preset);
    const std::string file = "listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://db.example.com'}]\n";
    const Loaded loaded = load_text(file + "preset: " + std::string(preset) + "\n", "f.yaml");
    CHECK(lint(to_yaml(*loaded.config->policy)) == Lines{});
  }
}

TEST_CASE("labels that nobody has, and users that nobody asks for", "[lint]") {
  const std::string rule = "rules:\n- {name: r, effect: deny, match: {classes: [read], labels: ['a*']}}\n";
  const auto with_auth = [&](const std::string& label) {
    return lint_text(
        "listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://h', auth: managed}]\n"
        "users: [{name: u, trust: true, label: " +
            label + "}]\n" + rule,
        "f.yaml");
  };
  CHECK(with_auth("agent").empty());
  REQUIRE(with_auth("bot").size() == 1);
  CHECK(with_auth("bot")[0].message == "rule \"r\" can never match: no user has one of its \"labels\"");
  CHECK(lint(rule) == Lines{"3:3: rule \"r\" can never match: no user has one of its \"labels\""});
  CHECK(lint("rules:\n- {name: r, effect: deny, match: {classes: [read], certificates: ['*']}}\n") ==
        Lines{"3:3: rule \"r\" can never match: no listener asks for \"certificates\""});
  CHECK(lint("users: [{name: u, trust: true}]\n") == Lines{"2:8: no listener has these users log in"});
}

TEST_CASE("rules and files that can never deny", "[lint]") {
  CHECK(lint("protect: [other]\nrules:\n- {name: r, effect: deny, match: {}}\n")[0] ==
        "2:10: no upstream of this file is protected");
  CHECK(lint("rules:\n- {name: r, effect: deny, match: {classes: [read], hosts: [db2.example.com]}}\n") ==
        Lines{"3:3: rule \"r\" can never deny: none of the upstreams that its \"hosts\" match is protected"});
  CHECK(lint("rules:\n- {name: r, effect: deny, match: {classes: [read], hosts: ['DB.*']}}\n") == Lines{});
  CHECK(lint("rules:\n- {name: r, effect: allow, match: {classes: [read], hosts: [db2.example.com]}}\n") ==
        Lines{});
}

}  // namespace
}  // namespace pgwarden::config
