#include "config/masked_line.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "config/spelling.h"
#include "policy/letters.h"

namespace pgwarden::config {

namespace {

constexpr std::string_view mask = "***";
constexpr std::string_view blanks = " \t";

std::string_view without_blanks(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// The lines of `text` up to number `last`.
std::vector<std::string_view> lines_to(std::string_view text, int last) {
  std::vector<std::string_view> lines;
  for (int i = 0; i < last; ++i) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

bool speaks_of_password(std::string_view word) {
  constexpr auto known = std::to_array<std::string_view>({"password"});
  const std::string key = policy::lower(word);
  const auto has = [&](std::string_view part) { return key.find(part) != std::string::npos; };
  return has("pass") || has("pwd") || has("secret") || !nearest(key, known).empty();
}

/// Where the value of the first key that speaks of a password begins.
std::optional<std::size_t> secret_value(std::string_view line) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  for (std::size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1)) {
    const std::size_t last = line.substr(0, colon).find_last_not_of(" \t\"'");
    if (last == std::string_view::npos) continue;
    const std::string_view before = line.substr(0, last + 1);
    const std::size_t other = before.find_last_not_of(letters);  // npos + 1 is 0
    if (speaks_of_password(before.substr(other + 1))) return colon + 1;
  }
  return std::nullopt;
}

/// The quote that is open at the end of `text`, when `open` is before it; 0: none.
char open_quote(std::string_view text, char open) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (open == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == open) {
      open = 0;
    } else if (open == 0 && (text[i] == '"' || text[i] == '\'')) {
      open = text[i];
    }
  }
  return open;
}

/// How far a line is indented, the dashes of a list counted in.
std::size_t indentation(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_dash = line[i] == '-' && i + 1 < line.size() && line[i + 1] == ' ';
    if (line[i] != ' ' && !is_dash) return i;
  }
  return line.size();
}

bool is_blank(std::string_view line) { return without_blanks(line).empty(); }

/// Whether the last of `lines` is indented below one with a secret.
bool is_below_secret(const std::vector<std::string_view>& lines) {
  std::size_t indent = indentation(lines.back());
  for (auto line = lines.rbegin() + 1; line != lines.rend() && indent > 0; ++line) {
    if (is_blank(*line) || indentation(*line) >= indent) continue;
    if (secret_value(*line)) return true;
    indent = indentation(*line);
  }
  return false;
}

/// Whether the last of `lines` begins within the value of a secret that has not begun, or not ended, before.
bool is_rest_of_secret(const std::vector<std::string_view>& lines) {
  char quote = 0;
  bool awaited = false;
  for (auto line = lines.begin(); line + 1 != lines.end(); ++line) {
    if (quote != 0) {
      quote = open_quote(*line, quote);
    } else if (const auto value = secret_value(*line)) {
      const std::string_view text = without_blanks(line->substr(*value));
      awaited = text.empty();
      quote = text.starts_with('"') || text.starts_with('\'') ? open_quote(text, 0) : '\0';
    } else {
      awaited = awaited && is_blank(*line);
    }
  }
  return quote != 0 || awaited;
}

void hide(std::string& line, std::size_t begin, std::size_t end) {
  if (begin < end) line.replace(begin, end - begin, mask);
}

/// Of URLs, their parameters, and verifiers.
std::string without_passwords(std::string line) {
  constexpr std::string_view ends = " \t\"'";
  constexpr std::string_view parameter = "password=";
  constexpr std::string_view verifier = "SCRAM-SHA-256$";
  for (std::size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
    const std::size_t end = std::min(line.find_first_of(ends, at), line.size());
    const std::size_t host = line.rfind('@', end - 1);
    const std::size_t colon = line.find(':', at + 3);
    if (host != std::string::npos && host > at && colon < host) hide(line, colon + 1, host);
  }
  for (std::size_t at = line.find(parameter); at != std::string::npos; at = line.find(parameter, at + 1)) {
    hide(line, at + parameter.size(), std::min(line.find_first_of(" \t\"'&,", at), line.size()));
  }
  for (std::size_t at = line.find(verifier); at != std::string::npos; at = line.find(verifier, at + 1)) {
    hide(line, at + verifier.size(), std::min(line.find_first_of(" \t\"',}", at), line.size()));
  }
  return line;
}

}  // namespace

std::string_view line_of(std::string_view text, int line) {
  const auto lines = lines_to(text, line);
  return line < 1 || lines.size() < static_cast<std::size_t>(line) ? std::string_view() : lines.back();
}

std::string masked_line(std::string_view text, int line) {
  if (line_of(text, line).empty()) return "";
  const auto lines = lines_to(text, line);
  if (is_below_secret(lines) || is_rest_of_secret(lines)) return std::string(mask);
  const std::string_view shown = lines.back();
  const auto value = secret_value(shown);
  if (!value || is_blank(shown.substr(*value))) return without_passwords(std::string(shown));
  return without_passwords(std::string(shown.substr(0, *value))) + " " + std::string(mask);
}

}  // namespace pgwarden::config
