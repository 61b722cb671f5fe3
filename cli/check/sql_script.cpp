#include "cli/check/sql_script.h"

#include <algorithm>
#include <array>

#include "policy/letters.h"

namespace pgwarden::cli {

namespace {

using policy::Token;
using policy::TokenKind;

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The reasons go through policy::explain, which shows 63 bytes of them.
constexpr std::string_view depends_on_command = "psql reads it only if the command before it succeeds";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_variable_character(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

/// The length of a variable's name in front of `closing`, at the beginning of `text`; 0 when there is none.
std::size_t variable_length(std::string_view text, std::string_view closing) {
  std::size_t length = 0;
  while (length < text.size() && is_variable_character(text[length])) ++length;
  return text.substr(length).starts_with(closing) ? length : 0;
}

}  // namespace

SqlScript::SqlScript(std::string_view text) : text_(text), lexer_(text, {}) {
  if (text.starts_with(byte_order_mark)) go_on_at(byte_order_mark.size());
}

void SqlScript::go_on_at(std::size_t at) {
  at_ = at;
  lexer_ = policy::SqlLexer(text_, {.standard_conforming_strings = standard_strings_.value_or(true)}, at);
}

std::size_t SqlScript::line_end(std::size_t at) const { return std::min(text_.find('\n', at), text_.size()); }

void SqlScript::set_standard_strings(std::optional<bool> value) {
  if (value == standard_strings_) return;
  standard_strings_ = value;
  old_strings_until_ = line_end(at_);
  go_on_at(at_);
}

bool SqlScript::next(ScriptStatement& statement) {
  statement = {};
  replaced_ = begun_ = false;
  words_ = 0;
  first_words_.clear();
  reset_nesting();
  Token token;
  while (lexer_.next(token)) {
    at_ = token.end;
    if (!passes_copy_data(statement, token) && read_token(statement, token)) return true;
  }
  return begun_ && finish(statement, text_.size());
}

bool SqlScript::read_token(ScriptStatement& statement, const Token& token) {
  if (token.kind == TokenKind::blank) return false;
  if (token.kind == TokenKind::comment) {
    if (text_[token.begin] == '-') statement.comments.push_back({token.begin, token.end});
    return false;
  }
  if (token.kind == TokenKind::symbol) return read_symbol(statement, token);
  if (token.part_end > 0) return read_first_part(statement, token);
  take(statement, {token.begin, token.end});
  if (token.kind == TokenKind::word) count_word(text_.substr(token.begin, token.end - token.begin));
  const bool strings_unknown = !standard_strings_ || token.begin < old_strings_until_;
  if (token.ambiguous && strings_unknown) {
    doubt(statement, token.begin, "a string's end depends on standard_conforming_strings");
  }
  return false;
}

/// psql reads line by line and does not see that a string goes on in the next one: it reads the next part as
/// a string of its own, without E in front.
bool SqlScript::read_first_part(ScriptStatement& statement, const Token& token) {
  const std::string_view between = text_.substr(token.part_end, token.next_part - token.part_end);
  if (between.find('\n') == std::string_view::npos) {
    doubt(statement, token.part_end, "a string goes on behind a carriage return");
  }
  Token part = token;
  part.end = token.part_end;
  part.part_end = 0;
  go_on_at(part.end);
  return read_token(statement, part);
}

bool SqlScript::read_symbol(ScriptStatement& statement, const Token& token) {
  const char c = text_[token.begin];
  if (c == '\\') return read_backslash(statement, token.begin);
  if (c == ';' && parentheses_ == 0 && blocks_ == 0) {
    return finish(statement, token.end);
  }
  take(statement, {token.begin, token.end});
  if (c == '(') ++parentheses_;
  if (c == ')' && parentheses_ > 0) --parentheses_;
  if (c == ':') read_colon(statement, token.begin);
  return false;
}

void SqlScript::take(ScriptStatement& statement, Span part) {
  if (!begun_) statement.span.begin = part.begin;
  begun_ = true;
  statement.span.end = part.end;
  if (replaced_) {
    sent_.append(
        text_.substr(statement.span.begin + sent_.size(), part.end - statement.span.begin - sent_.size()));
  }
  if (part.begin < doubtful_until_) {
    doubt(statement, part.begin, depends_on_command);
  }
}

void SqlScript::replace(ScriptStatement& statement, Span part, std::string_view by) {
  if (!replaced_) {
    sent_ = text_.substr(statement.span.begin, statement.span.end - statement.span.begin);
    replaced_ = true;
  }
  take(statement, part);
  const std::size_t offset = part.begin - statement.span.begin;
  sent_.replace(offset, part.end - part.begin, part.end - part.begin, ' ');
  if (!by.empty()) sent_.replace(offset + 1, by.size(), by);
}

void SqlScript::doubt(ScriptStatement& statement, std::size_t at, std::string_view why) {
  if (!statement.unanalysable.empty()) return;
  statement.unanalysable = why;
  statement.unanalysable_at = at;
}

/// psql sends the statement, if there is one, and goes on at `next`.
bool SqlScript::finish(ScriptStatement& statement, std::size_t next) {
  at_ = next;
  statement.conditional = conditions_ > 0;
  if (!begun_) return false;
  if (statement.sql.empty()) {
    const std::size_t length = statement.span.end - statement.span.begin;
    statement.sql = replaced_ ? std::string_view(sent_) : text_.substr(statement.span.begin, length);
  }
  // A comment behind the statement on its last line belongs to it.
  const std::size_t comment = text_.find_first_not_of(" \t", next);
  if (comment != std::string_view::npos && text_.substr(comment).starts_with("--")) {
    statement.comments.push_back({comment, std::min(text_.find_first_of("\r\n", comment), text_.size())});
    go_on_at(statement.comments.back().end);
  }
  return true;
}

void SqlScript::reset_nesting() { parentheses_ = blocks_ = 0; }

/// Semicolons within BEGIN ATOMIC ... END do not end a statement that begins with CREATE [OR REPLACE]
/// FUNCTION or PROCEDURE. psql takes every BEGIN in such a statement for this one.
void SqlScript::count_word(std::string_view word) {
  constexpr std::size_t longest = 9;
  const std::string text = word.size() > longest ? std::string() : policy::lower(word);
  if (words_ < 4) {
    constexpr std::array<std::string_view, 5> known{"create", "function", "procedure", "or", "replace"};
    const bool is_known = std::find(known.begin(), known.end(), text) != known.end();
    first_words_ += is_known ? text.front() : ' ';
  }
  ++words_;
  constexpr std::array<std::string_view, 4> beginnings{"cf", "cp", "corf", "corp"};
  const auto begins = [this](std::string_view letters) { return first_words_.starts_with(letters); };
  if (parentheses_ > 0 || std::none_of(beginnings.begin(), beginnings.end(), begins)) return;
  if (text == "begin" || (text == "case" && blocks_ > 0)) {
    ++blocks_;
  } else if (text == "end" && blocks_ > 0) {
    --blocks_;
  }
}

void SqlScript::read_colon(ScriptStatement& statement, std::size_t at) {
  const std::string_view rest = text_.substr(at + 1);
  if (rest.starts_with(':') || rest.starts_with('=')) {  // :: and :=
    take(statement, {at, at + 2});
    go_on_at(at + 2);
    return;
  }
  const auto variable = [&](std::string_view opening, std::string_view closing) -> std::size_t {
    if (!rest.starts_with(opening)) return 0;
    const std::size_t length = variable_length(rest.substr(opening.size()), closing);
    return length == 0 ? 0 : 1 + opening.size() + length + closing.size();
  };
  if (const std::size_t literal = variable("'", "'"); literal > 0) {
    replace(statement, {at, at + literal}, "$1");
    go_on_at(at + literal);
  } else if (const std::size_t test = variable("{?", "}"); test > 0) {
    replace(statement, {at, at + test}, "TRUE");
    go_on_at(at + test);
  } else if (const std::size_t name = variable("\"", "\""); name > 0) {
    doubt(statement, at, "the name in a psql variable is not known");
  } else if (const std::size_t text = variable("", ""); text > 0) {
    const std::string_view digits = rest.substr(0, text - 1);
    if (numbered_variables_ || !std::all_of(digits.begin(), digits.end(), is_digit)) {
      doubt(statement, at, "the text in a psql variable is not known");
    }
    take(statement, {at, at + text});
    go_on_at(at + text);
  }
}

/// \; and \: put the character into the statement.
bool SqlScript::read_backslash(ScriptStatement& statement, std::size_t at) {
  const std::string_view following = text_.substr(at + 1, 1);
  if (following != ";" && following != ":") return read_command(statement, at);
  if (!begun_) take(statement, {at, at});
  replace(statement, {at, at + 2}, following);
  if (following == ";") {
    words_ = 0;
    first_words_.clear();
  }
  go_on_at(at + 2);
  return false;
}

/// The effect of a command, as what the script did before lets it have.
PsqlEffect SqlScript::effect_of(const PsqlCommand& command) {
  if (command.name == "unrestrict") restricted_ = false;
  if (restricted_) return PsqlEffect::unforeseeable;  // newer psql refuses it
  if (command.name == "restrict") restricted_ = true;
  if (command.effect != PsqlEffect::set_variable) return command.effect;
  const std::size_t first = std::min(command.arguments.find_first_not_of(" \t\r"), command.arguments.size());
  const std::string_view name = command.arguments.substr(first);
  numbered_variables_ = numbered_variables_ || (!name.empty() && is_digit(name.front()));
  // In single-line mode every line is a statement. \prompt's first argument is the question.
  const bool is_plain = name.empty() || is_variable_character(name.front()) || command.name == "prompt";
  const bool single_line = name.find("SINGLELINE") != std::string_view::npos;
  return is_plain && !single_line ? PsqlEffect::set_variable : PsqlEffect::unforeseeable;
}

bool SqlScript::read_command(ScriptStatement& statement, std::size_t at) {
  const PsqlCommand command = read_psql_command(text_, at);
  const ScriptCommand found{command, {at, command.end}};
  const bool depends = at < doubtful_until_;
  statement.commands.push_back(found);
  if (begun_ && command.effect != PsqlEffect::send && command.effect != PsqlEffect::send_and_run) {
    // The statement goes on behind it.
    const std::size_t begin = statement.span.end;
    replace(statement, {begin, command.end}, "");
  }
  go_on_at(command.end);
  switch (effect_of(command)) {
    case PsqlEffect::send:
      if (command.name == "gset") numbered_variables_ = true;
      if (depends && begun_) doubt(statement, at, depends_on_command);
      return finish(statement, command.end);
    case PsqlEffect::send_and_run:
      doubt(statement, at, "psql then runs the rows that it returns");
      if (!begun_) take(statement, found.span);
      return finish(statement, command.end);
    case PsqlEffect::reset:
      if (depends) {
        doubt(statement, at, depends_on_command);
      } else {
        begun_ = replaced_ = false;
        statement.unanalysable.clear();
        words_ = 0;
        first_words_.clear();
        reset_nesting();
      }
      break;
    case PsqlEffect::condition:
      if (begun_) doubt(statement, at, "a psql condition decides what is part of it");
      if (command.name == "if") ++conditions_;
      if (command.name == "endif" && conditions_ > 0) --conditions_;
      break;
    case PsqlEffect::connect:
      if (standard_strings_ != true)
        set_standard_strings(conditions_ > 0 ? std::nullopt : std::optional(true));
      break;
    case PsqlEffect::include:
      set_standard_strings(std::nullopt);
      break;
    case PsqlEffect::copy:
      return read_copy(statement, found);
    case PsqlEffect::unforeseeable:
    case PsqlEffect::unknown:
      doubt(statement, at,
            command.effect == PsqlEffect::unknown ? "psql has no such backslash command"
                                                  : "it changes what psql sends in ways not shown");
      if (!begun_) take(statement, found.span);
      return finish(statement, command.end);
    case PsqlEffect::none:
    case PsqlEffect::set_variable:
    case PsqlEffect::encoding:
    case PsqlEffect::run_program:
      break;
  }
  doubtful_until_ = line_end(at);
  return false;
}

bool SqlScript::read_copy(ScriptStatement& statement, const ScriptCommand& found) {
  if (begun_) {
    doubt(statement, found.span.begin, "psql copies data in the middle of it");
    return false;
  }
  take(statement, found.span);
  if (auto copy = read_slash_copy(found.command.arguments)) {
    sent_ = std::move(copy->sql);
    statement.sql = sent_;
    statement.data_may_follow = copy->data_follow;
  } else {
    doubt(statement, found.span.begin, "psql does not understand this copy command");
  }
  return finish(statement, found.span.end);
}

void SqlScript::skip_copy_data() {
  if (copy_data_.end <= at_) copy_data_ = {line_end(at_), line_end(at_)};
  std::string_view line;
  while (copy_data_.end < text_.size() && line != "\\." && line != "\\.\r") {
    const std::size_t begin = copy_data_.end + 1;
    copy_data_.end = line_end(begin);
    line = text_.substr(begin, copy_data_.end - begin);
  }
}

/// psql reads the data when it has sent the COPY, and goes on in its line then.
bool SqlScript::passes_copy_data(ScriptStatement& statement, const Token& token) {
  if (token.end <= copy_data_.begin || token.begin >= copy_data_.end) return false;
  if (begun_ || token.kind != TokenKind::blank) {
    doubt(statement, token.begin, "the data of a COPY stand in the middle of it");
  }
  go_on_at(copy_data_.end);
  return true;
}

}  // namespace pgwarden::cli
