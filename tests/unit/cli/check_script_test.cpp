#include "cli/check/check_script.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

#include "config/presets.h"

namespace pgwarden::cli {
namespace {

policy::Policy preset(std::string_view name) {
  policy::Policy policy;
  std::vector<config::Diagnostic> diagnostics;
  REQUIRE(config::add_preset(name, policy, diagnostics));
  return policy;
}

ScriptReport checked(std::string_view text, std::string_view name = "guarded") {
  const policy::Policy policy = preset(name);
  return check_script({policy, {}}, "x.sql", text);
}

using Found = std::vector<std::string>;

/// "line:column: level kind", with "(reason)" where an exception allows it.
Found found(std::string_view text, std::string_view name = "guarded") {
  constexpr const char* levels[] = {"error", "warning", "note"};
  Found all;
  for (const Remark& remark : checked(text, name).remarks) {
    std::string one = std::to_string(remark.place.line) + ":" + std::to_string(remark.place.column) + ": " +
                      levels[static_cast<std::size_t>(remark.level)] + " " + remark.kind;
    if (remark.excepted) one += " (" + *remark.excepted + ")";
    all.push_back(one);
  }
  return all;
}

}  // namespace

TEST_CASE("statements of a script are judged each on its own") {
  CHECK(found("SELECT 1;\nDROP TABLE a;\nINSERT INTO b VALUES (1);\nTRUNCATE b;") ==
        Found{"2:1: error drop-table", "4:10: error truncate"});
  CHECK(found("CREATE TEMP TABLE t (a int);\nCREATE INDEX ON t (a);") == Found{"2:17: error create-index"});
  CHECK(found("CREATE TEMP TABLE t (a int)\\;\nCREATE INDEX ON t (a);").empty());
  CHECK(found("SELECT FROM FROM;\nSELECT 1;\nDROP TABLE t") ==
        Found{"1:13: error unanalysable", "3:1: error drop-table"});
  CHECK_FALSE(checked(std::string_view("/*\0*/ SELECT '\n*/ DROP TABLE t; --';", 36)).unreadable.empty());
  CHECK(checked("SELECT 1; SELECT 2 \\g\n;").statements == 2);
}

TEST_CASE("what psql sends for its own commands is judged as well") {
  CHECK(found("\\copy t from 'file'\n", "read_only") == Found{"1:7: error copy-from-stdin"});
  CHECK(found("COPY t FROM STDIN;\nDROP TABLE t;\n\\.\nDROP TABLE t;") == Found{"4:1: error drop-table"});
  CHECK(found("SELECT 'DROP TABLE t' \\gexec\n") == Found{"1:23: error unanalysable"});
  CHECK(found("\\i other.sql\n\\! rm x\n\\c other\n") ==
        Found{"1:1: note psql", "2:1: note psql", "3:1: note psql"});
}

TEST_CASE("whether data follow must not depend on a condition") {
  CHECK(found("\\if :x\nCOPY t FROM STDIN;\n\\endif\nDROP TABLE t;\n\\.\n") ==
        Found{"2:1: error unanalysable"});
  CHECK(found("\\if :x\n\\copy t from stdin\n\\endif\nDROP TABLE t;\n\\.\n") ==
        Found{"2:1: error unanalysable"});
  CHECK(found("\\if :x\n\\copy t from 'file'\n\\endif\n").empty());
}

TEST_CASE("a literal that only psql knows is an unknown value") {
  CHECK(found("SELECT * FROM t WHERE a = :'x';\nDELETE FROM t WHERE id = :'id';").empty());
  CHECK(found("DELETE FROM t WHERE :'x';") == Found{"1:13: error delete"});
  CHECK(found("DELETE FROM t WHERE :{?x};") == Found{"1:13: error delete"});
  CHECK(found("DO :'x';") == Found{"1:5: error unanalysable"});
}

TEST_CASE("standard_conforming_strings counts as the script sets it") {
  CHECK(found("SELECT '\\'; DROP TABLE t; --';") == Found{"1:13: error drop-table"});
  CHECK(found("SET standard_conforming_strings = off;\nSELECT '\\'; DROP TABLE t; --';").empty());
  CHECK(found("SET standard_conforming_strings = off;\nSET standard_conforming_strings = on;\n"
              "SELECT '\\'; DROP TABLE t; --';") == Found{"3:13: error drop-table"});
  const Found unknown{"2:8: error unanalysable", "2:13: error drop-table"};
  for (const char* setting :
       {"SET LOCAL standard_conforming_strings = off;", "SET standard_conforming_strings = maybe;",
        "RESET ALL;", "EXECUTE p;", "CREATE TEMP TABLE t AS EXECUTE p;", "\\i x",
        "\\if :x \n SET standard_conforming_strings = off; \\endif",
        "SET standard_conforming_strings = off; ROLLBACK;"}) {
    INFO(setting);
    std::vector<std::string> errors;
    for (const std::string& one : found(std::string(setting) + "\nSELECT '\\'; DROP TABLE t; --';")) {
      if (one.find("error") != std::string::npos) errors.push_back(one);
    }
    REQUIRE(errors.size() == 2);
    CHECK(errors.front().find("unanalysable") != std::string::npos);
  }
  CHECK(found("BEGIN;\nCOMMIT;\nSELECT '\\';\n").empty());
  CHECK(
      found(
          "CREATE FUNCTION f() RETURNS int AS $$ BEGIN RETURN 1; END $$ LANGUAGE plpgsql;\nSELECT '\\';\n") ==
      Found{"1:1: error create-function"});
  CHECK(found("EXECUTE p;\nSELECT 'a\\db', E'\\n';\n").empty());
}

TEST_CASE("non-ASCII text is not read in an encoding that hides ASCII characters") {
  CHECK(found("SET client_encoding = 'SJIS';\nSELECT '\xc3\xa9';") == Found{"2:1: error unanalysable"});
  CHECK(found("\\encoding big5\nSELECT '\xc3\xa9';") == Found{"2:1: error unanalysable"});
  CHECK(found("SET client_encoding = 'SJIS';\nSET NAMES 'UTF-8';\nSELECT '\xc3\xa9';").empty());
  CHECK(found("\\encoding latin1\nSELECT '\xe9';").empty());
}

TEST_CASE("an exception allows one kind of denial in one statement") {
  CHECK(found("-- pgwarden: allow drop-table it is empty\nDROP TABLE a;\nDROP TABLE b;") ==
        Found{"2:1: error drop-table (it is empty)", "3:1: error drop-table"});
  CHECK(found("DROP TABLE a; -- pgwarden: allow drop-table it is empty\nDROP TABLE b;") ==
        Found{"1:1: error drop-table (it is empty)", "2:1: error drop-table"});
  CHECK(found("-- pgwarden: allow alter-table-drop-column unused\nALTER TABLE t DROP a, ADD b int;") ==
        Found{"2:13: error alter-table-drop-column (unused)", "2:13: error alter-table"});
  CHECK(
      found("-- pgwarden: allow drop-table a\n-- pgwarden: allow truncate b\nDROP TABLE t\\; TRUNCATE t;") ==
      Found{"3:1: error drop-table (a)", "3:25: error truncate (b)"});
  CHECK(found("-- pgwarden: allow unanalysable psql fills it in\nSELECT :x;") ==
        Found{"2:8: error unanalysable (psql fills it in)"});
  CHECK(found("/* pgwarden: allow drop-table no */ DROP TABLE a;") == Found{"1:37: error drop-table"});
}

TEST_CASE("exceptions that are wrong or of no use are reported") {
  CHECK(found("-- pgwarden: allow drop-table x\nSELECT 1;\nDROP TABLE a;") ==
        Found{"1:1: warning exception", "3:1: error drop-table"});
  CHECK(found("SELECT 1;\n\n-- pgwarden: allow drop-table x\n") == Found{"3:1: warning exception"});
  for (const char* comment : {"-- pgwarden: allow drop-table", "-- pgwarden: allow",
                              "-- pgwarden: deny drop-table x", "-- pgwarden: allow DROP TABLE x",
                              "-- pgwarden:allow drop-table x", "-- PGWARDEN: allow drop-table x"}) {
    INFO(comment);
    CHECK(found(std::string(comment) + "\nSELECT 1;") == Found{"1:1: error exception"});
  }
  CHECK(found("-- pgwarden is mentioned\n-- see pgwarden: allow\nSELECT 1;").empty());
}

TEST_CASE("an exception is nothing that the analysis itself knows") {
  const auto reading = policy::read_statements("-- pgwarden: allow drop-table x\nDROP TABLE a", {});
  CHECK(policy::decide(preset("guarded"), {}, reading).effect == policy::Effect::deny);
}

TEST_CASE("columns are characters, underlines are terminal cells") {
  const std::string line = "SELECT '\xe6\x97\xa5\xe6\x9c\xac';\tTRUNCATE \"\xe6\x97\xa5\", public.t;";
  const Remark remark = checked(line).remarks.at(0);
  CHECK(remark.place.column == 23);
  CHECK(remark.place.end_column == 26);
  CHECK(remark.place.indent == 27);  // two wide characters and a tab of four cells
  CHECK(remark.place.width == 4);
  CHECK(remark.place.excerpt == "SELECT '\xe6\x97\xa5\xe6\x9c\xac';    TRUNCATE \"\xe6\x97\xa5\", public.t;");
  CHECK(checked("TRUNCATE public.t;").remarks.at(0).place.end_column == 18);
  CHECK(checked("TRUNCATE t; -- \x1b[31m\xe2\x80\xae\xff").remarks.at(0).place.excerpt ==
        "TRUNCATE t; -- \xef\xbf\xbd[31m\xef\xbf\xbd\xef\xbf\xbd");
  const Place far =
      checked("SELECT '" + std::string(5000, 'x') + "'; TRUNCATE t; SELECT '" + std::string(5000, 'y') + "';")
          .remarks.at(0)
          .place;
  CHECK(far.column == 5021);
  CHECK(far.excerpt.size() < 400);
  CHECK(far.excerpt.substr(far.indent, 2) == "t;");
}

TEST_CASE("kinds are commands in kebab-case") {
  using policy::StatementClass;
  CHECK(kind_of(StatementClass::ddl_drop, "ALTER TABLE ... DROP COLUMN") == "alter-table-drop-column");
  CHECK(kind_of(StatementClass::call_sensitive, "call of function") == "call-of-function");
  CHECK(kind_of(StatementClass::unanalysable, "statement") == "unanalysable");
  CHECK(kind_of(StatementClass::unknown, "") == "unknown");
}

}  // namespace pgwarden::cli
