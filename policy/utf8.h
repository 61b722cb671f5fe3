// UTF-8, character by character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pgwarden::policy {

/// A code point and how many bytes it takes; none when the bytes are not UTF-8.
struct Utf8Character {
  std::uint32_t code = 0;
  std::size_t bytes = 0;
};

/// The first character of `text`, which is not empty. Overlong forms and surrogates are not UTF-8.
Utf8Character utf8_character(std::string_view text);

/// How many characters `text`, which is UTF-8, has.
std::size_t character_count(std::string_view text);

}  // namespace pgwarden::policy
