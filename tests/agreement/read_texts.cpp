// Reads SQL texts and says what pgwarden makes of them, for agreement.py. On each line of the standard input:
// a text as a JSON string. On each line of the standard output: the parser's error, or each statement with
// the class and the command of its facts, and what the walk missed.
#include <boost/json.hpp>
#include <iostream>
#include <string>

#include "policy/statement_reader.h"
#include "tests/agreement/walk_check.h"

namespace {

namespace json = boost::json;
using namespace pgwarden::policy;

json::object read_text(std::string_view sql) {
  const Reading reading = read_statements(sql, {});
  if (!reading.error.empty() && reading.statements.empty()) return {{"error", reading.error}};
  json::array statements;
  for (const StatementSpan& span : reading.statements) {
    statements.push_back({{"sql", sql.substr(span.offset, span.length)}, {"facts", json::array()}});
  }
  for (const Fact& fact : reading.facts) {
    // What runs within a body of code the server logs in no level.
    if (fact.inner) continue;
    json::array& facts = statements[fact.statement].at("facts").as_array();
    facts.push_back({{"class", name_of(fact.cls)}, {"command", fact.command}});
  }
  return {{"statements", statements}, {"missed", json::value_from(walk_differences(sql))}};
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << json::serialize(read_text(json::value_to<std::string>(json::parse(line)))) << '\n';
  }
}
