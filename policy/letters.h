// Upper and lower case of ASCII letters, which is all that PostgreSQL folds in keywords, settings and names
// of hosts.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace pgwarden::policy {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = lower(c);
  return folded;
}

constexpr bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace pgwarden::policy
