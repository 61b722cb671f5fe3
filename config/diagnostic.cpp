#include "config/diagnostic.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "policy/utf8.h"

namespace pgwarden::config {

namespace {

constexpr std::size_t shown_bytes_max = 200;

std::string_view line_of(std::string_view text, int line) {
  if (line < 1) return {};
  for (int i = 1; i < line; ++i) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

void mask(std::string& line, std::size_t begin, std::size_t end) {
  if (begin < end) line.replace(begin, end - begin, "***");
}

/// A diagnostic goes to logs and terminals; a password must not.
std::string without_passwords(std::string line) {
  constexpr std::string_view ends = " \t\"'";
  constexpr std::string_view parameter = "password=";
  for (std::size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
    const std::size_t end = std::min(line.find_first_of(ends, at), line.size());
    const std::size_t host = line.rfind('@', end - 1);
    const std::size_t colon = line.find(':', at + 3);
    if (host != std::string::npos && host > at && colon < host) mask(line, colon + 1, host);
  }
  for (std::size_t at = line.find(parameter); at != std::string::npos; at = line.find(parameter, at + 1)) {
    mask(line, at + parameter.size(), std::min(line.find_first_of(" \t\"'&,", at), line.size()));
  }
  return line;
}

std::string shown(std::string_view line) {
  std::string text = without_passwords(std::string(line));
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
  const std::string_view line = line_of(text_, at.line);
  const std::string_view before = line.substr(0, static_cast<std::size_t>(std::max(at.column - 1, 0)));
  const int column = at.line > 0 ? static_cast<int>(policy::character_count(before)) + 1 : 0;
  diagnostics_.push_back({file_, at.line, column, std::move(message), std::move(hint), shown(line)});
}

std::vector<Diagnostic> Problems::take() {
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::exchange(diagnostics_, {});
}

}  // namespace pgwarden::config
