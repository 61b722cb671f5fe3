#include "proxy/session/lexer_state.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace pgwarden::session {

namespace {

/// Encodings that only clients may use, because a second byte can be a backslash, a quote or a letter
/// (docs, "Supported Character Sets": Server? = No; src/include/mb/pg_wchar.h, PG_ENCODING_BE_LAST).
constexpr std::array<std::string_view, 7> client_only_encodings{"SJIS", "SHIFT_JIS_2004", "BIG5", "GBK",
                                                                "UHC",  "GB18030",        "JOHAB"};

/// By eight bytes at a time: texts may be large, and every one of them is looked at.
bool has_non_ascii(std::string_view text) noexcept {
  std::uint64_t seen = 0;
  for (; text.size() >= sizeof seen; text.remove_prefix(sizeof seen)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), sizeof word);
    seen |= word;
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & 0x8080808080808080) != 0;
}

}  // namespace

LexicalHazards LexicalHazards::of(std::string_view sql) noexcept {
  return {sql.find('\\') != std::string_view::npos, has_non_ascii(sql)};
}

void LexerState::reported(std::string_view name, std::string_view value) {
  if (name == "standard_conforming_strings") {
    standard_conforming_strings_ = value == "on";
  } else if (name == "client_encoding") {
    utf8_ = value == "UTF8";
    ascii_safe_ = std::find(client_only_encodings.begin(), client_only_encodings.end(), value) ==
                  client_only_encodings.end();
    was_unsafe_ = was_unsafe_ || !ascii_safe_;
  }
}

std::optional<Lexing> LexerState::lexing_of(LexicalHazards hazards, const Pipeline& pipeline) const noexcept {
  const bool settled = pipeline.drained() && !pipeline.ambiguous();
  const bool strings_open = hazards.backslash && !settled;
  // Non-ASCII text is everyday, and to change the encoding unseen takes a function that does just that: what
  // counts is what was seen.
  const bool encoding_open =
      hazards.non_ascii && !settled && (changing_ || was_unsafe_ || pipeline.ambiguous());
  if ((strings_open || encoding_open) && pipeline.drains_by_itself()) return std::nullopt;
  if (hazards.non_ascii && (encoding_open || !ascii_safe_)) return Lexing::unreadable;
  if (!hazards.backslash) return Lexing::standard;
  if (strings_open || !standard_conforming_strings_) return Lexing::either;
  return *standard_conforming_strings_ ? Lexing::standard : Lexing::escapes;
}

}  // namespace pgwarden::session
