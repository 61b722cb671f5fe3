#include "config/policy_yaml.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "config/keys.h"
#include "config/load.h"

namespace pgwarden::config {
namespace {

const std::string listeners = "listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://h'}]\n";

policy::Policy load(const std::string& text) {
  const Loaded loaded = load_text(listeners + text, "f.yaml");
  for (const Diagnostic& diagnostic : loaded.diagnostics) UNSCOPED_INFO(format(diagnostic));
  REQUIRE(loaded.config);
  return *loaded.config->policy;
}

void check_same(const policy::Rule& a, const policy::Rule& b) {
  INFO(a.name);
  CHECK(a.name == b.name);
  CHECK(a.effect == b.effect);
  CHECK(a.on_deny == b.on_deny);
  CHECK(a.reason == b.reason);
  CHECK(a.hint == b.hint);
  for (std::size_t i = 0; i < match_keys.size(); ++i) {
    const auto key = static_cast<policy::MatchKey>(i);
    CHECK(to_yaml(a.match, key) == to_yaml(b.match, key));
  }
}

TEST_CASE("a policy that is written out loads as the same", "[policy_yaml]") {
  const policy::Policy original = load(R"(protect: ["*.example.com", 10.0.0.0/8, unix, "2001:db8::/32"]
rules:
  - name: everything
    effect: deny
    on_deny: terminate
    match:
      classes: [read, unknown, replication]
      kinds: [table, materialized_view, other]
      commands: ["DROP *", "a: b", "#c"]
      objects: ["*.t,u", "[x]", "null", "~", "yes", " lead", "'q'"]
      functions: [lo_*]
      users: ["123", "émile", "*x"]
      labels: ["[agent]"]
      certificates: ["*.example.com", "émile"]
      databases: [app]
      applications: ["{a}", "-", "?b", "&c", "!d", "%e", "@f", "`g"]
      networks: [10.0.0.0/8, "::1", unix, 192.168.1.5, "::ffff:0:0/96"]
      hosts: ["db?.example.com"]
      temporary: true
      cascade: false
    reason: "Two lines:\n  the second, \"quoted\"."
    hint: "# no comment"
  - {name: other, effect: warn, match: {classes: [read]}}
)");
  const std::string text = to_yaml(original);
  INFO(text);
  const policy::Policy again = load(text);
  REQUIRE(again.rules.size() == original.rules.size());
  for (std::size_t i = 0; i < again.rules.size(); ++i) check_same(again.rules[i], original.rules[i]);
  CHECK(again.default_effect == original.default_effect);
  CHECK(again.protect.hosts == original.protect.hosts);
  REQUIRE(again.protect.networks.size() == 3);
  CHECK(again.protects("10.9.9.9"));
  CHECK(again.protects("2001:db8::1"));
  CHECK_FALSE(again.protects("2001:db9::1"));
}

TEST_CASE("every preset can be written out", "[policy_yaml]") {
  for (const std::string_view preset : preset_names) {
    const policy::Policy original = load("preset: " + std::string(preset) + "\n");
    const policy::Policy again = load(to_yaml(original));
    INFO(preset);
    CHECK(again.default_effect == original.default_effect);
    CHECK(again.server_read_only == original.server_read_only);
    REQUIRE(again.rules.size() >= original.rules.size());
    for (std::size_t i = 0; i < original.rules.size(); ++i) check_same(again.rules[i], original.rules[i]);
  }
}

TEST_CASE("what is said against the preset is written out", "[policy_yaml]") {
  CHECK_FALSE(load(to_yaml(load("preset: read_only\nserver_read_only: false\n"))).server_read_only);
  CHECK(load(to_yaml(load("preset: observe\nserver_read_only: true\n"))).server_read_only);
}

TEST_CASE("rules without a say are mentioned, taken names made whole", "[policy_yaml]") {
  const std::string text = to_yaml(load(R"(protect: []
rules:
  - {name: no-ddl, effect: deny, match: {classes: [ddl_create]}}
  - {name: drops, effect: allow, match: {classes: [ddl_drop]}}
)"));
  CHECK(text.find("# no-drop (guarded:37) has no say: drops (f.yaml:5) matches all that it matches\n") !=
        std::string::npos);
  const policy::Policy again = load(text);
  CHECK(again.protect.hosts.empty());
  CHECK(again.rules[5].name == "guarded.no-ddl");
}

}  // namespace
}  // namespace pgwarden::config
