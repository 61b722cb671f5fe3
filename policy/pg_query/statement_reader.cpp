#include "policy/statement_reader.h"

#include "policy/pg_query/fact_collector.h"
#include "policy/pg_query/pg_tree.h"
#include "policy/sensitive_functions.h"
#include "policy/sql_lexer.h"

namespace pgwarden::policy {
namespace {

/// Longer texts have positions that do not fit PostgreSQL's own.
constexpr std::size_t text_bytes_max = std::size_t{1} << 30;

/// The parser quotes the word that it did not expect, however long that is.
constexpr std::size_t error_bytes_max = 256;

void set_unanalysable(Reading& reading, std::string_view why, std::int32_t position) {
  reading.facts.clear();
  reading.statements.clear();
  Fact& fact = reading.facts.emplace_back();
  fact.cls = StatementClass::unanalysable;
  fact.command = "statement";
  fact.position = position;
  reading.error = why.substr(0, error_bytes_max);
  reading.error_position = position;
  reading.may_change_lexing = true;
  reading.may_hide_temporary = true;
}

/// The byte offset of the character that PostgreSQL counts as `number` (from 1), in UTF-8; -1 for 0.
std::int32_t byte_offset(std::string_view text, int number) {
  if (number <= 0) return -1;
  std::size_t offset = 0;
  for (int i = 1; i < number && offset < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[offset]);
    offset += (lead & 0xe0) == 0xc0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : (lead & 0xf8) == 0xf0 ? 4 : 1;
  }
  return static_cast<std::int32_t>(std::min(offset, text.size()));
}

/// Parses into the memory context at hand. Null, with the reading set, when the text does not parse; an empty
/// text gives null, too.
const List* parse(Reading& reading, std::string_view sql, LexerSettings settings) {
  int flags = PG_QUERY_DISABLE_ESCAPE_STRING_WARNING;
  if (!settings.standard_conforming_strings) flags |= PG_QUERY_DISABLE_STANDARD_CONFORMING_STRINGS;
  const std::string text(sql);
  const PgQueryInternalParsetreeAndError result = pg_query_raw_parse(text.c_str(), flags);
  std::free(result.stderr_buffer);
  if (result.error == nullptr) return result.tree;
  set_unanalysable(reading, result.error->message, byte_offset(sql, result.error->cursorpos));
  pg_query_free_error(result.error);
  return nullptr;
}

StatementSpan span_of(const RawStmt* raw, std::string_view sql) {
  const auto begin = static_cast<std::size_t>(std::max(raw->stmt_location, 0));
  const std::size_t end = raw->stmt_len == 0 ? sql.size() : begin + static_cast<std::size_t>(raw->stmt_len);
  const std::size_t first = std::min(first_token(sql, begin), end);
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first)};
}

void collect_facts(Reading& reading, const List* statements, std::string_view sql, LexerSettings settings) {
  pg::FactCollector collector(reading, sql, settings);
  reading.statements.reserve(pg::cells(statements).size());
  for (const ListCell& cell : pg::cells(statements)) {
    const auto* raw = pg::as<RawStmt>(pg::node_of(cell));
    const StatementSpan span = span_of(raw, sql);
    if (collector.read_statement(raw->stmt, span)) continue;
    set_unanalysable(reading, "statement is nested too deeply or does too much",
                     static_cast<std::int32_t>(span.offset));
    return;
  }
}

}  // namespace

Reading::Reading(Reading&& other) noexcept { *this = std::move(other); }

Reading& Reading::operator=(Reading&& other) noexcept {
  facts.swap(other.facts);
  statements.swap(other.statements);
  std::swap(may_change_lexing, other.may_change_lexing);
  std::swap(may_hide_temporary, other.may_hide_temporary);
  error.swap(other.error);
  std::swap(error_position, other.error_position);
  std::swap(memory_, other.memory_);
  return *this;
}

Reading::~Reading() {
  if (memory_ != nullptr) pg_query_exit_memory_context(static_cast<MemoryContext>(memory_));
}

Reading unanalysable(std::string_view why) {
  Reading reading;
  set_unanalysable(reading, why, -1);
  return reading;
}

Reading read_statements(std::string_view sql, LexerSettings settings) {
  if (sql.size() > text_bytes_max) return unanalysable("statement is too long");
  if (is_slow_to_scan(sql, settings)) {
    return unanalysable("too many operators and comments without blanks between them");
  }
  Reading reading;
  reading.memory_ = pg_query_enter_memory_context();
  const List* statements = parse(reading, sql, settings);
  // libpg_query expects every call to begin in the topmost context.
  MemoryContextSwitchTo(TopMemoryContext);
  collect_facts(reading, statements, sql, settings);
  return reading;
}

void read_function_call(std::uint32_t function_oid, std::vector<Fact>& facts) {
  const std::string_view name = built_in_function(function_oid);
  const bool harmless =
      !name.empty() && name != "set_config" && find_sensitive_function({}, name, 0) == nullptr;
  Fact& fact = facts.emplace_back();
  fact.cls = harmless ? StatementClass::read : StatementClass::call_sensitive;
  fact.kind = ObjectKind::function;
  fact.command = "call of function";
  fact.name = name;
}

}  // namespace pgwarden::policy
