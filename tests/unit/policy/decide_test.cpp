#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "policy/matching.h"
#include "policy/verdict.h"
#include "tests/unit/policy/somebody.h"

// A match is written here by the few members that a test is about.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace pgwarden::policy {
namespace {

using enum StatementClass;

std::bitset<32> set_of(std::initializer_list<StatementClass> classes) {
  std::bitset<32> set;
  for (const StatementClass cls : classes) set.set(static_cast<std::size_t>(cls));
  return set;
}

Fact fact(StatementClass cls, std::string_view schema = "", std::string_view name = "") {
  Fact made;
  made.cls = cls;
  made.kind = name.empty() ? ObjectKind::none : ObjectKind::table;
  made.schema = schema;
  made.name = name;
  made.command = "COMMAND";
  return made;
}

Reading reading(std::vector<Fact> facts) {
  Reading made;
  made.facts = std::move(facts);
  return made;
}

Rule rule(std::string name, Effect effect, Match match = {}) {
  Rule made;
  made.name = std::move(name);
  made.effect = effect;
  made.match = std::move(match);
  made.file = "test.yaml";
  made.line = 7;
  return made;
}

Policy policy_of(std::vector<Rule> rules, Effect default_effect = Effect::allow) {
  Policy made;
  made.rules = std::move(rules);
  made.default_effect = default_effect;
  return made;
}

Effect effect_of(const Policy& policy, const Fact& fact, const Principal& who = somebody()) {
  return decide(policy, who, reading({fact})).effect;
}

TEST_CASE("the zero values deny", "[decide]") {
  CHECK(Verdict{}.effect == Effect::deny);
  CHECK(Rule{}.effect == Effect::deny);
  CHECK(Policy{}.default_effect == Effect::deny);
  const Verdict verdict = decide(Policy{}, somebody(), reading({fact(read)}));
  REQUIRE(verdict.effect == Effect::deny);
  CHECK(verdict.finding->rule == "default");
  CHECK(verdict.finding->reason == "No rule of the policy allows it.");
}

TEST_CASE("a text without statements is allowed", "[decide]") {
  const Verdict verdict = decide(Policy{}, somebody(), reading({}));
  CHECK(verdict.effect == Effect::allow);
  CHECK(verdict.finding == nullptr);
}

TEST_CASE("the first rule that matches a fact answers for it", "[decide]") {
  const Policy policy = policy_of({rule("a", Effect::warn, {.classes = set_of({ddl_drop})}),
                                   rule("b", Effect::deny, {.classes = set_of({ddl_drop})})});
  const Verdict verdict = decide(policy, somebody(), reading({fact(ddl_drop)}));
  CHECK(verdict.effect == Effect::warn);
  CHECK(verdict.finding->rule == "a");
}

TEST_CASE("the strictest fact decides: allowing one object never lets another through", "[decide]") {
  const Policy policy = policy_of({rule("scratch", Effect::allow, {.objects = {"tmp_*"}}),
                                   rule("watched", Effect::warn, {.objects = {"watched"}}),
                                   rule("no-drop", Effect::deny, {.classes = set_of({ddl_drop})})});
  const auto decided = [&](std::vector<Fact> facts) {
    return decide(policy, somebody(), reading(std::move(facts)));
  };
  const Fact scratch = fact(ddl_drop, "public", "tmp_1");
  const Fact watched = fact(ddl_drop, "public", "watched");
  const Fact users = fact(ddl_drop, "public", "users");
  CHECK(decided({scratch}).effect == Effect::allow);
  CHECK(decided({scratch, watched}).effect == Effect::warn);
  const Verdict verdict = decided({scratch, watched, users});
  REQUIRE(verdict.effect == Effect::deny);
  CHECK(verdict.finding->rule == "no-drop");
  CHECK(verdict.finding->name == "users");
  CHECK(verdict.finding->objects == std::vector<std::string>{"public.users"});
}

TEST_CASE("a finding holds the first of the strictest facts and where its rule is written", "[decide]") {
  Rule no_drop = rule("no-drop", Effect::deny, {.classes = set_of({ddl_drop})});
  no_drop.reason = "Because.";
  no_drop.hint = "Ask.";
  no_drop.on_deny = OnDeny::terminate;
  const Policy policy = policy_of({no_drop});
  Fact first = fact(ddl_drop, "public", "a");
  first.position = 11;
  first.command = "DROP TABLE";
  const Verdict verdict =
      decide(policy, somebody(), reading({fact(read, "", "z"), first, fact(ddl_drop, "", "b"), first}));
  const Finding& finding = *verdict.finding;
  CHECK(finding.cls == ddl_drop);
  CHECK(finding.kind == ObjectKind::table);
  CHECK(finding.command == "DROP TABLE");
  CHECK(finding.schema == "public");
  CHECK(finding.name == "a");
  CHECK(finding.position == 11);
  CHECK(finding.objects == std::vector<std::string>{"public.a", "b"});
  CHECK(finding.rule == "no-drop");
  CHECK(finding.file == "test.yaml");
  CHECK(finding.line == 7);
  CHECK(finding.reason == "Because.");
  CHECK(finding.hint == "Ask.");
  CHECK(finding.on_deny == OnDeny::terminate);
}

TEST_CASE("a finding holds the name of a part of a table, and never a literal", "[decide]") {
  const auto part_of = [](ObjectKind kind) {
    Fact made = fact(ddl_drop, "public", "t");
    made.kind = kind;
    made.argument = "word";
    return decide(Policy{}, somebody(), reading({made})).finding->part;
  };
  CHECK(part_of(ObjectKind::column) == "word");
  CHECK(part_of(ObjectKind::trigger) == "word");
  CHECK(part_of(ObjectKind::function).empty());
  CHECK(part_of(ObjectKind::setting).empty());
}

TEST_CASE("a finding lists at most 20 objects", "[decide]") {
  std::vector<std::string> names;
  for (int i = 0; i < 30; ++i) names.push_back("t" + std::to_string(i));
  std::vector<Fact> facts;
  for (const std::string& name : names) facts.push_back(fact(ddl_drop, "public", name));
  const Verdict verdict = decide(Policy{}, somebody(), reading(std::move(facts)));
  REQUIRE(verdict.finding->objects.size() == 20);
  CHECK(verdict.finding->objects.back() == "public.t19");
}

TEST_CASE("object patterns", "[decide]") {
  const auto denies = [](std::string pattern, const Fact& object) {
    return effect_of(policy_of({rule("r", Effect::deny, {.objects = {std::move(pattern)}})}), object) ==
           Effect::deny;
  };
  const auto allows = [](std::string pattern, const Fact& object) {
    return effect_of(policy_of({rule("r", Effect::allow, {.objects = {std::move(pattern)}})}, Effect::deny),
                     object) == Effect::allow;
  };
  const Fact qualified = fact(write, "public", "users");
  const Fact bare = fact(write, "", "users");

  SECTION("without a dot: the name, in any schema") {
    CHECK(denies("users", qualified));
    CHECK(denies("user*", bare));
    CHECK(allows("users", qualified));
    CHECK(allows("users", bare));
    CHECK_FALSE(denies("user", qualified));
  }
  SECTION("with a dot: schema and name") {
    CHECK(denies("public.users", qualified));
    CHECK(denies("p*.u*", qualified));
    CHECK(allows("public.users", qualified));
    CHECK_FALSE(denies("other.users", qualified));
    CHECK_FALSE(allows("other.users", qualified));
  }
  SECTION("a schema that search_path decides is any schema to a denial and none to a permission") {
    CHECK(denies("other.users", bare));
    CHECK_FALSE(denies("other.orders", bare));
    CHECK_FALSE(allows("public.users", bare));
    CHECK(allows("*.users", bare));
    CHECK(effect_of(policy_of({rule("r", Effect::warn, {.objects = {"other.users"}})}), bare) ==
          Effect::warn);
  }
  SECTION("no object, no match") {
    CHECK_FALSE(denies("*", fact(write)));
    CHECK_FALSE(allows("*", fact(write)));
  }
}

TEST_CASE("functions match facts about functions only", "[decide]") {
  const Policy policy = policy_of({rule("r", Effect::deny, {.functions = {"pg_catalog.pg_read_*"}})});
  Fact call = fact(call_sensitive, "pg_catalog", "pg_read_file");
  CHECK(effect_of(policy, call) == Effect::allow);  // it is said to be a table
  call.kind = ObjectKind::function;
  CHECK(effect_of(policy, call) == Effect::deny);
  call.kind = ObjectKind::procedure;
  CHECK(effect_of(policy, call) == Effect::deny);
  call.schema = "";
  CHECK(effect_of(policy, call) == Effect::deny);
  call.name = "lo_export";
  CHECK(effect_of(policy, call) == Effect::allow);
}

TEST_CASE("calls that only read are for rules that speak of functions", "[decide]") {
  Fact call = fact(read, "", "count");
  call.kind = ObjectKind::function;
  call.command = "call of function";
  const auto functions = std::bitset<32>().set(static_cast<std::size_t>(ObjectKind::function));
  const auto denied = [&](Match match) {
    const Policy policy = policy_of({rule("r", Effect::deny, std::move(match))});
    return effect_of(policy, call) == Effect::deny;
  };
  CHECK(denied({.functions = {"count"}}));
  CHECK(denied({.functions = {"pg_catalog.c*"}}));
  CHECK(denied({.kinds = functions}));
  CHECK(denied({.classes = set_of({read}), .functions = {"*"}}));
  CHECK_FALSE(denied({.functions = {"sum"}}));
  CHECK_FALSE(denied({.classes = set_of({call_sensitive}), .functions = {"*"}}));
  CHECK_FALSE(denied({.objects = {"scratch.*"}}));
  CHECK_FALSE(denied({.objects = {"*"}}));
  CHECK_FALSE(denied({.kinds = functions, .objects = {"scratch.*"}}));
  CHECK_FALSE(denied({.commands = {"*"}}));
  CHECK_FALSE(denied({.classes = set_of({read})}));
  CHECK_FALSE(denied({}));
  SECTION("without one, the statement's other facts decide") {
    CHECK(effect_of(policy_of({}, Effect::deny), call) == Effect::allow);
    const Policy selects =
        policy_of({rule("a", Effect::allow, {.commands = {"SELECT"}}), rule("b", Effect::deny)});
    Fact select = fact(read, "", "users");
    select.command = "SELECT";
    CHECK(decide(selects, somebody(), reading({select, call})).effect == Effect::allow);
    CHECK(decide(selects, somebody(), reading({fact(write, "", "users"), call})).effect == Effect::deny);
  }
  SECTION("a rule that allows comes before one that denies, unless it names objects") {
    const Rule denial = rule("d", Effect::deny, {.functions = {"count"}});
    CHECK(effect_of(policy_of({rule("a", Effect::allow, {.users = {"app"}}), denial}), call) ==
          Effect::allow);
    CHECK(effect_of(policy_of({rule("a", Effect::allow, {.objects = {"*"}}), denial}), call) == Effect::deny);
    CHECK(effect_of(policy_of({rule("a", Effect::deny, {.users = {"app"}}), denial}), call) == Effect::deny);
  }
  SECTION("a finding lists calls only where they are what is denied") {
    const Reading statement = reading({call, fact(write, "public", "a"), call});
    const Policy no_writes = policy_of({rule("r", Effect::deny)});
    CHECK(decide(no_writes, somebody(), statement).finding->objects == std::vector<std::string>{"public.a"});
    const Policy no_count = policy_of({rule("r", Effect::deny, {.functions = {"count"}})});
    CHECK(decide(no_count, somebody(), statement).finding->objects == std::vector<std::string>{"count"});
  }
}

TEST_CASE("kinds, commands and flags", "[decide]") {
  Fact object = fact(write, "", "users");
  object.command = "UPDATE";
  const auto denied = [&](Match match) {
    return effect_of(policy_of({rule("r", Effect::deny, std::move(match))}), object) == Effect::deny;
  };
  CHECK(denied({.kinds = std::bitset<32>().set(static_cast<std::size_t>(ObjectKind::table))}));
  CHECK_FALSE(denied({.kinds = std::bitset<32>().set(static_cast<std::size_t>(ObjectKind::view))}));
  CHECK(denied({.commands = {"delete", "upd*"}}));
  CHECK_FALSE(denied({.commands = {"INSERT"}}));
  CHECK(denied({.temporary = false}));
  CHECK_FALSE(denied({.temporary = true}));
  CHECK(denied({.cascade = false}));
  CHECK_FALSE(denied({.cascade = true}));
  CHECK(denied({.dynamic = false}));
  CHECK_FALSE(denied({.dynamic = true}));
  object.dynamic = true;
  CHECK_FALSE(denied({.dynamic = false}));
  CHECK(denied({.dynamic = true}));
}

TEST_CASE("who, where and from where", "[decide]") {
  const auto denied = [](Match match) {
    return effect_of(policy_of({rule("r", Effect::deny, std::move(match))}), fact(write)) == Effect::deny;
  };
  CHECK(denied({.users = {"migrator", "ap?"}}));
  CHECK_FALSE(denied({.users = {"migrator"}}));
  CHECK(denied({.databases = {"shop"}}));
  CHECK_FALSE(denied({.databases = {"shop2"}}));
  CHECK(denied({.applications = {"psql*"}}));
  CHECK_FALSE(denied({.applications = {"pgbench"}}));
  CHECK(denied({.hosts = {"*.EXAMPLE.com"}}));
  CHECK_FALSE(denied({.hosts = {"*.example.org"}}));
  CHECK(denied({.networks = {*parse_network("unix"), *parse_network("10.0.0.0/8")}}));
  CHECK_FALSE(denied({.networks = {*parse_network("unix")}}));
  CHECK_FALSE(denied({.users = {"app"}, .databases = {"other"}}));
  CHECK(denied({.labels = {"agent", "serv*"}}));
  CHECK_FALSE(denied({.labels = {"agent"}}));
  CHECK(denied({.certificates = {"app.*"}}));
  CHECK(denied({.certificates = {"www.example.com"}}));
  CHECK_FALSE(denied({.certificates = {"example.com"}}));
}

TEST_CASE("no pattern matches a label or a certificate that is not there", "[decide]") {
  Principal nobody = somebody();
  nobody.label.clear();
  nobody.certificates.clear();
  const auto answer = [](Match match, const Principal& who) {
    return effect_of(policy_of({rule("r", Effect::deny, std::move(match))}), fact(write), who);
  };
  CHECK(answer({.labels = {"*"}}, somebody()) == Effect::deny);
  CHECK(answer({.labels = {"*"}}, nobody) == Effect::allow);
  CHECK(answer({.certificates = {"*"}}, somebody()) == Effect::deny);
  CHECK(answer({.certificates = {"*"}}, nobody) == Effect::allow);
}

TEST_CASE("what cannot be analysed passes only where it is named", "[decide]") {
  for (const StatementClass cls : {unanalysable, unknown}) {
    const Fact dark = fact(cls);
    CHECK(effect_of(policy_of({rule("r", Effect::allow)}, Effect::deny), dark) == Effect::deny);
    CHECK(effect_of(policy_of({rule("r", Effect::warn)}, Effect::deny), dark) == Effect::deny);
    CHECK(effect_of(policy_of({rule("r", Effect::allow, {.users = {"app"}})}, Effect::deny), dark) ==
          Effect::deny);
    CHECK(effect_of(policy_of({rule("r", Effect::allow, {.classes = set_of({cls})})}, Effect::deny), dark) ==
          Effect::allow);
    CHECK(effect_of(policy_of({rule("r", Effect::deny)}), dark) == Effect::deny);
  }
}

TEST_CASE("what cannot be analysed is denied wherever something is", "[decide]") {
  const Fact dark = fact(unanalysable);
  const Match drops{.classes = set_of({ddl_drop}), .objects = {"public.users"}, .cascade = true};
  const Verdict verdict =
      decide(policy_of({rule("no-drop", Effect::deny, drops)}), somebody(), reading({dark}));
  REQUIRE(verdict.effect == Effect::deny);
  CHECK(verdict.finding->rule == "no-drop");
  Match others_drops = drops;
  others_drops.users = {"other"};
  CHECK(effect_of(policy_of({rule("r", Effect::deny, others_drops)}), dark) == Effect::allow);
  CHECK(effect_of(policy_of({rule("r", Effect::deny, {.classes = set_of({truncate})})}), dark) ==
        Effect::deny);
  CHECK(effect_of(policy_of({rule("r", Effect::warn, {.classes = set_of({truncate})})}), dark) ==
        Effect::allow);
  CHECK(effect_of(policy_of({rule("named", Effect::allow, {.classes = set_of({unanalysable})}),
                             rule("r", Effect::deny, drops)}),
                  dark) == Effect::allow);
}

TEST_CASE("the parser's words are in the finding of what cannot be analysed", "[decide]") {
  Reading unreadable = reading({fact(unanalysable)});
  unreadable.error = "syntax error at or near \"foo\"";
  unreadable.may_change_lexing = true;
  const Verdict verdict = decide(Policy{}, somebody(), unreadable);
  CHECK(verdict.finding->parse_error == "syntax error at or near \"foo\"");
  CHECK(verdict.may_change_lexing);
  CHECK_FALSE(decide(Policy{}, somebody(), reading({fact(read)})).may_change_lexing);
}

TEST_CASE("a connection that asks for replication", "[decide]") {
  const Policy policy = policy_of({rule("no-replication", Effect::deny, {.classes = set_of({replication})})});
  const Verdict verdict = decide_replication(policy, somebody());
  REQUIRE(verdict.effect == Effect::deny);
  CHECK(verdict.finding->command == "replication command");
  CHECK(decide_replication(policy_of({}), somebody()).effect == Effect::allow);
}

TEST_CASE("a FunctionCall of a function that the catalogue does not know is not nothing", "[decide]") {
  const Policy by_name = policy_of({rule("no-danger", Effect::deny, {.functions = {"danger"}})});
  CHECK(decide_function_call(by_name, somebody(), 4'000'000'000).effect == Effect::deny);
  CHECK(decide_function_call(Policy{}, somebody(), 4'000'000'000).effect == Effect::deny);
}

TEST_CASE("a FunctionCall of a function that only reads is a statement of its own", "[decide]") {
  constexpr std::uint32_t now_oid = 1299;
  const auto effect = [](const Policy& policy) {
    return decide_function_call(policy, somebody(), now_oid).effect;
  };
  CHECK(effect(policy_of({})) == Effect::allow);
  CHECK(effect(policy_of({rule("r", Effect::deny)})) == Effect::deny);
  CHECK(effect(policy_of({rule("r", Effect::deny, {.functions = {"now"}})})) == Effect::deny);
  CHECK(effect(policy_of({rule("r", Effect::deny, {.functions = {"lo_*"}})})) == Effect::allow);
}

TEST_CASE("protected hosts", "[decide]") {
  Policy policy;
  policy.protect.hosts = {"db.example.com", "*.prod.example.com", "/var/run/*"};
  policy.protect.networks = {*parse_network("10.0.0.0/8")};
  CHECK(policy.protects("db.example.com"));
  CHECK(policy.protects("DB.Example.com"));
  CHECK(policy.protects("a.prod.example.com"));
  CHECK(policy.protects("/var/run/postgresql"));
  CHECK(policy.protects("10.2.3.4"));
  CHECK_FALSE(policy.protects("11.2.3.4"));
  CHECK_FALSE(policy.protects("example.com"));
  CHECK_FALSE(policy.protects("/tmp"));
  CHECK_FALSE(policy.protects(""));
  CHECK_FALSE(Policy{}.protects("db.example.com"));
  policy.protect.networks = {*parse_network("unix")};
  CHECK(policy.protects("/tmp"));
  CHECK_FALSE(policy.protects("localhost"));
}

TEST_CASE("a rule covers a later one", "[decide]") {
  const auto covered = [](Match earlier, Match later, Effect first = Effect::deny,
                          Effect second = Effect::deny) {
    return covers(rule("a", first, std::move(earlier)), rule("b", second, std::move(later)));
  };
  CHECK(covered({}, {}));
  CHECK(covered({}, {.users = {"x"}}));
  CHECK_FALSE(covered({.users = {"x"}}, {}));
  CHECK(covered({.users = {"a*", "b*"}}, {.users = {"bc", "ad"}}));
  CHECK_FALSE(covered({.users = {"a*"}}, {.users = {"ab", "c"}}));
  CHECK(covered({.labels = {"a*"}}, {.labels = {"agent"}}));
  CHECK_FALSE(covered({.labels = {"*"}}, {}));
  CHECK_FALSE(covered({.labels = {"agent"}}, {.users = {"x"}}));
  CHECK(covered({.certificates = {"*.example.com"}}, {.certificates = {"a.example.com"}}));
  CHECK_FALSE(covered({.certificates = {"*"}}, {}));
  CHECK(covered({.classes = set_of({ddl_drop, truncate})}, {.classes = set_of({truncate})}));
  CHECK_FALSE(covered({.classes = set_of({truncate})}, {.classes = set_of({ddl_drop, truncate})}));
  CHECK(covered({.networks = {*parse_network("10.0.0.0/8")}}, {.networks = {*parse_network("10.1.0.0/16")}}));
  CHECK(covered({.temporary = true}, {.temporary = true}));
  CHECK_FALSE(covered({.temporary = true}, {.temporary = false}));
  CHECK_FALSE(covered({.cascade = true}, {}));
  CHECK(covered({.dynamic = false}, {.dynamic = false}));
  CHECK_FALSE(covered({.dynamic = false}, {.dynamic = true}));
  CHECK_FALSE(covered({.dynamic = false}, {}));
  CHECK(covered({.objects = {"tmp*"}}, {.objects = {"public.tmp_1"}}));
  CHECK(covered({.objects = {"public.*"}}, {.objects = {"public.tmp_1"}}));
  CHECK_FALSE(covered({.objects = {"public.*"}}, {.objects = {"tmp_1"}}));
  CHECK(covered({.hosts = {"*.EXAMPLE.com"}}, {.hosts = {"db.example.com"}}));
  CHECK_FALSE(covered({}, {.functions = {"f"}}));  // calls that only read
  CHECK(covered({.functions = {"*"}}, {.functions = {"f"}}));
  CHECK(covered({}, {.classes = set_of({call_sensitive}), .functions = {"f"}}));
  CHECK(covered({}, {.functions = {"f"}}, Effect::allow, Effect::warn));
  CHECK(covered({}, {.functions = {"f"}}, Effect::deny, Effect::allow));  // they pass without it
  SECTION("a permission does not take unknown statements, nor names without a schema, from a denial") {
    CHECK_FALSE(covered({}, {}, Effect::allow, Effect::deny));
    CHECK(covered({}, {}, Effect::allow, Effect::warn));
    const Match objects{.classes = set_of({write}), .objects = {"public.*"}};
    CHECK_FALSE(covered(objects, objects, Effect::allow, Effect::deny));
    CHECK(covered(objects, objects, Effect::allow, Effect::allow));
    CHECK(covered(objects, objects, Effect::deny, Effect::allow));
  }
}

}  // namespace
}  // namespace pgwarden::policy
