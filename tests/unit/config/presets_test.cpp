#include "config/presets.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <string>

#include "config/keys.h"
#include "policy/statement_reader.h"
#include "policy/verdict.h"

namespace pgwarden::config {
namespace {

using policy::Effect;
using policy::Fact;
using policy::StatementClass;
using enum policy::StatementClass;

policy::Policy preset(std::string_view name) {
  policy::Policy made;
  std::vector<Diagnostic> diagnostics;
  const bool sound = add_preset(name, made, diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) UNSCOPED_INFO(format(diagnostic));
  REQUIRE(sound);
  return made;
}

policy::Verdict decided(const policy::Policy& policy, const Fact& fact) {
  policy::Reading reading;
  reading.facts.push_back(fact);
  return policy::decide(policy, {}, reading);
}

Fact fact(StatementClass cls, bool temporary = false, std::string_view command = "COMMAND") {
  Fact made;
  made.cls = cls;
  made.temporary = temporary;
  made.command = command;
  return made;
}

/// The name of the rule that denies, or "-" when the fact passes.
std::string denied_by(const policy::Policy& policy, const Fact& fact) {
  const auto verdict = decided(policy, fact);
  return verdict.effect == Effect::allow ? "-" : verdict.finding->rule;
}

TEST_CASE("every preset is sound, and its rules say why and what now", "[presets]") {
  for (const std::string_view name : preset_names) {
    INFO(name);
    const policy::Policy made = preset(name);
    CHECK(made.preset == name);
    for (const policy::Rule& rule : made.rules) {
      INFO(rule.name);
      CHECK(rule.file == name);
      CHECK(rule.line > 0);
      CHECK_FALSE(rule.reason.empty());
      CHECK((rule.effect == Effect::allow || !rule.hint.empty()));
    }
  }
  CHECK(preset_text("nonsense").empty());
}

TEST_CASE("observe lets everything pass", "[presets]") {
  const policy::Policy observe = preset("observe");
  for (std::size_t i = 0; i < policy::statement_class_names.size(); ++i) {
    CHECK(denied_by(observe, fact(static_cast<StatementClass>(i))) == "-");
  }
}

TEST_CASE("guarded denies what destroys or reaches past the database", "[presets]") {
  const policy::Policy guarded = preset("guarded");
  CHECK(denied_by(guarded, fact(unanalysable)) == "unreadable-statement");
  CHECK(denied_by(guarded, fact(unknown)) == "unreadable-statement");
  CHECK(denied_by(guarded, fact(ddl_create)) == "no-ddl");
  CHECK(denied_by(guarded, fact(ddl_alter)) == "no-ddl");
  CHECK(denied_by(guarded, fact(ddl_drop)) == "no-drop");
  CHECK(denied_by(guarded, fact(truncate)) == "no-truncate");
  CHECK(denied_by(guarded, fact(write_unbounded)) == "no-unbounded-write");
  CHECK(denied_by(guarded, fact(dcl)) == "no-roles-or-grants");
  CHECK(denied_by(guarded, fact(StatementClass::system)) == "no-server-administration");
  CHECK(denied_by(guarded, fact(code)) == "no-code");
  CHECK(denied_by(guarded, fact(catalog_write)) == "no-catalog-write");
  CHECK(denied_by(guarded, fact(copy_program)) == "no-server-files");
  CHECK(denied_by(guarded, fact(copy_file)) == "no-server-files");
  CHECK(denied_by(guarded, fact(replication)) == "no-replication");
  CHECK(denied_by(guarded, fact(call_sensitive)) == "no-sensitive-functions");
  for (const StatementClass cls : {StatementClass::read, StatementClass::write, copy_in, copy_out,
                                   transaction, session, cursor, prepare, lock, maintenance}) {
    INFO(policy::name_of(cls));
    CHECK(denied_by(guarded, fact(cls)) == "-");
  }
  for (const StatementClass cls : {ddl_create, ddl_alter, ddl_drop, truncate}) {
    INFO(policy::name_of(cls));
    CHECK(denied_by(guarded, fact(cls, true)) == "-");
  }
}

TEST_CASE("a function of the session may be made when all of its code is seen and allowed", "[presets]") {
  const auto answer = [](std::string_view name, std::string_view sql) {
    const policy::Reading reading = policy::read_statements(sql, {});
    return policy::decide(preset(name), {}, reading).effect;
  };
  const auto function = [](const std::string& name, const std::string& body, const std::string& language) {
    return "CREATE OR REPLACE FUNCTION " + name + "() RETURNS void LANGUAGE " + language + " AS $f$ " + body +
           " $f$";
  };
  const std::string insert = "BEGIN INSERT INTO t VALUES (1); EXCEPTION WHEN unique_violation THEN NULL; END";
  for (const std::string_view name : {"guarded", "append_only"}) {
    INFO(name);
    CHECK(answer(name, function("pg_temp.f", insert, "plpgsql")) == Effect::allow);
    CHECK(answer(name, function("pg_temp.f", "SELECT 1", "sql")) == Effect::allow);
    CHECK(answer(name, "DROP FUNCTION IF EXISTS pg_temp.f()") == Effect::allow);
    CHECK(answer(name, function("f", insert, "plpgsql")) == Effect::deny);
    CHECK(answer(name, function("public.f", insert, "plpgsql")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "BEGIN DROP TABLE t; END", "plpgsql")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "TRUNCATE t", "sql")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "BEGIN EXECUTE 'DROP ' || 'TABLE t'; END", "plpgsql")) ==
          Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "DECLARE x text; BEGIN EXECUTE x; END", "plpgsql")) ==
          Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "BEGIN PERFORM lo_unlink(1); END", "plpgsql")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "import os", "plpython3u")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "lo_unlink", "internal")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", insert, "plpgsql SET search_path = x")) == Effect::deny);
    CHECK(answer(name, function("pg_temp.f", "BEGIN SET client_encoding = 'SJIS'; END", "plpgsql")) ==
          Effect::deny);
    CHECK(answer(name,
                 "CREATE AGGREGATE pg_temp.a(oid) (SFUNC = oidlarger, STYPE = oid, FINALFUNC = lo_unlink)") ==
          Effect::deny);
    CHECK(answer(name, "CREATE PROCEDURE pg_temp.f() LANGUAGE plpgsql AS 'BEGIN NULL; END'") == Effect::deny);
  }
  CHECK(answer("append_only", function("pg_temp.f", "DELETE FROM t WHERE id = 1", "sql")) == Effect::deny);
  CHECK(answer("read_only", function("pg_temp.f", insert, "plpgsql")) == Effect::deny);
}

