#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "policy/statement_reader.h"

namespace pgwarden::policy {
namespace {

using Facts = std::vector<std::string>;

/// "ddl_drop: DROP TABLE a", and "code: DO dynamic" for code that may run what is not seen. Each fact once;
/// calls that only read are left out.
Facts facts_of_code(const std::string& sql) {
  const Reading reading = read_statements(sql, {});
  Facts facts;
  for (const Fact& fact : reading.facts) {
    if (is_harmless_call(fact)) continue;
    std::string text = std::string(name_of(fact.cls)) + ": " + std::string(fact.command);
    if (!fact.name.empty()) text.append(" ").append(fact.name);
    if (fact.dynamic) text += " dynamic";
    if (std::find(facts.begin(), facts.end(), text) == facts.end()) facts.push_back(text);
  }
  return facts;
}

Facts facts_of_do(const std::string& body) { return facts_of_code("DO $do$" + body + "$do$"); }

/// The facts of the statements in a DO block; besides them there is the block itself, read completely.
Facts facts_within(const std::string& statements, const std::string& declarations = "") {
  Facts facts = facts_of_do("DECLARE " + declarations + " BEGIN " + statements + " END");
  if (facts.empty() || facts.front() != "code: DO") return {"not read"};
  facts.erase(facts.begin());
  return facts;
}

bool is_dynamic(const std::string& sql) {
  const Facts facts = facts_of_code(sql);
  return !facts.empty() && std::any_of(facts.begin(), facts.end(),
                                       [](const std::string& fact) { return fact.ends_with("dynamic"); });
}

bool is_dynamic_do(const std::string& body) { return is_dynamic("DO $do$" + body + "$do$"); }

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

const Facts dropped{"ddl_drop: DROP TABLE t"};
const Facts unlinked{"call_sensitive: call of function lo_unlink"};

}  // namespace

TEST_CASE("harmless code says nothing but that it is code", "[code]") {
  for (const std::string& body : Facts{
           "BEGIN END",
           "BEGIN NULL; END;",
           "#variable_conflict use_column\nBEGIN NULL; END",
           "DECLARE x int := 1; y CONSTANT text NOT NULL DEFAULT 'a'; z t.a%TYPE; BEGIN x := x + 1; END",
           "DECLARE a int[]; r record; BEGIN a[1] := 3; a[1:2] := '{1,2}'; r := ROW(1, 2); r.f1 := 5; END",
           "<<o>> DECLARE x int; BEGIN DECLARE x int; BEGIN o.x := 1; EXIT o WHEN x > 1; END; END o",
           "DECLARE x int; y ALIAS FOR x; BEGIN y := 1; GET DIAGNOSTICS x = ROW_COUNT; END",
           "BEGIN IF 1 = 2 THEN NULL; ELSIF true THEN NULL; ELSE NULL; END IF; END",
           "DECLARE x int; BEGIN CASE x WHEN 1, 2 THEN NULL; ELSE NULL; END CASE; END",
           "BEGIN CASE WHEN 1 = 1 THEN NULL; END CASE; END",
           "BEGIN FOR i IN REVERSE 10..1 BY 2 LOOP CONTINUE WHEN i = 3; END LOOP; END",
           "BEGIN WHILE false LOOP NULL; END LOOP; END",
           "DECLARE x int; BEGIN FOREACH x IN ARRAY '{1}'::int[] LOOP RAISE 'x % %', x, 1; END LOOP; END",
           "BEGIN RAISE EXCEPTION USING MESSAGE = 'a' || 1, ERRCODE = '22012'; END",
           "BEGIN NULL; EXCEPTION WHEN division_by_zero OR SQLSTATE '22012' THEN RAISE; END",
           "BEGIN ASSERT 1 = 1, 'no'; RETURN; END",
           "BEGIN PERFORM 1; PERFORM now(), 2; END",
       }) {
    INFO(body);
    CHECK(facts_of_do(body) == Facts{"code: DO"});
  }
}

TEST_CASE("every statement in a block is a fact", "[code]") {
  CHECK(facts_within("DROP TABLE t;") == dropped);
  CHECK(facts_within("INSERT INTO a VALUES (1); UPDATE b SET x = 1 WHERE id = 2; DELETE FROM c;") ==
        Facts{"write: INSERT a", "write: UPDATE b", "write_unbounded: DELETE c"});
  CHECK(facts_within("SELECT x INTO n FROM a;", "n int;") == Facts{"read: SELECT a"});
  CHECK(facts_within("INSERT INTO a VALUES (1) RETURNING x INTO STRICT n;", "n int;") ==
        Facts{"write: INSERT a"});
  CHECK(facts_within("CALL p(1);") == Facts{"code: CALL p dynamic"});
  CHECK(facts_within("COMMIT; ROLLBACK AND CHAIN;") == Facts{"transaction: COMMIT", "transaction: ROLLBACK"});
  CHECK(facts_within("SET search_path = a;") == Facts{"session: SET search_path"});
  CHECK(facts_within("CREATE TEMP TABLE t (a int); TRUNCATE t;") ==
        Facts{"ddl_create: CREATE TABLE t", "truncate: TRUNCATE t"});
  CHECK(facts_within("DO $$BEGIN DROP TABLE t; END$$;") == dropped);
  CHECK(facts_within("DO $$BEGIN EXECUTE current_user; END$$;") ==
        Facts{"code: DO dynamic", "code: EXECUTE dynamic"});
  CHECK(facts_within("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; DELETE FROM t; END;") ==
        Facts{"ddl_create: CREATE FUNCTION f", "code: CREATE FUNCTION f", "write_unbounded: DELETE t"});
}

TEST_CASE("statements are found wherever code nests them", "[code]") {
  for (const std::string& statements : Facts{
           "BEGIN BEGIN DROP TABLE t; END; END;",
           "<<l>> BEGIN DROP TABLE t; END l;",
           "BEGIN NULL; EXCEPTION WHEN OTHERS THEN DROP TABLE t; END;",
           "BEGIN NULL; EXCEPTION WHEN division_by_zero THEN NULL; WHEN OTHERS THEN DROP TABLE t; END;",
           "IF true THEN DROP TABLE t; END IF;",
           "IF true THEN NULL; ELSIF false THEN DROP TABLE t; END IF;",
           "IF true THEN NULL; ELSE DROP TABLE t; END IF;",
           "CASE 1 WHEN 1 THEN DROP TABLE t; END CASE;",
           "CASE WHEN true THEN NULL; ELSE DROP TABLE t; END CASE;",
           "LOOP DROP TABLE t; END LOOP;",
           "WHILE true LOOP DROP TABLE t; END LOOP;",
           "FOR i IN 1..2 LOOP DROP TABLE t; END LOOP;",
           "FOR r IN SELECT 1 LOOP DROP TABLE t; END LOOP;",
           "FOR r IN EXECUTE 'SELECT 1' LOOP DROP TABLE t; END LOOP;",
           "FOR r IN c LOOP DROP TABLE t; END LOOP;",
           "FOREACH n IN ARRAY '{1}'::int[] LOOP DROP TABLE t; END LOOP;",
           "/* a */ DROP -- b\n TABLE t;",
       }) {
    INFO(statements);
    CHECK(facts_within(statements, "r record; n int; c CURSOR FOR SELECT 1;") == dropped);
  }
}

TEST_CASE("every expression is read", "[code]") {
  for (const std::string& statements : Facts{
           "n := lo_unlink(5);",
           "n = 1 + lo_unlink(5);",
           "a[lo_unlink(5)] := 1;",
           "a[1] := lo_unlink(5);",
           "r.x := lo_unlink(5);",
           "IF lo_unlink(5) = 1 THEN NULL; END IF;",
           "IF true THEN NULL; ELSIF lo_unlink(5) = 1 THEN NULL; END IF;",
           "CASE lo_unlink(5) WHEN 1 THEN NULL; END CASE;",
           "CASE 1 WHEN 2, lo_unlink(5) THEN NULL; END CASE;",
           "CASE WHEN lo_unlink(5) = 1 THEN NULL; END CASE;",
           "WHILE lo_unlink(5) = 1 LOOP NULL; END LOOP;",
           "FOR i IN lo_unlink(5)..2 LOOP NULL; END LOOP;",
           "FOR i IN 1..lo_unlink(5) LOOP NULL; END LOOP;",
           "FOR i IN 1..2 BY lo_unlink(5) LOOP NULL; END LOOP;",
           "FOR r IN SELECT lo_unlink(5) LOOP NULL; END LOOP;",
           "FOR r IN c(lo_unlink(5)) LOOP NULL; END LOOP;",
           "FOR r IN EXECUTE 'SELECT $1' USING lo_unlink(5) LOOP NULL; END LOOP;",
           "FOREACH n IN ARRAY ARRAY[lo_unlink(5)] LOOP NULL; END LOOP;",
           "LOOP EXIT WHEN lo_unlink(5) = 1; END LOOP;",
           "RAISE NOTICE '%', lo_unlink(5);",
           "RAISE NOTICE USING MESSAGE = lo_unlink(5);",
           "ASSERT lo_unlink(5) = 1;",
           "ASSERT false, lo_unlink(5);",
           "PERFORM lo_unlink(5);",
           "EXECUTE 'SELECT 1' USING lo_unlink(5);",
           "EXECUTE 'SELECT lo_unlink(5)';",
           "OPEN c(lo_unlink(5));",
           "OPEN c(x := lo_unlink(5));",
           "OPEN d FOR SELECT lo_unlink(5);",
           "OPEN d FOR EXECUTE 'SELECT 1' USING lo_unlink(5);",
           "MOVE FORWARD lo_unlink(5) FROM d;",
           "SELECT lo_unlink(5) INTO n;",
           "DECLARE x int := lo_unlink(5); BEGIN NULL; END;",
           "DECLARE x record := ROW(lo_unlink(5)); BEGIN NULL; END;",
           "DECLARE x CURSOR FOR SELECT lo_unlink(5); BEGIN NULL; END;",
           "RETURN lo_unlink(5);",
       }) {
    INFO(statements);
    CHECK(facts_within(statements, "n int; a int[]; r record; d refcursor; c CURSOR (x int) FOR SELECT x;") ==
          unlinked);
  }
}

TEST_CASE("a constant text that is run is judged as such", "[code]") {
  const Facts opaque{"code: DO dynamic", "code: EXECUTE dynamic"};
  const auto declared = [](const std::string& before, const std::string& text, const std::string& after) {
    std::string body = "DECLARE q text; r record; d refcursor; BEGIN ";
    body.append(before).append(text).append(after).append(" END");
    return facts_of_do(body);
  };
  for (const auto& [before, after] :
       std::vector<std::pair<std::string, std::string>>{{"EXECUTE ", ";"},
                                                        {"EXECUTE ", " INTO r USING 1;"},
                                                        {"FOR r IN EXECUTE ", " LOOP NULL; END LOOP;"},
                                                        {"OPEN d FOR EXECUTE ", ";"},
                                                        {"OPEN d SCROLL FOR EXECUTE ", " USING 2;"}}) {
    INFO(before << after);
    const Facts known{"code: DO", "ddl_drop: DROP TABLE t"};
    CHECK(declared(before, "'DROP TABLE t'", after) == known);
    CHECK(declared(before, "'DROP ' || 'TABLE' || $$ t$$", after) == known);
    CHECK(declared(before, "E'DROP \\x54ABLE t'", after) == known);
    CHECK(declared(before, "'DROP TABLE t'::text", after) == known);
    CHECK(declared(before, "'SELECT 1; DROP TABLE t'", after) == known);
    CHECK(declared(before, "'DROP TABLE ' || 't'::varchar(1)", after) == opaque);
    CHECK(declared(before, "'DROP ' || q", after) == opaque);
    CHECK(declared(before, "'DROP '::text || ('TABLE ' || q)", after) == opaque);
    CHECK(declared(before, "format('DROP TABLE %I', 't')", after) == opaque);
    CHECK(declared(before, "q", after) == opaque);
    CHECK(declared(before, "(SELECT 'DROP TABLE t')", after) == opaque);
    CHECK(declared(before, "concat('DROP', ' TABLE t')", after) == opaque);
  }
  CHECK(declared("EXECUTE ", "'DO $x$BEGIN EXECUTE ''DROP TABLE t''; END$x$'", ";") ==
        Facts{"code: DO", "ddl_drop: DROP TABLE t"});
  CHECK(declared("EXECUTE ", "'CREATE TABLE'", ";") ==
        Facts{"code: DO dynamic", "unanalysable: statement", "code: EXECUTE dynamic"});
}

TEST_CASE("an unknown statement is a fact at the place of the block", "[code]") {
  const Reading reading = read_statements("SELECT 1; DO 'BEGIN EXECUTE current_user; DROP TABLE t; END'", {});
  REQUIRE(reading.facts.size() == 4);
  CHECK(reading.facts[1].command == "DO");
  CHECK_FALSE(reading.facts[1].inner);
  CHECK(reading.facts[2].command == "EXECUTE");
  CHECK(reading.facts[2].position == reading.facts[1].position);
  CHECK(reading.facts[2].inner);
  CHECK(reading.facts[3].command == "DROP TABLE");
  CHECK(reading.facts[3].position == 13);
  CHECK(reading.facts[3].inner);
  CHECK(reading.may_change_lexing);
  CHECK(reading.may_hide_temporary);
  const Reading harmless = read_statements("DO 'BEGIN UPDATE t SET a = 1 WHERE id = 1; END'", {});
  CHECK_FALSE(harmless.may_change_lexing);
  CHECK_FALSE(harmless.may_hide_temporary);
  CHECK(read_statements("DO 'BEGIN SET search_path = public, pg_temp; END'", {}).may_hide_temporary);
  CHECK(read_statements("DO 'BEGIN DROP TABLE t; END'", {}).may_hide_temporary);
}

TEST_CASE("which language a body is in", "[code]") {
  const std::string body = " $$BEGIN NULL; END$$ ";
  for (const std::string& sql : Facts{"DO" + body, "DO LANGUAGE plpgsql" + body, "DO LANGUAGE PLpgSQL" + body,
                                      "DO" + body + "LANGUAGE 'plpgsql'", "DO LANGUAGE \"plpgsql\"" + body}) {
    INFO(sql);
    CHECK(facts_of_code(sql) == Facts{"code: DO"});
  }
  for (const std::string& sql :
       Facts{"DO LANGUAGE plpython3u" + body, "DO LANGUAGE 'PLpgSQL'" + body, "DO LANGUAGE sql $$SELECT 1$$",
             "DO LANGUAGE plpgsql LANGUAGE plperl" + body, "DO $$BEGIN END$$" + body,
             std::string("DO LANGUAGE plpgsql")}) {
    INFO(sql);
    CHECK(facts_of_code(sql) == Facts{"code: DO dynamic"});
  }
}

TEST_CASE("bodies of functions", "[code]") {
  const Facts known{"ddl_create: CREATE FUNCTION f", "code: CREATE FUNCTION f"};
  const Facts unknown{"ddl_create: CREATE FUNCTION f", "code: CREATE FUNCTION f dynamic"};
  const auto with = [](Facts facts, const Facts& more) {
    facts.insert(facts.end(), more.begin(), more.end());
    return facts;
  };
  for (const std::string& sql : Facts{
           "CREATE FUNCTION f(a int, OUT b int) LANGUAGE plpgsql AS 'BEGIN b := a; b := $1; f.b := 1; END'",
           "CREATE FUNCTION f(int) RETURNS int LANGUAGE plpgsql AS 'DECLARE x ALIAS FOR $1; BEGIN END'",
           "CREATE FUNCTION s.f() RETURNS trigger AS 'BEGIN NEW.x := 1; RETURN NEW; END' LANGUAGE plpgsql",
           "CREATE FUNCTION f() RETURNS SETOF int AS 'BEGIN RETURN NEXT 1; END' LANGUAGE 'plpgsql'",
           "CREATE FUNCTION f() RETURNS SETOF int AS 'BEGIN RETURN QUERY SELECT 1; END' LANGUAGE plpgsql",
           "CREATE FUNCTION f() RETURNS TABLE (x int) AS $$BEGIN x := 1; RETURN NEXT; END$$ LANGUAGE plpgsql",
           "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
           "CREATE FUNCTION f() RETURNS int RETURN 1",
           "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END",
       }) {
    INFO(sql);
    CHECK(facts_of_code(sql) == known);
  }
  const std::string head = "CREATE FUNCTION f() RETURNS SETOF int LANGUAGE ";
  CHECK(facts_of_code(head + "sql AS 'SELECT 1; DROP TABLE t'") == with(known, dropped));
  CHECK(facts_of_code(head + "sql BEGIN ATOMIC SELECT 1; DROP TABLE t; END") == with(known, dropped));
  CHECK(facts_of_code(head + "plpgsql AS 'BEGIN DROP TABLE t; END'") == with(known, dropped));
  CHECK(facts_of_code(head + "plpgsql AS 'BEGIN RETURN QUERY SELECT lo_unlink(5); END'") ==
        with(known, unlinked));
  CHECK(facts_of_code(head + "plpgsql AS 'BEGIN RETURN NEXT lo_unlink(5); END'") == with(known, unlinked));
  CHECK(facts_of_code(head + "plpgsql AS $$BEGIN RETURN QUERY EXECUTE 'DROP TABLE t' USING 1; END$$") ==
        with(known, dropped));
  CHECK(facts_of_code(head + "plpgsql AS 'BEGIN RETURN QUERY EXECUTE current_user; END'") ==
        with(unknown, {"code: EXECUTE dynamic"}));
  CHECK(
      facts_of_code("CREATE FUNCTION f(a int DEFAULT lo_unlink(5)) RETURNS int LANGUAGE sql AS 'SELECT 1'") ==
      with(known, unlinked));
  CHECK(facts_of_code("CREATE PROCEDURE p() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'") ==
        Facts{"ddl_create: CREATE PROCEDURE p", "code: CREATE PROCEDURE p", "transaction: COMMIT"});
  for (const std::string& tail :
       Facts{"c AS 'a', 'b'", "internal AS 'dlclose'", "plperl AS 'x'", "sql", "plpgsql",
             "sql LANGUAGE plpgsql AS 'BEGIN END'", "sql AS 'SELECT 1' AS 'SELECT 1'",
             "plpgsql BEGIN ATOMIC SELECT 1; END", "sql AS 'SELECT 1' RETURN 1"}) {
    INFO(tail);
    CHECK(facts_of_code(head + tail) == unknown);
  }
  CHECK(facts_of_code("CREATE FUNCTION f() RETURNS int AS 'SELECT 1'") == unknown);
  CHECK(facts_of_code(head + "plpgsql SET session_replication_role = replica AS 'BEGIN DROP TABLE t; END'") ==
        with(unknown, dropped));
}

TEST_CASE("code that a server may read otherwise is dynamic", "[code]") {
  // Off, the string goes on to the last quote; on, there is a statement between them.
  CHECK(is_dynamic_do(R"(DECLARE x text; BEGIN x := '\'; DROP TABLE t; --'; END)"));
  CHECK(is_dynamic_do(R"(DECLARE x text; BEGIN x := 'a\\'; END)"));
  CHECK(facts_of_do(R"(DECLARE x text; BEGIN x := 'a\b'; x := E'a\'b'; x := $$\'$$; END)") ==
        Facts{"code: DO"});
  // The same in the text that is run.
  CHECK(facts_of_do(R"(BEGIN EXECUTE $$SELECT '\'; DROP TABLE t; --'$$; END)") ==
        Facts{"code: DO", "ddl_drop: DROP TABLE t"});
}

TEST_CASE("code that changes how later texts are read is dynamic: its calls do not show it", "[code]") {
  for (const std::string& body :
       Facts{"SET client_encoding = 'SJIS'", "SET LOCAL standard_conforming_strings = off",
             "RESET client_encoding", "RESET ALL", "SET NAMES 'SJIS'"}) {
    INFO(body);
    CHECK(is_dynamic_do("BEGIN " + body + "; END"));
    CHECK(is_dynamic("CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS $$ " + body + " $$"));
  }
  CHECK_FALSE(is_dynamic_do("BEGIN SET work_mem = '1MB'; END"));
}

TEST_CASE("options and aggregates that call functions unseen are dynamic code", "[code]") {
  const std::string function = "CREATE FUNCTION pg_temp.f(int) RETURNS int LANGUAGE sql AS 'SELECT 1' ";
  CHECK_FALSE(is_dynamic(function + "IMMUTABLE STRICT PARALLEL SAFE"));
  CHECK(is_dynamic(function + "SUPPORT g"));
  CHECK(is_dynamic(function + "TRANSFORM FOR TYPE t"));
  CHECK(
      is_dynamic("CREATE AGGREGATE pg_temp.a(oid) (SFUNC = oidlarger, STYPE = oid, FINALFUNC = lo_unlink)"));
  CHECK(is_dynamic("CREATE OR REPLACE AGGREGATE pg_temp.a(oid) (SFUNC = f, STYPE = oid)"));
  CHECK(is_dynamic("CREATE AGGREGATE pg_temp.a (BASETYPE = oid, SFUNC = f, STYPE = oid)"));
}

TEST_CASE("what the compiler refuses is dynamic", "[code]") {
  for (const std::string& body : Facts{
           "",
           ";",
           "garbage",
           "BEGIN",
           "END",
           "BEGIN x",
           "BEGIN x := 1; END",
           "BEGIN NULL; END; DROP TABLE t",
           "BEGIN 'unterminated; END",
           "BEGIN \"unterminated; END",
           "BEGIN /* unterminated; END",
           "BEGIN $$; END",
           "BEGIN SELECT (1; END",
           "#option dump",
           "#option nonsense\nBEGIN END",
           "#",
           "<<a>>",
           "<<a>> BEGIN END b",
           "BEGIN EXIT nowhere; END",
           "BEGIN OPEN c; END",
           "BEGIN FOR r IN c LOOP END LOOP; END",
           "DECLARE c CURSOR (a int) FOR SELECT 1; BEGIN OPEN c; END",
           "DECLARE x; BEGIN END",
           "DECLARE BEGIN",
           "DECLARE x int; x int; BEGIN END",
           "BEGIN RETURN NEXT 1; END",
           "BEGIN RETURN QUERY SELECT 1; END",
           "BEGIN EXECUTE; END",
           "BEGIN RAISE 'a %'; END",
           "BEGIN GET DIAGNOSTICS x = nonsense; END",
           "DECLARE x t%ROWTYPE; BEGIN x.a := 1; END",
           "BEGIN \\! ls; END",
           "BEGIN CASE END CASE; END",
           "\x01\x02\x7f\xff\xfe",
           "BEGIN \xff\xfe := 1; END",
           "DECLARE \xff int; BEGIN \xc3 := 1; END",
       }) {
    INFO(body);
    CHECK(facts_of_do(body) == Facts{"code: DO dynamic"});
  }
  // Expressions are read one by one: what is wrong with one of them is said.
  CHECK(facts_of_do("DECLARE x int; BEGIN x := 1 +; END") ==
        Facts{"code: DO dynamic", "unanalysable: statement"});
  CHECK(facts_of_do("BEGIN SELEC 1; END") == Facts{"code: DO dynamic", "unanalysable: statement"});
}

TEST_CASE("a body that cannot be read leaves nothing behind", "[code]") {
  for (int i = 0; i < 200; ++i) {
    CHECK(is_dynamic_do("BEGIN 'unterminated; END"));
    CHECK(is_dynamic_do("DECLARE x int; BEGIN IF x THEN x := 1; END"));
    CHECK(facts_of_code("SELECT '") == Facts{"unanalysable: statement"});
    CHECK(facts_of_do("DECLARE x text; BEGIN x := 'a'; END") == Facts{"code: DO"});
  }
}

TEST_CASE("hostile bodies cost neither the process nor much time", "[code]") {
  const auto started = std::chrono::steady_clock::now();
  constexpr std::size_t many = 60'000;
  for (const std::string& body : Facts{
           repeated("BEGIN ", 10'000),
           repeated("BEGIN ", 1'500) + repeated("END;", 1'500),
           repeated("BEGIN ", 3'000) + repeated("END;", 3'000),
           "BEGIN " + repeated("IF a THEN ", 2'500) + repeated("END IF;", 2'500) + "END",
           "DECLARE " + repeated("DECLARE ", 5'000) + "BEGIN END",
           "BEGIN " + repeated("/**/", many / 4) + " END",
           "BEGIN " + repeated("--\n", many / 3) + " END",
           "BEGIN " + repeated("NULL;", many / 5) + " END",
           "DECLARE x int; BEGIN x := " + repeated("(", many),
           "DECLARE x int; BEGIN x := " + repeated("1+", many / 2) + "1; END",
           "DECLARE x int; BEGIN x := " + repeated("(", 25'000) + "1" + repeated(")", 25'000) + "; END",
           "BEGIN " + repeated("+", many) + " END",
           "BEGIN " + repeated("<<a>>", many / 5) + " END",
           "BEGIN PERFORM " + repeated("a.", many / 2) + "b; END",
           repeated("#option dump\n", many / 13),
           "BEGIN EXECUTE " + repeated("'a'||", many / 5) + "'b'; END",
           "BEGIN EXECUTE 'SELECT " + repeated("(", many) + "'; END",
           "BEGIN RAISE '" + repeated("%", many / 4) + "'" + repeated(",1", many / 4) + "; END",
           repeated("$a", many / 2),
           std::string(200'000, 'x'),
           repeated("\n;", many / 2),
       }) {
    INFO(body.substr(0, 60));
    CHECK_FALSE(facts_of_do(body).empty());
  }
  std::string variables = "DECLARE ";
  for (int i = 0; variables.size() < 40'000; ++i) variables += "v" + std::to_string(i) + " int;";
  CHECK_FALSE(facts_of_do(variables + "BEGIN " + repeated("v0:=1;", 4'000) + "END").empty());
  std::string fields = "DECLARE r record; BEGIN ";
  for (int i = 0; fields.size() < 64'000; ++i) fields += "r.a" + std::to_string(i) + ":=1;";
  CHECK_FALSE(facts_of_do(fields + "END").empty());
  std::string nested = "SELECT 1";
  for (int i = 0; i < 12; ++i) {
    const std::string tag = "$t" + std::to_string(i) + "$";
    nested.insert(0, "BEGIN ").insert(0, tag).insert(0, "DO ").append("; END").append(tag);
  }
  const Facts facts = facts_of_code(nested);
  CHECK(std::find(facts.begin(), facts.end(), "unanalysable: statement") != facts.end());
  CHECK(std::chrono::steady_clock::now() - started < std::chrono::seconds(20));
}

TEST_CASE("what all bodies of a text may cost is bounded", "[code]") {
  const auto facts = [](const std::string& sql) { return read_statements(sql, {}).facts; };
  SECTION("in compiling") {
    const auto blocks = facts(repeated("DO 'BEGIN END';", 20'000));
    CHECK_FALSE(blocks.front().dynamic);
    CHECK(blocks.back().dynamic);
    CHECK_FALSE(is_dynamic_do("BEGIN" + std::string(126'000, ' ') + "END"));
    CHECK(is_dynamic_do("BEGIN" + std::string(131'000, ' ') + "END"));
  }
  SECTION("in texts within them") {
    const auto last =
        facts(repeated("DO 'DECLARE a int; BEGIN " + repeated("a:=1;", 800) + " END';", 130)).back();
    CHECK(last.cls == StatementClass::unanalysable);
  }
  SECTION("in parameters") {
    const auto function = [](std::size_t parameters) {
      return "CREATE FUNCTION f(" + repeated("int, ", parameters - 1) +
             "int) LANGUAGE plpgsql AS 'BEGIN END'";
    };
    CHECK_FALSE(is_dynamic(function(100)));
    CHECK(is_dynamic(function(101)));
  }
}

}  // namespace pgwarden::policy
