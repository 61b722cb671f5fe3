// Cuts SQL text into tokens as PostgreSQL's scan.l does, without reading what they mean. For what is needed
// before the parser runs or where it cannot: limits, the first token of a statement, masking literals.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/statement_reader.h"

namespace pgwarden::policy {

enum class TokenKind : std::uint8_t {
  blank,
  comment,
  word,         ///< keyword or identifier
  quoted_word,  ///< "x" or U&"x"
  literal,      ///< a quoted string of any kind, or a number
  parameter,    ///< $1
  symbol,       ///< operators and punctuation, one character at a time
};

struct Token {
  TokenKind kind = TokenKind::blank;
  std::size_t begin = 0;
  std::size_t end = 0;
  /// A string that goes on after a line break, as in 'a' <newline> 'b': where its first part ends. Else 0.
  std::size_t part_end = 0;
  std::size_t next_part = 0;  ///< and where the next one begins
  bool unterminated = false;
  /// A plain string with a backslash before a quote: it ends elsewhere when standard_conforming_strings
  /// differs.
  bool ambiguous = false;
};

class SqlLexer {
 public:
  SqlLexer(std::string_view sql, LexerSettings settings, std::size_t begin = 0)
      : sql_(sql), at_(begin), settings_(settings) {}

  /// The next token; false at the end of the text. Tokens follow each other without gaps.
  bool next(Token& token);

  /// How many characters the scanner of the server (and of libpg_query) looks at for the operators and
  /// comments so far: it takes the whole run of operator characters for each, and gives back what it does not
  /// need. In long runs that is quadratic.
  std::size_t operator_work() const { return operator_work_; }

  /// The comments between the parts of the strings so far: 'a' -- comment <newline> 'b'.
  const std::vector<Token>& comments_in_strings() const { return comments_in_strings_; }

 private:
  char at(std::size_t index) const { return index < sql_.size() ? sql_[index] : '\0'; }
  void blank(Token& token);
  void line_comment(Token& token);
  void block_comment(Token& token);
  void quoted(Token& token, char quote, bool backslashes);
  bool continued(Token& token);
  void string(Token& token, bool backslashes);
  bool dollar_quoted(Token& token);
  void word_or_string(Token& token);
  void number(Token& token);
  void count_operator_run();

  std::string_view sql_;
  std::size_t at_;
  std::size_t run_end_ = 0;
  std::size_t operator_work_ = 0;
  std::vector<Token> comments_in_strings_;
  LexerSettings settings_;
};

/// Where the first token that is neither blank nor comment begins, from `begin` on; the end of the text when
/// there is none.
std::size_t first_token(std::string_view sql, std::size_t begin);

/// Whether no release of the server can parse this text, whatever its grammar: a literal, name or comment has
/// no end, or there is a backslash outside of them, for which no grammar has a use.
bool is_beyond_any_grammar(std::string_view sql, LexerSettings settings);

/// Whether a dollar quote has a tag that is not ASCII. The server compares tags when it has converted the
/// text to its own encoding, where two that differ here can be the same, or the other way round (EUC_JP has
/// 22 such pairs): where the literal ends is its secret.
bool has_foreign_tag(std::string_view sql, LexerSettings settings);

/// Whether the scanner would need time out of all proportion for this text (see SqlLexer::operator_work).
bool is_slow_to_scan(std::string_view sql, LexerSettings settings);

/// Whether the text has more tokens, blanks and comments aside, than `tokens_max`. A parse tree takes some
/// 200 bytes for each.
bool has_more_tokens(std::string_view sql, LexerSettings settings, std::size_t tokens_max);

}  // namespace pgwarden::policy
