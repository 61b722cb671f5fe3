#include "cli/check/exceptions.h"

#include <algorithm>

#include "policy/letters.h"

namespace pgwarden::cli {

namespace {

constexpr std::string_view blanks = " \t\r\f\v";
constexpr std::string_view form = R"(, write "-- pgwarden: allow KIND REASON")";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the first word away from `text`.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find_first_of(blanks));
  text = trimmed(text.substr(word.size()));
  return word;
}

bool is_kind(std::string_view word) {
  return !word.empty() && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == word.npos;
}

ExceptionComment malformed(std::string_view why) { return {{}, {}, std::string(why).append(form)}; }

}  // namespace

std::optional<ExceptionComment> read_exception(std::string_view comment) {
  std::string_view text = trimmed(comment.substr(std::min(comment.find_first_not_of('-'), comment.size())));
  const std::string_view first = take_word(text);
  const std::string name = policy::lower(first.substr(0, first.find(':')));
  if (name != "pgwarden" || first.size() == name.size()) return std::nullopt;
  if (first != "pgwarden:") return malformed("an exception begins with \"pgwarden: \"");
  if (take_word(text) != "allow") return malformed("an exception can only allow");
  const std::string_view kind = take_word(text);
  if (!is_kind(kind)) return malformed("it is not said what is allowed");
  if (text.empty()) return malformed("it is not said why \"" + std::string(kind) + "\" is allowed");
  return ExceptionComment{std::string(kind), std::string(text), {}};
}

}  // namespace pgwarden::cli
