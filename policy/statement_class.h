// What a statement does, in one word: the classes that rules are written in.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pgwarden::policy {

/// The class of one fact. The zero value is the one that presets deny.
enum class StatementClass : std::uint8_t {
  unknown,
  unanalysable,
  read,
  write,
  write_unbounded,  ///< UPDATE or DELETE without WHERE
  truncate,
  copy_in,
  copy_out,
  copy_program,
  copy_file,
  transaction,
  session,  ///< SET, SHOW, DISCARD, LISTEN, ...
  cursor,
  prepare,
  lock,
  maintenance,  ///< VACUUM, ANALYZE, REINDEX, CLUSTER, REFRESH, CHECKPOINT
  ddl_create,
  ddl_alter,
  ddl_drop,
  dcl,             ///< GRANT, roles, ownership
  code,            ///< DO, CALL, LOAD, function bodies
  system,          ///< ALTER SYSTEM, databases, tablespaces, subscriptions
  call_sensitive,  ///< a function that does more than read
  catalog_write,   ///< DML on pg_catalog or information_schema
  replication,
};

inline constexpr std::array<std::string_view, 25> statement_class_names{
    "unknown",  "unanalysable",   "read",          "write",       "write_unbounded", "truncate", "copy_in",
    "copy_out", "copy_program",   "copy_file",     "transaction", "session",         "cursor",   "prepare",
    "lock",     "maintenance",    "ddl_create",    "ddl_alter",   "ddl_drop",        "dcl",      "code",
    "system",   "call_sensitive", "catalog_write", "replication"};

constexpr std::string_view name_of(StatementClass cls) {
  return statement_class_names[static_cast<std::size_t>(cls)];
}

}  // namespace pgwarden::policy
