#include "policy/sql_lexer.h"
#include "policy/statement_reader.h"

namespace pgwarden::policy {
namespace {

/// Takes away the first bytes of a UTF-8 character whose last ones were cut off.
void drop_partial_character(std::string& text) {
  std::size_t tail = 0;
  while (tail < 3 && tail < text.size() && (text[text.size() - 1 - tail] & 0xc0) == 0x80) ++tail;
  if (tail >= text.size()) return;
  const auto lead = static_cast<unsigned char>(text[text.size() - 1 - tail]);
  const std::size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
  if (wanted > tail) text.resize(text.size() - 1 - tail);
}

}  // namespace

std::string mask_literals(std::string_view sql, std::size_t bytes_max) {
  std::string masked;
  bool blank = false;
  SqlLexer lexer(sql, {});
  Token token;
  while (masked.size() < bytes_max && lexer.next(token)) {
    if (token.unterminated) return "(unreadable)";
    if (token.kind == TokenKind::blank || token.kind == TokenKind::comment) {
      blank = !masked.empty();
      continue;
    }
    if (blank) masked += ' ';
    blank = false;
    if (token.kind == TokenKind::literal) {
      masked += '?';
    } else {
      masked += sql.substr(token.begin, std::min(token.end - token.begin, bytes_max));
    }
    // The server may end this string elsewhere (standard_conforming_strings): what follows may be its
    // contents.
    if (token.ambiguous) {
      masked += "...";
      break;
    }
  }
  if (masked.size() > bytes_max) {
    masked.resize(bytes_max);
    drop_partial_character(masked);
  }
  return masked;
}

}  // namespace pgwarden::policy
