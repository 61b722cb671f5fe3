#include "cli/check/report.h"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <sstream>
#include <string>

namespace pgwarden::cli {
namespace {

namespace json = boost::json;

Remark remark(Level level, std::string kind) {
  Remark made;
  made.level = level;
  made.kind = std::move(kind);
  made.message = "cannot execute DROP TABLE on table \"t\": rule \"no-drop\" denies it";
  made.place = {12, 3, 7, "  drop table t;", 2, 4};
  return made;
}

/// One of everything.
Reports reports() {
  Remark denied = remark(Level::error, "drop-table");
  denied.reason = "Gone, 100%\nand for good.";
  denied.hint = "Ask.";
  denied.rule = "no-drop";
  denied.rule_file = "policy.yaml";
  denied.rule_line = 14;
  denied.statement = Span{100, 120};
  Remark excepted = denied;
  excepted.excepted = "it is \x1B[31mempty";
  ScriptReport script;
  script.name = "dir/a b,c:1.sql";
  script.statements = 5;
  script.remarks = {remark(Level::note, "psql"), denied, excepted, remark(Level::warning, "exception"),
                    remark(Level::error, "exception")};
  ScriptReport missing;
  missing.name = "missing.sql";
  missing.unreadable = "No such file or directory";
  return {script, missing};
}

template <typename Write>
std::string written(Write write) {
  std::ostringstream out;
  write(out);
  return out.str();
}

}  // namespace

TEST_CASE("the summary counts what there is") {
  CHECK(text_of(summary_of(reports())) ==
        "1 file, 5 statements: 1 denied, 1 warning, 1 exception, 1 malformed exception, 1 unreadable");
  CHECK(text_of({3, 41, 2, 0, 2, 0, 0}) == "3 files, 41 statements: 2 denied, 0 warnings, 2 exceptions");
}

TEST_CASE("the report for people") {
  const Reports all = reports();
  const std::string plain = written([&](std::ostream& out) { write_human(out, all, false); });
  CHECK(plain.find("error[drop-table]: cannot execute DROP TABLE on table \"t\": rule \"no-drop\" denies it\n"
                   "  --> dir/a b,c:1.sql:12:3\n"
                   "   |\n"
                   "12 |   drop table t;\n"
                   "   |   ^^^^\n"
                   "   = note: Gone, 100%\nand for good.\n"
                   "   = rule: no-drop (policy.yaml:14)\n"
                   "   = help: Ask.\n"
                   "\n") != std::string::npos);
  CHECK(plain.find("exceptions:\n  dir/a b,c:1.sql:12: drop-table: it is \\x1B[31mempty\n") !=
        std::string::npos);
  CHECK(plain.find('\x1B') == std::string::npos);
  CHECK(plain.find("error[drop-table]") == plain.rfind("error[drop-table]"));  // what is excepted is no error
  CHECK(plain.ends_with(text_of(summary_of(all)) + "\n"));
  const std::string coloured = written([&](std::ostream& out) { write_human(out, all, true); });
  CHECK(coloured.find("\x1B[1;31merror[drop-table]\x1B[0m") != std::string::npos);
}

TEST_CASE("the report as JSON is one document") {
  const json::value all = json::parse(written([](std::ostream& out) { write_json(out, reports()); }));
  CHECK(all.at("summary").at("denied").as_int64() == 1);
  CHECK(all.at("unreadable").at(0).at("file") == "missing.sql");
  CHECK(all.at("files").at(0).at("statements").as_int64() == 5);
  const json::value& denied = all.at("findings").at(1);
  CHECK(
      json::serialize(denied) ==
      R"({"file":"dir/a b,c:1.sql","line":12,"column":3,"end_column":7,"level":"error","kind":"drop-table",)"
      R"("message":"cannot execute DROP TABLE on table \"t\": rule \"no-drop\" denies it",)"
      R"("statement":{"offset":100,"bytes":20},"reason":"Gone, 100%\nand for good.","hint":"Ask.",)"
      R"("rule":{"name":"no-drop","file":"policy.yaml","line":14}})");
  CHECK(all.at("findings").at(2).at("exception").at("reason") == "it is \x1B[31mempty");
}

// The parts that the schema of SARIF 2.1.0 requires, and what code scanning needs besides.
TEST_CASE("the report as SARIF") {
  const json::value log =
      json::parse(written([](std::ostream& out) { write_sarif(out, reports(), "1.2.3"); }));
  CHECK(log.at("version") == "2.1.0");
  CHECK(log.at("$schema").as_string().ends_with("sarif-schema-2.1.0.json"));
  REQUIRE(log.at("runs").as_array().size() == 1);
  const json::value& run = log.at("runs").at(0);
  CHECK(run.at("columnKind") == "unicodeCodePoints");
  const json::value& driver = run.at("tool").at("driver");
  CHECK(driver.at("name") == "pgwarden");
  CHECK(driver.at("version") == "1.2.3");
  const json::array& rules = driver.at("rules").as_array();
  const json::array& results = run.at("results").as_array();
  REQUIRE(results.size() == 5);
  for (const json::value& result : results) {
    CHECK_FALSE(result.at("message").at("text").as_string().empty());
    CHECK(rules.at(result.at("ruleIndex").to_number<std::size_t>()).at("id") == result.at("ruleId"));
    const json::value& place = result.at("locations").at(0).at("physicalLocation");
    CHECK(place.at("artifactLocation").at("uri") == "dir/a%20b,c%3A1.sql");
    CHECK(place.at("region").at("startLine") == 12);
    CHECK(place.at("region").at("startColumn") == 3);
    CHECK(place.at("region").at("endColumn") == 7);
  }
  CHECK(results.at(0).at("level") == "note");
  CHECK(results.at(1).at("level") == "error");
  CHECK_FALSE(results.at(1).as_object().contains("suppressions"));
  CHECK(results.at(2).at("suppressions").at(0).at("kind") == "inSource");
  CHECK(results.at(2).at("suppressions").at(0).at("justification") == "it is \x1B[31mempty");
  const json::value& invocation = run.at("invocations").at(0);
  CHECK(invocation.at("executionSuccessful") == false);
  CHECK(invocation.at("toolExecutionNotifications").at(0).at("message").at("text") ==
        "No such file or directory");
}

TEST_CASE("the report as workflow commands escapes what they take for their own") {
  const std::string text = written([](std::ostream& out) { write_github(out, reports()); });
  CHECK(
      text.find(
          "::error file=dir/a b%2Cc%3A1.sql,line=12,col=3,endColumn=7,title=drop-table::cannot execute "
          "DROP TABLE on table \"t\": rule \"no-drop\" denies it%0AGone, 100%25%0Aand for good.%0AAsk.\n") ==
      0);
  CHECK(text.find("::notice file=dir/a b%2Cc%3A1.sql,line=12,col=3,endColumn=7,title=drop-table::") !=
        std::string::npos);
  CHECK(text.find("::error file=missing.sql,title=unreadable::No such file or directory\n") !=
        std::string::npos);
  CHECK(text.find("::error") < text.find("::warning"));
}

}  // namespace pgwarden::cli
