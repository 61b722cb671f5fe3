// Whatever the text and whatever standard_conforming_strings: its facts are whole and lie within the text; it
// is refused where PostgreSQL's parser refuses it, and elsewhere only for a limit of our own; the walk over
// its parse tree visits every node; what no grammar is said to take does not parse; our tokens cover the
// text.
//
// Input: the text, up to a NUL.
#include <algorithm>
#include <array>

#include "policy/sql_lexer.h"
#include "policy/statement_reader.h"
#include "tests/agreement/walk_check.h"
#include "tests/fuzz/fuzz.h"

extern "C" {
#include "pg_query.h"
}

namespace {

using namespace pgwarden;
using policy::LexerSettings;
using policy::Reading;

/// What is refused although it parses (policy/pg_query/parser, policy/statement_reader).
constexpr auto own_limits = std::to_array<std::string_view>(
    {"too many operators and comments without blanks between them", "the tag of a dollar quote is not ASCII",
     "statement has too many parts", "statement is nested too deeply or does too much"});

bool parses(const std::string& sql, bool standard) {
  const int strings = standard ? 0 : PG_QUERY_DISABLE_STANDARD_CONFORMING_STRINGS;
  const PgQueryParseResult result =
      pg_query_parse_opts(sql.c_str(), strings | PG_QUERY_DISABLE_ESCAPE_STRING_WARNING);
  const bool parses = result.error == nullptr;
  pg_query_free_parse_result(result);
  return parses;
}

void check_facts(const Reading& reading, const std::string& sql) {
  fuzz::require(reading.facts.empty() == reading.statements.empty() || !reading.error.empty(),
                "every statement has facts", sql);
  std::size_t end = 0;
  for (const policy::StatementSpan& span : reading.statements) {
    fuzz::require(span.offset >= end && span.offset + span.length <= sql.size(), "spans follow each other",
                  sql);
    end = span.offset + span.length;
  }
  for (const policy::Fact& fact : reading.facts) {
    const auto within = [&](std::int32_t position) {
      return position >= -1 && position <= static_cast<std::int32_t>(sql.size());
    };
    fuzz::require(within(fact.position) && within(reading.error_position), "positions are in the text", sql);
    fuzz::require(fact.statement < std::max<std::size_t>(reading.statements.size(), 1), "of a statement",
                  sql);
    fuzz::require(!fact.command.empty(), "a fact has its command", sql);
    for (const std::string_view text : {fact.command, fact.schema, fact.name, fact.argument}) {
      fuzz::require(text.find('\0') == std::string_view::npos, "its texts are whole", sql);
    }
  }
}

/// Whether there is a literal, name or comment without an end.
bool check_tokens(const std::string& sql, LexerSettings settings) {
  policy::SqlLexer lexer(sql, settings);
  policy::Token token;
  std::size_t end = 0;
  bool unterminated = false;
  while (lexer.next(token)) {
    fuzz::require(token.begin == end && token.end > token.begin && token.end <= sql.size(),
                  "tokens follow each other without gaps", sql);
    end = token.end;
    unterminated = unterminated || token.unterminated;
  }
  fuzz::require(end == sql.size(), "tokens cover the text", sql);
  return unterminated;
}

void check(const std::string& sql, bool standard) {
  const LexerSettings settings{standard, true};
  const Reading reading = policy::read_statements(sql, settings);
  check_facts(reading, sql);
  const bool theirs = parses(sql, standard);
  const bool refused = !reading.error.empty() && reading.statements.empty();  // and not for a text within it
  // What libpg_query alone refuses: comments between words that belong together (policy/pg_query/parser).
  const bool commented = sql.find("/*") != std::string::npos || sql.find("--") != std::string::npos;
  fuzz::require(theirs || refused || commented, "what PostgreSQL refuses is refused", sql);
  const bool for_limit = std::find(own_limits.begin(), own_limits.end(), reading.error) != own_limits.end();
  fuzz::require(!theirs || !refused || for_limit, "what PostgreSQL takes is read", sql);
  const bool unterminated = check_tokens(sql, settings);
  fuzz::require(!theirs || !unterminated, "what has no end does not parse", sql);
  fuzz::require(!theirs || !policy::is_beyond_any_grammar(sql, settings),
                "what no grammar takes does not parse", sql);
  if (standard && theirs && !refused) {
    for (const std::string& difference : policy::walk_differences(sql)) {
      fuzz::require(false, "the walk visits every node", difference);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string sql(reinterpret_cast<const char*>(data), size);
  sql.resize(std::min(sql.find('\0'), sql.size()));
  check(sql, true);
  check(sql, false);
  constexpr std::size_t masked_bytes_max = 100;
  fuzz::require(policy::mask_literals(sql, masked_bytes_max).size() <= masked_bytes_max + 3, "it is cut",
                sql);
  return 0;
}
