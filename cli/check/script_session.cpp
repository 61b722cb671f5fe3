#include "cli/check/script_session.h"

#include <algorithm>
#include <array>
#include <string>

#include "policy/letters.h"
#include "policy/sql_lexer.h"

namespace pgwarden::cli {

namespace {

using policy::Fact;
using policy::StatementClass;

/// Lower case, without what PostgreSQL ignores in the name of an encoding.
std::string folded(std::string_view name) {
  std::string text;
  for (const char c : policy::lower(name)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) text += c;
  }
  return text;
}

std::optional<bool> truth_of(std::string_view value) {
  const std::string text = folded(value);
  if (text == "on" || text == "true" || text == "yes" || text == "1") return true;
  if (text == "off" || text == "false" || text == "no" || text == "0") return false;
  return std::nullopt;
}

/// SET LOCAL ends with the transaction, and without one it does nothing.
bool is_local(std::string_view sql) {
  policy::SqlLexer lexer(sql, {});
  policy::Token token;
  int words = 0;
  while (words < 2 && lexer.next(token)) {
    if (token.kind == policy::TokenKind::word) ++words;
  }
  return folded(sql.substr(token.begin, token.end - token.begin)) == "local";
}

}  // namespace

void ScriptSession::sent(const policy::Reading& reading, std::string_view sql, bool certain) {
  if (reading.may_hide_temporary) temporary_first_ = false;
  if (reading.may_change_lexing) settings_changed(reading, sql, certain);
}

void ScriptSession::settings_changed(const policy::Reading& reading, std::string_view sql, bool certain) {
  const auto is_transaction = [](const Fact& fact) { return fact.cls == StatementClass::transaction; };
  if (std::all_of(reading.facts.begin(), reading.facts.end(), is_transaction)) {
    if (!only_standard_) standard_strings_ = std::nullopt;
    return;
  }
  const Fact& fact = reading.facts.front();
  const bool is_code =
      fact.kind == policy::ObjectKind::function || fact.kind == policy::ObjectKind::procedure;
  const bool defines = is_code && fact.cls == StatementClass::ddl_create && reading.statements.size() == 1;
  if (defines) return;  // it runs when it is called
  const bool is_set =
      reading.facts.size() == 1 && fact.cls == StatementClass::session && fact.command == "SET";
  if (is_set && fact.name == "client_encoding") {
    const bool before = ascii_safe_;
    encoding_set(fact.argument);
    ascii_safe_ = ascii_safe_ && (certain || before);
  } else if (is_set && fact.name == "standard_conforming_strings" && certain && !is_local(sql)) {
    standard_strings_ = truth_of(fact.argument);
    only_standard_ = only_standard_ && standard_strings_ == true;
  } else {
    standard_strings_ = std::nullopt;
    only_standard_ = false;
  }
}

void ScriptSession::encoding_set(std::string_view name) {
  // All names of encodings that a server may use begin with one of these (src/common/encnames.c).
  constexpr std::array<std::string_view, 19> safe{"utf8",    "unicode", "sqlascii", "latin",   "win1250",
                                                  "win1251", "win1252", "win1253",  "win1254", "win1255",
                                                  "win1256", "win1257", "win1258",  "win866",  "win874",
                                                  "iso8859", "koi8",    "euc",      "mule"};
  const std::string encoding = folded(name);
  ascii_safe_ = std::any_of(safe.begin(), safe.end(),
                            [&](std::string_view beginning) { return encoding.starts_with(beginning); });
}

}  // namespace pgwarden::cli
