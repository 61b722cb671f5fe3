// Functions that do more than read: they run SQL text, change settings, touch files, other sessions or
// servers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace pgwarden::policy {

/// One function (or several that begin alike).
struct SensitiveFunction {
  std::string_view schema;  ///< "pg_catalog" for a built-in, "*" for an extension's, wherever it is installed
  std::string_view name;
  bool is_prefix = false;      ///< `name` is how the names begin
  std::uint8_t arguments = 0;  ///< only with so many arguments; 0: with any number
  std::string_view effect;     ///< what it can do, for people
};

/// The entry for a call written as `schema.name` (or `name`, with an empty schema) with so many arguments;
/// null when it is none of them. set_config has none: what it does depends on its first argument.
const SensitiveFunction* find_sensitive_function(std::string_view schema, std::string_view name,
                                                 std::size_t arguments);

/// Every entry, sorted by name, those by prefix last.
std::span<const SensitiveFunction> sensitive_functions();

/// Whether a setting is one that nobody may change from within a query: how the server reads texts (D5), who
/// the session is, what it may write. Upper and lower case are alike, as for the server.
bool is_sensitive_setting(std::string_view name);

/// Whether a setting decides how the server reads the bytes of later texts (D5).
bool is_lexing_setting(std::string_view name);

/// The built-in function with this OID, as far as drivers call functions by OID; empty when it is not known.
std::string_view built_in_function(std::uint32_t oid);

}  // namespace pgwarden::policy
