// Facts: what a statement does, to which objects. The only thing the rest of the project sees of a parse
// tree.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/statement_class.h"

namespace pgwarden::policy {

/// Kinds of object that a rule can name. `other` is everything that has no word of its own here.
enum class ObjectKind : std::uint8_t {
  none,
  table,
  column,
  index,
  sequence,
  view,
  materialized_view,
  foreign_table,
  schema,
  function,
  procedure,
  type,
  domain,
  trigger,
  rule,
  policy,
  extension,
  role,
  database,
  tablespace,
  publication,
  subscription,
  setting,
  other,
};

inline constexpr std::array<std::string_view, 24> object_kind_names{"",
                                                                    "table",
                                                                    "column",
                                                                    "index",
                                                                    "sequence",
                                                                    "view",
                                                                    "materialized view",
                                                                    "foreign table",
                                                                    "schema",
                                                                    "function",
                                                                    "procedure",
                                                                    "type",
                                                                    "domain",
                                                                    "trigger",
                                                                    "rule",
                                                                    "policy",
                                                                    "extension",
                                                                    "role",
                                                                    "database",
                                                                    "tablespace",
                                                                    "publication",
                                                                    "subscription",
                                                                    "setting",
                                                                    "object"};

constexpr std::string_view name_of(ObjectKind kind) {
  return object_kind_names[static_cast<std::size_t>(kind)];
}

/// One thing that a statement does to one object. A statement has at least one fact.
/// A part of a table (column, trigger, rule, policy, constraint, the index that CREATE INDEX makes) is named
/// by its table: kind `column`, schema and name of the table, the column in `argument`. The views point into
/// what their Reading owns or into static text, and die with it.
struct Fact {
  StatementClass cls = StatementClass::unknown;
  ObjectKind kind = ObjectKind::none;
  bool temporary = false;  ///< the object is certainly temporary (CREATE TEMP, or named in pg_temp)
  bool cascade = false;
  bool if_exists = false;
  bool dynamic = false;  ///< code: it may run statements that are not seen here
  bool inner = false;    ///< of SQL text or code within the statement; `position` is where that text stands
  std::uint32_t statement = 0;  ///< index into Reading::statements
  std::int32_t position = -1;   ///< byte offset of the object (or statement) in the text; -1 when unknown
  std::string_view command;     ///< as a person says it: "DROP TABLE", "UPDATE", "call of function"
  std::string_view schema;      ///< empty: search_path decides
  std::string_view name;        ///< of the object, decoded, folded and cut as the server does
  /// call_sensitive and session: the constant text argument, if there is one; parts of a table: the part's
  /// own name; EXECUTE: the statement's name.
  std::string_view argument;
};

/// Fact::command of every call.
inline constexpr std::string_view call_of_function = "call of function";

/// A call of a function that only reads, as far as its name says.
constexpr bool is_harmless_call(const Fact& fact) {
  return fact.cls == StatementClass::read && fact.kind == ObjectKind::function;
}

/// Where one statement of the text begins and how long it is, in bytes.
struct StatementSpan {
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
};

}  // namespace pgwarden::policy
