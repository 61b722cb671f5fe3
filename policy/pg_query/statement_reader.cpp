#include "policy/statement_reader.h"

#include "policy/built_in_functions.h"
#include "policy/pg_query/fact_collector.h"
#include "policy/pg_query/kept.h"
#include "policy/pg_query/parser.h"
#include "policy/pg_query/pg_tree.h"
#include "policy/sensitive_functions.h"
#include "policy/sql_lexer.h"

namespace pgwarden::policy {
namespace {

/// What a reading takes: to use it again costs less than to make it.
struct Parts {
  MemoryContext memory;
  std::vector<Fact> facts;
  std::vector<StatementSpan> statements;
};

/// Those that this thread has and no reading uses. The memory contexts end with the thread, as libpg_query
/// sees to.
std::vector<Parts>& spare_parts() {
  static thread_local std::vector<Parts> spare;
  return spare;
}

Parts take_parts() {
  auto& spare = spare_parts();
  if (spare.empty()) return {pg_query_enter_memory_context(), {}, {}};
  Parts parts = std::move(spare.back());
  spare.pop_back();
  return parts;
}

void give_back(Parts parts) {
  constexpr std::size_t spare_max = 2;  // a text that can be read in two ways has both at once
  constexpr std::size_t elements_max = 64;
  auto& spare = spare_parts();
  if (spare.size() == spare_max) {
    pg_query_exit_memory_context(parts.memory);
    return;
  }
  MemoryContextReset(parts.memory);
  pg::clear_kept(parts.facts, elements_max);
  pg::clear_kept(parts.statements, elements_max);
  spare.push_back(std::move(parts));
}

void set_unanalysable(Reading& reading, std::string_view why, std::int32_t position) {
  reading.facts.clear();
  reading.statements.clear();
  Fact& fact = reading.facts.emplace_back();
  fact.cls = StatementClass::unanalysable;
  fact.command = "statement";
  fact.position = position;
  reading.error = why;
  reading.error_position = position;
  reading.may_change_lexing = true;
  reading.may_hide_temporary = true;
}

StatementSpan span_of(const RawStmt* raw, std::string_view sql) {
  const auto begin = static_cast<std::size_t>(std::max(raw->stmt_location, 0));
  const std::size_t end = raw->stmt_len == 0 ? sql.size() : begin + static_cast<std::size_t>(raw->stmt_len);
  const std::size_t first = std::min(first_token(sql, begin), end);
  return {static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(end - first)};
}

void collect_facts(Reading& reading, const List* statements, std::string_view sql, LexerSettings settings,
                   MemoryContext memory) {
  reading.facts.reserve(8);  // more than an ordinary statement has
  pg::FactCollector collector(reading, sql, settings, memory);
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
  if (memory_ == nullptr) return;
  give_back({static_cast<MemoryContext>(memory_), std::move(facts), std::move(statements)});
}

Reading unanalysable(std::string_view why) {
  Reading reading;
  set_unanalysable(reading, why, -1);
  return reading;
}

Reading read_statements(std::string_view sql, LexerSettings settings) {
  Reading reading;
  Parts parts = take_parts();
  MemoryContext memory = parts.memory;
  reading.memory_ = memory;
  reading.facts.swap(parts.facts);
  reading.statements.swap(parts.statements);
  const pg::Parsed parsed = pg::parse(sql, settings, memory);
  if (parsed.error.empty()) {
    collect_facts(reading, parsed.statements, sql, settings, memory);
  } else {
    set_unanalysable(reading, parsed.error, parsed.error_position);
  }
  return reading;
}

void read_function_call(std::uint32_t function_oid, std::vector<Fact>& facts) {
  const std::string_view name = built_in_function(function_oid);
  // The arguments are not looked at.
  const bool harmless = !name.empty() && find_sensitive_function({}, name, unknown_arguments) == nullptr;
  if (harmless) {  // the message itself, for rules that speak of no functions
    Fact& message = facts.emplace_back();
    message.cls = StatementClass::read;
    message.command = "function call";
  }
  Fact& fact = facts.emplace_back();
  fact.cls = harmless ? StatementClass::read : StatementClass::call_sensitive;
  fact.kind = ObjectKind::function;
  fact.command = call_of_function;
  fact.name = name;
}

}  // namespace pgwarden::policy
