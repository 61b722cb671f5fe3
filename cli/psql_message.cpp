#include "cli/psql_message.h"

#include <algorithm>
#include <vector>

#include "policy/display_width.h"
#include "policy/utf8.h"

namespace pgwarden::cli {

namespace {

constexpr std::size_t shown_columns_max = 60;     // of a line; what is beyond is cut
constexpr std::size_t columns_behind_caret = 10;  // kept where there is a choice

/// One line, and where each of its characters begins; the last entry is the line's end.
struct Line {
  std::string text;
  std::vector<std::size_t> byte{0};
  std::vector<std::size_t> column{0};
  std::size_t caret = 0;  ///< index of the character that is meant
};

Line measure(std::string_view text, std::size_t offset) {
  Line line;
  while (!text.empty()) {
    if (line.text.size() == offset) line.caret = line.byte.size() - 1;
    const std::size_t bytes = std::max<std::size_t>(policy::utf8_character(text).bytes, 1);
    line.column.push_back(line.column.back() + (text.front() == '\t' ? 1 : policy::display_width(text)));
    line.text += text.front() == '\t' ? " " : text.substr(0, bytes);
    line.byte.push_back(line.text.size());
    text.remove_prefix(bytes);
  }
  if (line.text.size() == offset) line.caret = line.byte.size() - 1;
  return line;
}

/// Lines end with CR, LF or CRLF. `before` ends where the line begins.
std::size_t line_number(std::string_view before) {
  std::size_t number = 1;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const bool second_half = before[i] == '\n' && i > 0 && before[i - 1] == '\r';
    if ((before[i] == '\n' || before[i] == '\r') && !second_half) ++number;
  }
  return number;
}

/// "LINE 1: drop table x" and the caret below.
std::string place(std::string_view sql, std::size_t offset) {
  const std::size_t line_end = sql.find_last_of("\r\n", offset == 0 ? 0 : offset - 1);
  const std::size_t begin = offset == 0 || line_end == std::string_view::npos ? 0 : line_end + 1;
  const std::size_t end = std::min(sql.find_first_of("\r\n", offset), sql.size());
  const Line line = measure(sql.substr(begin, end - begin), offset - begin);

  const std::vector<std::size_t>& column = line.column;
  std::size_t first = 0;
  std::size_t last = column.size() - 1;
  const auto too_wide = [&] { return column[last] - column[first] > shown_columns_max; };
  if (too_wide() && column[line.caret] + columns_behind_caret > shown_columns_max) {
    while (column[last] > column[line.caret] + columns_behind_caret) --last;
    while (too_wide()) ++first;
  }
  while (too_wide()) --last;

  std::string text = "LINE " + std::to_string(line_number(sql.substr(0, begin))) + ": ";
  if (first > 0) text += "...";
  const std::size_t caret_column = text.size() + column[line.caret] - column[first];
  text += line.text.substr(line.byte[first], line.byte[last] - line.byte[first]);
  if (last + 1 < column.size()) text += "...";
  return text + "\n" + std::string(caret_column, ' ') + "^\n";
}

}  // namespace

std::string_view severity(const session::Refusal& refusal, policy::Effect effect) {
  if (effect == policy::Effect::warn) return "WARNING";
  return refusal.on_deny == policy::OnDeny::terminate ? "FATAL" : "ERROR";
}

std::string psql_message(const session::Refusal& refusal, policy::Effect effect, std::string_view sql) {
  const policy::Explanation& words = refusal.explanation;
  std::string text(severity(refusal, effect));
  text += ":  " + words.message + "\n";
  // A warning is sent without a place.
  const bool has_place = refusal.position >= 0 && effect == policy::Effect::deny;
  if (has_place) text += place(sql, static_cast<std::size_t>(refusal.position));
  if (!words.detail.empty()) text += "DETAIL:  " + words.detail + "\n";
  if (!words.hint.empty()) text += "HINT:  " + words.hint + "\n";
  return text;
}

}  // namespace pgwarden::cli
