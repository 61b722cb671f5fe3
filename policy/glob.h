// Shell-like patterns for names: `*` any run of characters, `?` one character, everything else itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgwarden::policy {

/// Whether upper and lower case (of ASCII letters) are told apart.
enum class Case : std::uint8_t { sensitive, ignored };

/// Whether `pattern` matches the whole of `text`. A character is one UTF-8 code point. Linear time in
/// practice, pattern times text at worst; no recursion, no allocation.
bool glob_match(std::string_view pattern, std::string_view text, Case letters = Case::sensitive) noexcept;

/// Whether everything that `narrow` matches is matched by `wide` too. May answer no for want of a proof.
bool glob_covers(std::string_view wide, std::string_view narrow, Case letters = Case::sensitive) noexcept;

}  // namespace pgwarden::policy
