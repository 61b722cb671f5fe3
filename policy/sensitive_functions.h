// Functions that do more than read: they run SQL text, change settings, touch files, other sessions or
// servers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace pgwarden::policy {

/// Which argument of a function is SQL text that it runs, and whether that is all it does.
struct SqlText {
  enum class Place : std::uint8_t {
    none,    ///< no argument, or only pieces of a text
    first,   ///< the first argument
    second,  ///< the second
    third,   ///< the third
    last,    ///< the last, a boolean constant behind it left aside
    every,   ///< every argument that is no number, boolean or array
  };
  enum class Call : std::uint8_t {
    is_its_text,      ///< with a constant text, the call does what the text does and nothing else
    stays_sensitive,  ///< what a constant text does comes on top
  };

  Place place = Place::none;
  std::string_view parameter = {};  ///< its name, for calls with named arguments; empty: it has none
  Call call = Call::stays_sensitive;
};

/// One function (or several that begin alike).
struct SensitiveFunction {
  std::string_view schema;  ///< "pg_catalog" for a built-in, "*" for an extension's, wherever it is installed
  std::string_view name;
  bool is_prefix = false;      ///< `name` is how the names begin
  std::uint8_t arguments = 0;  ///< only with so many arguments; 0: with any number
  std::string_view effect;     ///< what it can do, for people
  std::string_view
      versions;             ///< of PostgreSQL that have it (10 to 18 were looked at); of an extension: "all"
  std::string_view source;  ///< PostgreSQL's source file, or the extension
  SqlText text;
};

/// For a call of which the number of arguments is not known: it matches every number.
inline constexpr std::size_t unknown_arguments = std::numeric_limits<std::size_t>::max();

/// The entry for a call written as `schema.name` (or `name`, with an empty schema) with so many arguments;
/// null when it is none of them.
const SensitiveFunction* find_sensitive_function(std::string_view schema, std::string_view name,
                                                 std::size_t arguments);

/// Every entry, sorted by name, those by prefix last.
std::span<const SensitiveFunction> sensitive_functions();

}  // namespace pgwarden::policy
