#include "cli/check/psql_command.h"

#include <algorithm>
#include <array>

#include "policy/letters.h"
#include "policy/sql_lexer.h"

namespace pgwarden::cli {

namespace {

struct KnownCommand {
  std::string_view name;
  PsqlEffect effect;
};

constexpr std::array commands{
    KnownCommand{"g", PsqlEffect::send},
    KnownCommand{"gx", PsqlEffect::send},
    KnownCommand{"gset", PsqlEffect::send},
    KnownCommand{"gdesc", PsqlEffect::send},
    KnownCommand{"crosstabview", PsqlEffect::send},
    KnownCommand{"watch", PsqlEffect::send},
    KnownCommand{"parse", PsqlEffect::send},
    KnownCommand{"sendpipeline", PsqlEffect::send},
    KnownCommand{"gexec", PsqlEffect::send_and_run},
    KnownCommand{"r", PsqlEffect::reset},
    KnownCommand{"reset", PsqlEffect::reset},
    KnownCommand{"if", PsqlEffect::condition},
    KnownCommand{"elif", PsqlEffect::condition},
    KnownCommand{"else", PsqlEffect::condition},
    KnownCommand{"endif", PsqlEffect::condition},
    KnownCommand{"set", PsqlEffect::set_variable},
    KnownCommand{"getenv", PsqlEffect::set_variable},
    KnownCommand{"prompt", PsqlEffect::set_variable},
    KnownCommand{"i", PsqlEffect::include},
    KnownCommand{"ir", PsqlEffect::include},
    KnownCommand{"include", PsqlEffect::include},
    KnownCommand{"include_relative", PsqlEffect::include},
    KnownCommand{"c", PsqlEffect::connect},
    KnownCommand{"connect", PsqlEffect::connect},
    KnownCommand{"encoding", PsqlEffect::encoding},
    KnownCommand{"!", PsqlEffect::run_program},
    KnownCommand{"copy", PsqlEffect::copy},
    KnownCommand{"e", PsqlEffect::unforeseeable},
    KnownCommand{"edit", PsqlEffect::unforeseeable},
    KnownCommand{"ef", PsqlEffect::unforeseeable},
    KnownCommand{"ev", PsqlEffect::unforeseeable},
    KnownCommand{"password", PsqlEffect::unforeseeable},
    KnownCommand{"lo_import", PsqlEffect::unforeseeable},
    KnownCommand{"lo_unlink", PsqlEffect::unforeseeable},
};

/// Those that do nothing to a statement. `.` ends data, outside of which psql only complains of it.
constexpr auto harmless = std::to_array<std::string_view>({"?",
                                                           "a",
                                                           "bind",
                                                           "bind_named",
                                                           "C",
                                                           "cd",
                                                           "close",
                                                           "conninfo",
                                                           "copyright",
                                                           "echo",
                                                           "errverbose",
                                                           "endpipeline",
                                                           "f",
                                                           "flush",
                                                           "flushrequest",
                                                           "getresults",
                                                           "h",
                                                           "help",
                                                           "H",
                                                           "html",
                                                           "l",
                                                           "l+",
                                                           "list",
                                                           "list+",
                                                           "lo_export",
                                                           "lo_list",
                                                           "lo_list+",
                                                           "o",
                                                           "out",
                                                           "p",
                                                           "print",
                                                           "pset",
                                                           "q",
                                                           "quit",
                                                           "qecho",
                                                           "restrict",
                                                           "s",
                                                           "setenv",
                                                           "sf",
                                                           "sf+",
                                                           "startpipeline",
                                                           "sv",
                                                           "sv+",
                                                           "syncpipeline",
                                                           "t",
                                                           "T",
                                                           "timing",
                                                           "unrestrict",
                                                           "unset",
                                                           "w",
                                                           "warn",
                                                           "write",
                                                           "x",
                                                           "z",
                                                           "zS",
                                                           "."});

/// Those whose argument is the rest of the line, backslashes and quotes included.
constexpr auto taking_lines =
    std::to_array<std::string_view>({"copy", "!", "h", "help", "ef", "ev", "sf", "sf+", "sv", "sv+"});

/// Those that can write to a program: |program takes the rest of the line.
constexpr auto piping = std::to_array<std::string_view>({"g", "gx", "o", "out", "w", "write"});

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

/// \dt, \dS+, ...: psql's own questions to the catalogs.
bool describes(std::string_view name) {
  const auto is_part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+'; };
  return name.starts_with('d') && std::all_of(name.begin(), name.end(), is_part);
}

PsqlEffect effect_of(std::string_view name) {
  const auto known = std::find_if(commands.begin(), commands.end(),
                                  [name](const KnownCommand& command) { return command.name == name; });
  if (known != commands.end()) return known->effect;
  return contains(harmless, name) || describes(name) ? PsqlEffect::none : PsqlEffect::unknown;
}

/// Behind the closing quote of the quoted part that begins at `at`, or the end of the text.
std::size_t quoted_end(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (text[at] == quote) return at + 1;
    if (text[at] == '\\' && quote == '\'') ++at;
  }
  return text.size();
}

/// Where the arguments end that begin at `at`: `line` ends the line.
std::size_t arguments_end(std::string_view line, std::size_t at, PsqlCommand& command) {
  if (contains(taking_lines, command.name)) return line.size();
  const bool pipes = contains(piping, command.name);
  while (at < line.size() && line[at] != '\\') {
    const char c = line[at];
    if (c == '`' || (c == '|' && pipes && is_blank(line[at - 1]))) command.runs_program = true;
    if (c == '|' && command.runs_program && pipes) return line.size();
    at = c == '\'' || c == '"' || c == '`' ? quoted_end(line, at) : at + 1;
  }
  return at;
}

bool is_word(std::string_view text, const policy::Token& token, std::string_view word) {
  return token.kind == policy::TokenKind::word &&
         policy::equal_ignoring_case(text.substr(token.begin, token.end - token.begin), word);
}

/// The next argument from `at` on: a word up to a blank, or quoted with doubled quotes inside.
std::string_view next_argument(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at])) ++at;
  std::size_t end = at;
  if (end < text.size() && text[end] == '\'') {
    do {
      end = text.find('\'', end + 1);
      if (end == std::string_view::npos) return {};
      ++end;
    } while (end < text.size() && text[end] == '\'');
  } else {
    while (end < text.size() && !is_blank(text[end])) ++end;
  }
  return text.substr(at, end - at);
}

}  // namespace