TEST_CASE("append_only takes new rows and keeps the old", "[presets]") {
  const policy::Policy append_only = preset("append_only");
  CHECK(denied_by(append_only, fact(StatementClass::write, false, "INSERT")) == "-");
  CHECK(denied_by(append_only, fact(copy_in)) == "-");
  for (const char* command : {"UPDATE", "DELETE", "MERGE", "INSERT ON CONFLICT DO UPDATE"}) {
    INFO(command);
    CHECK(denied_by(append_only, fact(StatementClass::write, false, command)) == "no-change-of-rows");
  }
  CHECK(denied_by(append_only, fact(write_unbounded)) == "no-unbounded-write");
  CHECK(denied_by(append_only, fact(ddl_drop)) == "no-drop");
  CHECK(denied_by(append_only, fact(StatementClass::read)) == "-");
}

TEST_CASE("append_only has every rule of guarded", "[presets]") {
  const policy::Policy append_only = preset("append_only");
  for (const policy::Rule& expected : preset("guarded").rules) {
    INFO(expected.name);
    const auto same = [&](const policy::Rule& rule) {
      const bool classes = (expected.match.classes & ~rule.match.classes).none();
      return rule.name == expected.name && rule.effect == expected.effect && classes &&
             rule.hint == expected.hint;
    };
    CHECK(std::any_of(append_only.rules.begin(), append_only.rules.end(), same));
  }
}

TEST_CASE("read_only lets reading pass", "[presets]") {
  const policy::Policy read_only = preset("read_only");
  CHECK(read_only.default_effect == Effect::deny);
  for (std::size_t i = 0; i < policy::statement_class_names.size(); ++i) {
    const auto cls = static_cast<StatementClass>(i);
    INFO(policy::name_of(cls));
    const bool reads = cls == StatementClass::read || cls == session || cls == transaction || cls == cursor ||
                       cls == prepare || cls == copy_out;
    const bool unreadable = cls == unknown || cls == unanalysable;
    CHECK(denied_by(read_only, fact(cls)) == (reads        ? "-"
                                              : unreadable ? "unreadable-statement"
                                                           : "read-only"));
  }
  // A read-only transaction of the server creates no temporary table.
  CHECK(denied_by(read_only, fact(ddl_create, true)) == "read-only");
}

TEST_CASE("read_only holds on the server, and nobody may change that", "[presets]") {
  const policy::Policy read_only = preset("read_only");
  CHECK(read_only.server_read_only);
  for (const std::string_view name : {"observe", "guarded", "append_only"}) {
    CHECK_FALSE(preset(name).server_read_only);
  }
  for (const std::string_view sql :
       {"BEGIN READ WRITE", "SET transaction_read_only = off", "SET default_transaction_read_only = 0",
        "SELECT set_config('default_transaction_read_only', 'off', false)"}) {
    INFO(sql);
    CHECK(policy::decide(read_only, {}, policy::read_statements(sql, {})).effect == Effect::deny);
  }
  for (const std::string_view sql :
       {"BEGIN READ ONLY", "SET default_transaction_read_only = on", "RESET ALL", "DISCARD ALL"}) {
    INFO(sql);
    CHECK(policy::decide(read_only, {}, policy::read_statements(sql, {})).effect == Effect::allow);
  }
}

}  // namespace
}  // namespace pgwarden::config
