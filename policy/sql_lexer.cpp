#include "policy/sql_lexer.h"

#include <algorithm>
#include <array>

#include "policy/letters.h"

namespace pgwarden::policy {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v'; }
bool is_newline(char c) { return c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_word_part(char c) { return is_word_start(c) || is_digit(c) || c == '$'; }
constexpr std::array<bool, 256> operator_characters = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("~!@#^&|`?+-*/%<>=")) table[static_cast<unsigned char>(c)] = true;
  return table;
}();
bool is_operator(char c) { return operator_characters[static_cast<unsigned char>(c)]; }

}  // namespace

bool SqlLexer::next(Token& token) {
  if (at_ >= sql_.size()) return false;
  token = {TokenKind::symbol, at_, at_};
  const char c = sql_[at_];
  const char following = at(at_ + 1);
  if (is_blank(c)) {
    blank(token);
  } else if (c == '-' && following == '-') {
    line_comment(token);
  } else if (c == '/' && following == '*') {
    block_comment(token);
  } else if (c == '\'') {
    string(token, !settings_.standard_conforming_strings);
  } else if (c == '"') {
    token.kind = TokenKind::quoted_word;
    quoted(token, '"', false);
  } else if (is_word_start(c)) {
    word_or_string(token);
  } else if (is_digit(c) || (c == '.' && is_digit(following))) {
    number(token);
  } else if (c != '$' || !dollar_quoted(token)) {
    if (is_operator(c)) count_operator_run();
    ++at_;
  }
  token.end = at_;
  return true;
}

void SqlLexer::blank(Token& token) {
  token.kind = TokenKind::blank;
  while (is_blank(at(at_))) ++at_;
}

void SqlLexer::line_comment(Token& token) {
  token.kind = TokenKind::comment;
  while (at_ < sql_.size() && !is_newline(sql_[at_])) ++at_;
}

void SqlLexer::block_comment(Token& token) {
  token.kind = TokenKind::comment;
  std::size_t depth = 0;
  while (at_ < sql_.size()) {
    if (sql_[at_] == '/' && at(at_ + 1) == '*') {
      count_operator_run();
      ++depth;
      at_ += 2;
    } else if (sql_[at_] == '*' && at(at_ + 1) == '/') {
      at_ += 2;
      if (--depth == 0) return;
    } else {
      ++at_;
    }
  }
  token.unterminated = true;
}

/// Reads from the opening quote to behind the closing one.
void SqlLexer::quoted(Token& token, char quote, bool backslashes) {
  for (++at_; at_ < sql_.size(); ++at_) {
    if (sql_[at_] == '\\' && at(at_ + 1) == '\'' && quote == '\'') token.ambiguous = true;
    if (sql_[at_] == '\\' && backslashes) {
      ++at_;
    } else if (sql_[at_] == quote) {
      ++at_;
      if (at(at_) != quote) return;
    }
  }
  at_ = sql_.size();
  token.unterminated = true;
}

/// Whether the string goes on after a line break, as in 'a' <newline> 'b': it keeps its kind then.
bool SqlLexer::continued(Token& token) {
  if (token.unterminated) return false;
  std::size_t i = at_;
  bool newline = false;
  std::vector<Token> comments;
  for (;; ++i) {
    if (at(i) == '-' && at(i + 1) == '-') {
      const std::size_t begin = i;
      while (i < sql_.size() && !is_newline(sql_[i])) ++i;
      comments.push_back({TokenKind::comment, begin, i});
    }
    if (!is_blank(at(i))) break;
    newline = newline || is_newline(at(i));
  }
  if (!newline || at(i) != '\'') return false;
  comments_in_strings_.insert(comments_in_strings_.end(), comments.begin(), comments.end());
  at_ = i;
  return true;
}

void SqlLexer::string(Token& token, bool backslashes) {
  token.kind = TokenKind::literal;
  quoted(token, '\'', backslashes);
  for (const std::size_t end = at_; continued(token);) {
    if (token.part_end == 0) token.next_part = at_;
    token.part_end = end;
    quoted(token, '\'', backslashes);
  }
}

/// Reads $$...$$ or $tag$...$tag$, or $1; false when the dollar begins neither.
bool SqlLexer::dollar_quoted(Token& token) {
  if (is_digit(at(at_ + 1))) {
    token.kind = TokenKind::parameter;
    for (++at_; is_digit(at(at_));) ++at_;
    return true;
  }
  std::size_t tag_end = at_ + 1;
  if (is_word_start(at(tag_end))) {
    while (is_word_start(at(tag_end)) || is_digit(at(tag_end))) ++tag_end;
  }
  if (at(tag_end) != '$') return false;
  const std::string_view tag = sql_.substr(at_, tag_end + 1 - at_);
  const std::size_t end = sql_.find(tag, tag_end + 1);
  token.kind = TokenKind::literal;
  token.unterminated = end == std::string_view::npos;
  at_ = token.unterminated ? sql_.size() : end + tag.size();
  return true;
}

