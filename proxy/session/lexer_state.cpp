#include "proxy/session/lexer_state.h"

#include <algorithm>
#include <array>

namespace pgwarden::session {

namespace {

/// Encodings that only clients may use, because a second byte can be a backslash, a quote or a letter
/// (docs, "Supported Character Sets": Server? = No; src/include/mb/pg_wchar.h, PG_ENCODING_BE_LAST).
constexpr std::array<std::string_view, 7> client_only_encodings{"SJIS", "SHIFT_JIS_2004", "BIG5", "GBK",
                                                                "UHC",  "GB18030",        "JOHAB"};

bool is_non_ascii(char c) noexcept { return static_cast<unsigned char>(c) >= 0x80; }

}  // namespace

void LexerState::reported(std::string_view name, std::string_view value) {
  if (name == "standard_conforming_strings") {
    standard_conforming_strings_ = value == "on";
  } else if (name == "client_encoding") {
    utf8_ = value == "UTF8";
    ascii_safe_ = std::find(client_only_encodings.begin(), client_only_encodings.end(), value) ==
                  client_only_encodings.end();
  }
}

std::optional<Lexing> LexerState::lexing_of(std::string_view sql, const Pipeline& pipeline) const noexcept {
  const bool non_ascii = std::any_of(sql.begin(), sql.end(), is_non_ascii);
  // Without a backslash both readings of a string are the same.
  if (!non_ascii && sql.find('\\') == std::string_view::npos) return Lexing::standard;
  const bool unsure = unsure_ || pipeline.ambiguous();
  if (unsure && !pipeline.drained() && pipeline.drains_by_itself()) return std::nullopt;
  if (non_ascii && (unsure || !ascii_safe_)) return Lexing::unreadable;
  if (unsure || !standard_conforming_strings_) return Lexing::either;
  return *standard_conforming_strings_ ? Lexing::standard : Lexing::escapes;
}

}  // namespace pgwarden::session