PsqlCommand read_psql_command(std::string_view script, std::size_t begin) {
  const std::string_view line = script.substr(0, script.find('\n', begin));
  std::size_t at = begin + 1;
  while (at < line.size() && !is_blank(line[at]) && line[at] != '\\') ++at;
  PsqlCommand command;
  command.name = line.substr(begin + 1, at - begin - 1);
  command.effect = effect_of(command.name);
  command.end = arguments_end(line, at, command);
  command.arguments = line.substr(at, command.end - at);
  command.runs_program = command.runs_program || command.effect == PsqlEffect::run_program;
  if (line.substr(command.end).starts_with("\\\\")) command.end += 2;
  return command;
}

std::optional<SlashCopy> read_slash_copy(std::string_view arguments) {
  arguments = arguments.substr(0, arguments.find_last_not_of("; \t\r\f\v") + 1);
  policy::SqlLexer lexer(arguments, {});
  policy::Token token;
  int depth = 0;
  bool is_from = false;
  bool found = false;
  while (!found && lexer.next(token)) {
    if (token.kind == policy::TokenKind::symbol) {
      depth += (arguments[token.begin] == '(') - (arguments[token.begin] == ')');
    }
    is_from = is_word(arguments, token, "from");
    found = depth == 0 && (is_from || is_word(arguments, token, "to"));
  }
  if (!found) return std::nullopt;
  const auto end_of = [arguments](std::string_view part) {
    return static_cast<std::size_t>(part.data() - arguments.data()) + part.size();
  };
  std::string_view file = next_argument(arguments, token.end);
  if (file.empty()) return std::nullopt;
  const bool is_stdin = policy::equal_ignoring_case(file, "stdin");
  if (policy::equal_ignoring_case(file, "program")) {
    file = next_argument(arguments, end_of(file));
    if (!file.starts_with('\'')) return std::nullopt;
  }
  const std::string_view rest = arguments.substr(end_of(file));
  std::string sql = "COPY " + std::string(arguments.substr(0, token.end));
  sql.append(is_from ? " STDIN" : " STDOUT").append(rest);
  return SlashCopy{std::move(sql), is_from && is_stdin};
}

}  // namespace pgwarden::cli