void SqlLexer::word_or_string(Token& token) {
  const char c = lower(sql_[at_]);
  const char following = at(at_ + 1);
  if (following == '\'' && (c == 'e' || c == 'b' || c == 'x' || c == 'n')) {
    ++at_;
    string(token, c == 'e' || (c == 'n' && !settings_.standard_conforming_strings));
    token.ambiguous = token.ambiguous && c == 'n';
    return;
  }
  if (c == 'u' && following == '&' && (at(at_ + 2) == '\'' || at(at_ + 2) == '"')) {
    at_ += 2;
    if (sql_[at_] == '\'') {
      string(token, false);
      token.ambiguous = false;
    } else {
      token.kind = TokenKind::quoted_word;
      quoted(token, '"', false);
    }
    return;
  }
  token.kind = TokenKind::word;
  while (at_ < sql_.size() && is_word_part(sql_[at_])) ++at_;
}

/// Reads a number and whatever word follows it without a blank (which is an error to the server).
void SqlLexer::number(Token& token) {
  token.kind = TokenKind::literal;
  const auto is_part = [this](std::size_t i) {
    if (is_word_part(at(i)) && at(i) != '$') return true;
    if (at(i) == '.') return at(i + 1) != '.' && at(i - 1) != '.';
    const bool exponent = lower(at(i - 1)) == 'e' && is_digit(at(i + 1));
    return (at(i) == '+' || at(i) == '-') && exponent && lower(at(i - 2)) != 'x';
  };
  for (++at_; is_part(at_);) ++at_;
}

void SqlLexer::count_operator_run() {
  if (run_end_ <= at_) {
    run_end_ = at_;
    while (run_end_ < sql_.size() && is_operator(sql_[run_end_])) ++run_end_;
  }
  operator_work_ += run_end_ - at_;
}

std::size_t first_token(std::string_view sql, std::size_t begin) {
  if (begin < sql.size() && is_word_start(sql[begin])) return begin;  // as a rule
  SqlLexer lexer(sql, {}, begin);
  Token token;
  while (lexer.next(token)) {
    if (token.kind != TokenKind::blank && token.kind != TokenKind::comment) return token.begin;
  }
  return sql.size();
}

bool is_beyond_any_grammar(std::string_view sql, LexerSettings settings) {
  SqlLexer lexer(sql, settings);
  Token token;
  while (lexer.next(token)) {
    if (token.unterminated || (token.kind == TokenKind::symbol && sql[token.begin] == '\\')) return true;
  }
  return false;
}

bool has_foreign_tag(std::string_view sql, LexerSettings settings) {
  const auto is_foreign = [](std::string_view from) {  // from a dollar sign on
    bool ascii = true;
    std::size_t i = 1;
    for (; i < from.size() && (is_word_start(from[i]) || is_digit(from[i])); ++i) {
      ascii &= static_cast<unsigned char>(from[i]) < 0x80;
    }
    return !ascii && i < from.size() && from[i] == '$';
  };
  bool any = false;  // hardly ever
  for (std::size_t at = sql.find('$'); at != std::string_view::npos && !any; at = sql.find('$', at + 1)) {
    any = is_foreign(sql.substr(at));
  }
  if (!any) return false;
  SqlLexer lexer(sql, settings);
  Token token;
  while (lexer.next(token)) {
    if (token.kind == TokenKind::literal && sql[token.begin] == '$' && is_foreign(sql.substr(token.begin)))
      return true;
  }
  return false;
}

bool is_slow_to_scan(std::string_view sql, LexerSettings settings) {
  constexpr std::size_t short_run = 24;
  constexpr std::size_t work_per_byte_max = 16;
  constexpr std::size_t work_always_allowed = 65'536;
  const auto length_of_run_at = [sql](std::size_t at) {
    std::size_t begin = at;
    while (begin > 0 && is_operator(sql[begin - 1])) --begin;
    while (at < sql.size() && is_operator(sql[at])) ++at;
    return at - begin;
  };
  bool has_long_run = false;  // which could not pass between two of these places
  for (std::size_t at = short_run; at < sql.size() && !has_long_run; at += short_run + 1) {
    has_long_run = is_operator(sql[at]) && length_of_run_at(at) > short_run;
  }
  if (!has_long_run) return false;
  SqlLexer lexer(sql, settings);
  Token token;
  while (lexer.next(token)) {
    if (lexer.operator_work() > work_always_allowed + work_per_byte_max * sql.size()) return true;
  }
  return false;
}

bool has_more_tokens(std::string_view sql, LexerSettings settings, std::size_t tokens_max) {
  if (sql.size() <= tokens_max) return false;
  SqlLexer lexer(sql, settings);
  std::size_t tokens = 0;
  for (Token token; tokens <= tokens_max && lexer.next(token);) {
    if (token.kind != TokenKind::blank && token.kind != TokenKind::comment) ++tokens;
  }
  return tokens > tokens_max;
}

}  // namespace pgwarden::policy
