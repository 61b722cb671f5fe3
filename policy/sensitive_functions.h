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

/// The built-in function with this OID, as far as drivers call functions by OID; empty when it is not known.
std::string_view built_in_function(std::uint32_t oid);

}  // namespace pgwarden::policy
