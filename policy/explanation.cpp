#include "policy/explanation.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "policy/printable.h"

namespace pgwarden::policy {

namespace {

constexpr std::size_t identifier_bytes_max = 63;  // NAMEDATALEN - 1
constexpr std::size_t host_bytes_max = 255;

/// A name between double quotes, those inside it doubled.
std::string quoted(const std::string& name) {
  std::string text = "\"";
  for (const char c : name) text.append(c == '"' ? 2 : 1, c);
  return text + "\"";
}

std::string quoted_object(const Finding& finding) {
  const std::string schema = printable(finding.schema, identifier_bytes_max);
  return quoted(schema + (schema.empty() ? "" : ".") + printable(finding.name, identifier_bytes_max));
}

/// "table "public.Product"", or "column "price" of relation "public.Product"" in PostgreSQL's words.
std::string object_of(const Finding& finding) {
  if (!finding.part.empty()) {
    const std::string part = quoted(printable(finding.part, identifier_bytes_max));
    return std::string(name_of(finding.kind)) + " " + part + " of relation " + quoted_object(finding);
  }
  // An index without a name of its own goes by its table's.
  const bool unnamed_index = finding.kind == ObjectKind::index && finding.command == "CREATE INDEX";
  const std::string_view kind = unnamed_index ? "relation" : name_of(finding.kind);
  return std::string(kind) + (kind.empty() ? "" : " ") + quoted_object(finding);
}

bool is_call(const Finding& finding) {
  const bool calls = finding.cls == StatementClass::call_sensitive || finding.cls == StatementClass::read;
  return calls && finding.kind == ObjectKind::function && !finding.name.empty();
}

bool is_word(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

bool is_operator(std::string_view text) {
  constexpr std::string_view characters = "+-*/<>=~!@#%^&|`?()[],;:.";
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

/// The parser's words without what may be a literal of the statement: only a word or an operator is quoted
/// back.
std::string without_literals(std::string_view error) {
  const std::size_t open = error.find('"');
  const std::size_t close = error.rfind('"');
  if (open == close) return std::string(error.substr(0, open));
  const std::string_view token = error.substr(open + 1, close - open - 1);
  if (is_word(token) || is_operator(token)) return std::string(error);
  return std::string(error.substr(0, open + 1)).append("...").append(error.substr(close));
}

}  // namespace

std::string action(const Finding& finding) {
  if (is_call(finding)) return "call of function " + quoted_object(finding);
  std::string text = printable(finding.command, identifier_bytes_max);
  if (finding.name.empty()) return text;
  return text + " on " + object_of(finding);
}

namespace {

std::string cannot(const Finding& finding) {
  if (finding.cls == StatementClass::unanalysable) {
    std::string text = "cannot verify statement: pgwarden could not parse it";
    if (finding.parse_error.empty()) return text;
    return text + " (" + printable(without_literals(finding.parse_error), identifier_bytes_max) + ")";
  }
  if (finding.cls == StatementClass::unknown) {
    const std::string command = finding.command.empty() ? "statement" : action(finding);
    return "cannot verify " + command + ": pgwarden does not know what it does";
  }
  if (is_call(finding)) return "cannot call function " + quoted_object(finding);
  return "cannot execute " + action(finding);
}

bool has_table_field(const Finding& finding) {
  constexpr std::array kinds{ObjectKind::table,
                             ObjectKind::index,
                             ObjectKind::sequence,
                             ObjectKind::view,
                             ObjectKind::materialized_view,
                             ObjectKind::foreign_table};
  return !finding.part.empty() || std::find(kinds.begin(), kinds.end(), finding.kind) != kinds.end();
}

std::string sentences(std::string_view first, std::string_view second) {
  std::string text(first);
  if (!first.empty() && !second.empty()) text += "  ";
  return text.append(second);
}

}  // namespace

Explanation explain(const Finding& finding, Effect effect, const std::string& host,
                    const std::string& decision_id) {
  const std::string rule = "rule \"" + finding.rule + "\"";
  const std::string where =
      host.empty() ? "" : " on protected host " + quoted(printable(host, host_bytes_max));
  const std::string id = decision_id.empty() ? "" : " (pgwarden " + decision_id + ")";
  Explanation words;
  if (effect == Effect::deny) {
    words.message = cannot(finding) + ": " + rule + " denies it" + where + id;
    words.detail = sentences("The statement was not executed.", finding.reason);
    words.hint = sentences("Do not retry or rephrase; equivalent statements are denied too.", finding.hint);
  } else {
    words.message = rule + " warns about " + action(finding) + where + id;
    words.detail = finding.reason;
    words.hint = finding.hint;
  }
  words.schema = printable(finding.schema, identifier_bytes_max);
  if (has_table_field(finding)) words.table = printable(finding.name, identifier_bytes_max);
  if (finding.kind == ObjectKind::column) words.column = printable(finding.part, identifier_bytes_max);
  words.routine = finding.rule;
  words.file = finding.file;
  words.line = finding.line;
  return words;
}

}  // namespace pgwarden::policy
