#include "policy/pg_query/parser.h"

#include <algorithm>

#include "policy/sql_lexer.h"

namespace pgwarden::policy::pg {
namespace {

/// Longer texts have positions that do not fit PostgreSQL's own.
constexpr std::size_t text_bytes_max = std::size_t{1} << 30;

/// Trees of up to about 1 GB; an INSERT of half a million rows with four values each has fewer.
constexpr std::size_t tokens_max = 5'000'000;

/// The parser quotes the word that it did not expect, however long that is.
constexpr std::size_t error_bytes_max = 256;

/// The byte offset of the character that PostgreSQL counts as `number` (from 1), in UTF-8; -1 for 0.
std::int32_t byte_offset(std::string_view text, int number) {
  if (number <= 0) return -1;
  std::size_t offset = 0;
  for (int i = 1; i < number && offset < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[offset]);
    offset += (lead & 0xe0) == 0xc0 ? 2 : (lead & 0xf0) == 0xe0 ? 3 : (lead & 0xf8) == 0xf0 ? 4 : 1;
  }
  return static_cast<std::int32_t>(std::min(offset, text.size()));
}

/// What pg_query_raw_parse() does, without the buffer of 4 KB that it clears and copies for each text. Null
/// and an error in the current memory context when the text does not parse. Nothing in here may have a
/// destructor.
const List* raw_parse(std::string_view text, LexerSettings settings, RawParseMode mode,
                      const ErrorData*& error) {
  const List* volatile statements = nullptr;
  const MemoryContext memory = CurrentMemoryContext;
  backslash_quote = BACKSLASH_QUOTE_SAFE_ENCODING;
  standard_conforming_strings = settings.standard_conforming_strings;
  escape_string_warning = false;
  PG_TRY();
  {
    auto* const copy = static_cast<char*>(palloc(text.size() + 1));
    *std::copy(text.begin(), text.end(), copy) = '\0';
    statements = raw_parser(copy, mode);
  }
  PG_CATCH();
  {
    MemoryContextSwitchTo(memory);
    error = CopyErrorData();
    FlushErrorState();
  }
  PG_END_TRY();
  return statements;
}

Parsed parse_text(std::string_view text, LexerSettings settings, RawParseMode mode, MemoryContext memory) {
  const ErrorData* error = nullptr;
  MemoryContextSwitchTo(memory);
  const List* statements = raw_parse(text, settings, mode, error);
  // libpg_query expects every call to begin in the topmost context.
  MemoryContextSwitchTo(TopMemoryContext);
  if (error == nullptr) return {statements, {}, -1};
  return {nullptr, std::string(view(error->message).substr(0, error_bytes_max)),
          byte_offset(text, error->cursorpos)};
}

/// The text with blanks for its comments; empty when there are none. To libpg_query's scanner a comment is a
/// token, and the grammar, which looks one token ahead (NOT IN, NULLS FIRST, WITH TIME ZONE, UESCAPE), does
/// not see past it; nor does a string go on behind it. One between two literals stays: blanks may join them.
std::string without_comments(std::string_view sql, LexerSettings settings) {
  std::string text(sql);
  bool changed = false;
  const auto blank = [&](const Token& comment) {
    text.replace(comment.begin, comment.end - comment.begin, comment.end - comment.begin, ' ');
    changed = true;
  };
  bool behind_literal = false;
  std::vector<Token> comments;
  SqlLexer lexer(sql, settings);
  for (Token token; lexer.next(token);) {
    if (token.kind == TokenKind::comment) comments.push_back(token);
    if (token.kind == TokenKind::comment || token.kind == TokenKind::blank) continue;
    const bool is_literal = token.kind == TokenKind::literal;
    if (!behind_literal || !is_literal) std::for_each(comments.begin(), comments.end(), blank);
    comments.clear();
    behind_literal = is_literal;
  }
  const std::vector<Token>& in_strings = lexer.comments_in_strings();
  std::for_each(in_strings.begin(), in_strings.end(), blank);
  return changed ? text : std::string();
}

}  // namespace

Parsed parse(std::string_view sql, LexerSettings settings, MemoryContext memory, RawParseMode mode) {
  if (sql.size() > text_bytes_max) return {nullptr, "statement is too long", -1};
  if (is_slow_to_scan(sql, settings)) {
    return {nullptr, "too many operators and comments without blanks between them", -1};
  }
  if (has_foreign_tag(sql, settings)) {
    return {nullptr, "the tag of a dollar quote is not ASCII", -1};
  }
  if (has_more_tokens(sql, settings, tokens_max)) return {nullptr, "statement has too many parts", -1};
  Parsed parsed = parse_text(sql, settings, mode, memory);
  if (parsed.error.empty()) return parsed;
  const std::string plain = without_comments(sql, settings);
  return plain.empty() ? parsed : parse_text(plain, settings, mode, memory);
}

}  // namespace pgwarden::policy::pg
