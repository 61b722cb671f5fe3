#include "policy/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include "policy/utf8.h"

namespace pgwarden::policy {

namespace {

/// Controls, invisible characters and those that turn the direction of a line.
bool is_hidden(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
  };
  constexpr std::array<Range, 16> ranges{{{0x00, 0x1F},
                                          {0x7F, 0x9F},
                                          {0xAD, 0xAD},
                                          {0x034F, 0x034F},
                                          {0x061C, 0x061C},
                                          {0x115F, 0x1160},
                                          {0x17B4, 0x17B5},
                                          {0x180B, 0x180F},
                                          {0x200B, 0x200F},
                                          {0x2028, 0x202E},
                                          {0x2060, 0x206F},
                                          {0x3164, 0x3164},
                                          {0xFE00, 0xFE0F},
                                          {0xFEFF, 0xFEFF},
                                          {0xFFF0, 0xFFFB},
                                          {0xE0000, 0xE0FFF}}};
  return std::any_of(ranges.begin(), ranges.end(),
                     [code](const Range& range) { return code >= range.first && code <= range.last; });
}

std::string escaped(const char* format, std::uint32_t code) {
  std::array<char, 16> buffer{};
  const int size = std::snprintf(buffer.data(), buffer.size(), format, code);
  return {buffer.data(), static_cast<std::size_t>(size)};
}

}  // namespace

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string out;
  std::size_t used = 0;
  while (used < text.size()) {
    const Utf8Character character = utf8_character(text.substr(used));
    const std::size_t bytes = std::max<std::size_t>(character.bytes, 1);
    if (used + bytes > bytes_max) break;
    const std::string_view itself = text.substr(used, bytes);
    used += bytes;
    if (character.bytes == 0) {
      out += escaped("\\x%02X", static_cast<unsigned char>(itself.front()));
    } else if (is_hidden(character.code)) {
      out += escaped(character.code < 0x80 ? "\\x%02X" : "\\u%04X", character.code);
    } else {
      if (itself == "\\") out += itself;
      out += itself;
    }
  }
  return out;
}

}  // namespace pgwarden::policy
