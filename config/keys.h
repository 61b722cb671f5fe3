// Every key of the configuration and of test files, and every word that a key takes: the loader refuses
// others, and a test holds pgwarden.schema.json to the same tables.
#pragma once

#include <array>
#include <string_view>

#include "policy/facts.h"
#include "policy/policy.h"

namespace pgwarden::config {

inline constexpr auto root_keys =
    std::to_array<std::string_view>({"version", "listeners", "users", "users_file", "protect", "preset",
                                     "server_read_only", "rules", "limits", "log", "workers", "io_uring"});
inline constexpr auto preset_keys = std::to_array<std::string_view>({"default", "server_read_only", "rules"});
inline constexpr auto listener_keys = std::to_array<std::string_view>(
    {"listen", "upstream", "databases", "tls", "auth", "auth_query", "proxy_protocol_networks"});
inline constexpr auto upstream_keys =
    std::to_array<std::string_view>({"url", "password_env", "password_file"});
inline constexpr auto user_keys =
    std::to_array<std::string_view>({"name", "label", "password", "certificates", "trust", "upstream"});
inline constexpr auto user_upstream_keys =
    std::to_array<std::string_view>({"user", "password", "password_env", "password_file", "database"});
inline constexpr auto tls_keys =
    std::to_array<std::string_view>({"mode", "certificate", "key", "client_ca", "min_version"});
inline constexpr auto rule_keys =
    std::to_array<std::string_view>({"name", "effect", "match", "on_deny", "reason", "hint"});
inline constexpr auto match_keys = policy::match_key_names;
inline constexpr auto limits_keys = std::to_array<std::string_view>(
    {"max_statement_bytes", "max_memory", "max_connections", "max_connections_per_user",
     "max_connections_per_address", "max_failed_logins", "login_timeout", "idle_timeout",
     "idle_in_transaction_timeout", "write_timeout", "drain_timeout", "upstream_connect_timeout"});
inline constexpr auto log_keys = std::to_array<std::string_view>({"format", "level", "log_literals"});
inline constexpr auto test_file_keys = std::to_array<std::string_view>({"config", "who", "tests"});
inline constexpr auto test_keys = std::to_array<std::string_view>({"statement", "who", "expect", "rule"});
inline constexpr auto sender_keys = std::to_array<std::string_view>(
    {"user", "label", "certificate", "database", "application", "client", "host"});

inline constexpr auto preset_names =
    std::to_array<std::string_view>({"observe", "guarded", "append_only", "read_only"});
/// By SslMode.
inline constexpr auto sslmode_words =
    std::to_array<std::string_view>({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"});
/// By AuthMode.
inline constexpr auto auth_words =
    std::to_array<std::string_view>({"passthrough", "managed", "key_passthrough"});
inline constexpr auto tls_version_words = std::to_array<std::string_view>({"TLSv1.2", "TLSv1.3"});
/// By policy::Effect.
inline constexpr auto effect_words = std::to_array<std::string_view>({"deny", "warn", "allow"});
constexpr std::string_view word(policy::Effect effect) {
  return effect_words[static_cast<std::size_t>(effect)];
}
/// By policy::OnDeny.
inline constexpr auto on_deny_words = std::to_array<std::string_view>({"error", "terminate"});
/// By LogFormat.
inline constexpr auto log_format_words = std::to_array<std::string_view>({"auto", "text", "json"});
inline constexpr auto log_level_words =
    std::to_array<std::string_view>({"debug", "info", "warning", "error"});
/// By policy::ObjectKind, from `table` on.
inline constexpr auto kind_words = std::to_array<std::string_view>(
    {"table",         "column",      "index",        "sequence",  "view", "materialized_view",
     "foreign_table", "schema",      "function",     "procedure", "type", "domain",
     "trigger",       "rule",        "policy",       "extension", "role", "database",
     "tablespace",    "publication", "subscription", "setting",   "other"});
static_assert(kind_words.size() + 1 == policy::object_kind_names.size());

}  // namespace pgwarden::config
