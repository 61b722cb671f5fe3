#include "policy/glob.h"

#include <cstddef>

#include "policy/letters.h"

namespace pgwarden::policy {

namespace {

constexpr bool continues_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, Case letters) noexcept {
  constexpr std::size_t none = std::string_view::npos;
  const auto same = [letters](char a, char b) {
    return a == b || (letters == Case::ignored && lower(a) == lower(b));
  };
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = none;    // the last `*` seen
  std::size_t star_ends = 0;  // where the text that it stands for ends
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_ends = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      ++t;
      while (t < text.size() && continues_character(text[t])) ++t;
    } else if (p < pattern.size() && same(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != none) {
      p = star + 1;
      t = ++star_ends;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool glob_covers(std::string_view wide, std::string_view narrow, Case letters) noexcept {
  // `narrow` read as a text: its wildcards stand for themselves and must meet a wildcard at least as wide.
  const bool question_may_meet_star =
      wide.find('?') != std::string_view::npos && narrow.find('*') != std::string_view::npos;
  return wide == narrow || (!question_may_meet_star && glob_match(wide, narrow, letters));
}

}  // namespace pgwarden::policy
