// The one table of functions that do more than read. Others use policy/sensitive_functions.h.
#pragma once

#include <span>
#include <string_view>

#include "policy/sensitive_functions.h"

namespace pgwarden::policy {

inline constexpr std::string_view built_in = "pg_catalog";
inline constexpr std::string_view anywhere = "*";

/// Functions of which the same is to be said. Names are separated by blanks; one that ends in `*` stands for
/// all that begin so, one that ends in `/2` is meant with two arguments only.
struct SensitiveFunctions {
  std::string_view schema;
  std::string_view names;
  std::string_view effect;
  std::string_view versions;
  std::string_view source;
  SqlText text = {};
};

std::span<const SensitiveFunctions> sensitive_function_table();

}  // namespace pgwarden::policy
