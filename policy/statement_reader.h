// SQL text in, facts out. The implementation is the only place that knows libpg_query.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/facts.h"

namespace pgwarden::policy {

/// What the server's lexer is set to (D5): the same bytes are another statement under other settings.
struct LexerSettings {
  bool standard_conforming_strings = true;

  /// Whether pg_temp is searched first as far as this session shows (see Reading::may_hide_temporary). Then a
  /// table that the text itself made temporary is known by its bare name, for what destroys nothing: `CREATE
  /// TEMP TABLE t (...); CREATE INDEX ON t (a)`. A role's or database's own search_path may say otherwise.
  bool temporary_first = false;

  bool operator==(const LexerSettings&) const = default;
};

/// The facts of one text (a Query or a Parse may hold several statements, or none).
/// As read, it owns the parse tree that its facts point into; movable, not copyable; must be destroyed on the
/// thread that made it, because libpg_query keeps memory contexts per thread.
class Reading {
 public:
  Reading() = default;
  Reading(Reading&& other) noexcept;
  Reading& operator=(Reading&& other) noexcept;
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading();

  std::vector<Fact> facts;  ///< of all statements, in order; empty only for an empty text
  std::vector<StatementSpan> statements;

  /// Whether executing the text may change how the server reads later texts
  /// (standard_conforming_strings, client_encoding): SET, RESET, set_config, DISCARD, ROLLBACK, EXECUTE,
  /// code, ...
  bool may_change_lexing = false;

  /// Whether executing the text may move pg_temp from its first place in search_path: `SET search_path =
  /// public, pg_temp`, EXECUTE, code, ... A bare name may mean another table from then on.
  bool may_hide_temporary = false;

  /// Why the text cannot be analysed (one `unanalysable` fact stands for it): the parser's own words.
  std::string error;
  std::int32_t error_position = -1;  ///< byte offset, -1 when unknown

 private:
  friend Reading read_statements(std::string_view, LexerSettings);
  void* memory_ = nullptr;  ///< libpg_query's memory context
};

/// Parses `sql` with PostgreSQL's grammar and says what it does. Total: whatever cannot be parsed, is nested
/// too deeply or is not known becomes a fact of class `unanalysable` or `unknown`, never an exception or a
/// crash. `sql` holds no NUL (the caller checked); it need not outlive the call. Thread-safe.
Reading read_statements(std::string_view sql, LexerSettings settings);

/// The reading of a text that cannot be analysed, and why.
Reading unanalysable(std::string_view why);

/// Facts of a FunctionCall message (protocol chapter "Function Call"): a function named by its OID.
/// Appends to `facts`; the views are static.
void read_function_call(std::uint32_t function_oid, std::vector<Fact>& facts);

/// The SQL text with every literal replaced by `?`, cut to `bytes_max`; for logs. Comments are dropped.
/// Works on texts that do not parse; what cannot even be scanned gives "(unreadable)".
std::string mask_literals(std::string_view sql, std::size_t bytes_max);

}  // namespace pgwarden::policy
