#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "config/masked_line.h"
#include "policy/utf8.h"

namespace pgwarden::config {

namespace {

constexpr std::size_t shown_bytes_max = 200;
/// Nobody reads more, and each takes a look through the text.
constexpr std::size_t problems_max = 1000;

std::string shown(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (text.size() > shown_bytes_max) text = text.substr(0, shown_bytes_max) + "...";
  return text;
}

}  // namespace

std::string format(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.line > 0) {
    text += ":" + std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column);
  }
  text += (diagnostic.severity == Severity::error ? ": error: " : ": warning: ") + diagnostic.message;
  if (!diagnostic.source_line.empty()) {
    const std::string number = std::to_string(diagnostic.line);
    const std::string margin(number.size() < 5 ? 5 - number.size() : 0, ' ');
    const auto column = static_cast<std::size_t>(std::max(diagnostic.column, 1));
    text += "\n" + margin + number + " | " + diagnostic.source_line;
    text +=
        "\n" + std::string(margin.size() + number.size(), ' ') + " | " + std::string(column - 1, ' ') + "^";
  }
  if (!diagnostic.hint.empty()) text += "\n  hint: " + diagnostic.hint;
  return text;
}

void Problems::add(Position at, std::string message, std::string hint) {
  if (diagnostics_.size() == problems_max) return;
  const std::string_view line = line_of(text_, at.line);
  const std::string_view before = line.substr(0, static_cast<std::size_t>(std::max(at.column - 1, 0)));
  const int column = at.line > 0 ? static_cast<int>(policy::character_count(before)) + 1 : 0;
  diagnostics_.push_back({file_, at.line, column, std::move(message), std::move(hint),
                          lines_ == Lines::shown ? shown(masked_line(text_, at.line)) : std::string()});
}

std::vector<Diagnostic> Problems::take() {
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::exchange(diagnostics_, {});
}

}  // namespace pgwarden::config
