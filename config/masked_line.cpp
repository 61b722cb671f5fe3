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

/// Where the value of the first key begins that speaks of a password, or holds the users: of these nothing is
/// shown, for who takes their form for another's may have written NAME: PASSWORD. (Rules have `users`, too.)
std::optional<std::size_t> secret_value(std::string_view line, bool in_braces) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  for (std::size_t colon = line.find(':'); colon != std::string_view::npos;
       colon = line.find(':', colon + 1)) {
    const std::size_t last = line.substr(0, colon).find_last_not_of(" \t\"'");
    if (last == std::string_view::npos) continue;
    const std::string_view before = line.substr(0, last + 1);
    const std::size_t begin = before.find_last_not_of(letters) + 1;  // npos + 1 is 0
    const std::string_view key = before.substr(begin);
    const bool is_at_top = in_braces || line.find_first_not_of("\"'") == begin;
    if (speaks_of_password(key) || (is_at_top && key == "users")) return colon + 1;
  }
  return std::nullopt;
}

/// How far a line is indented, the dashes of a list counted in.
std::size_t indentation(std::string_view line) {
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool is_dash = line[i] == '-' && i + 1 < line.size() && line[i + 1] == ' ';
    if (line[i] != ' ' && !is_dash) return i;
  }
  return line.size();
}

bool is_blank(std::string_view line) { return line.find_first_not_of(blanks) == std::string_view::npos; }

/// Whether the last of `lines` is indented below one with a secret.
bool is_below_secret(const std::vector<std::string_view>& lines, bool in_braces) {
  std::size_t indent = indentation(lines.back());
  for (auto line = lines.rbegin() + 1; line != lines.rend() && indent > 0; ++line) {
    if (is_blank(*line) || indentation(*line) >= indent) continue;
    if (secret_value(*line, in_braces)) return true;
    indent = indentation(*line);
  }
  return false;
}

void hide(std::string& line, std::size_t begin, std::size_t end) {
  if (begin < end) line.replace(begin, end - begin, mask);
}

/// Between a URL's user and the last "@", as a password may hold anything; without one, all that is no port.
void hide_in_urls(std::string& line) {
  for (std::size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
    const std::size_t host = line.find('@', at) == std::string::npos ? std::string::npos : line.rfind('@');
    const std::size_t colon = line.find_first_of(":/?@", at + 3);
    if (colon == std::string::npos || line[colon] != ':') continue;
    const std::size_t port_end = std::min(line.find_first_not_of("0123456789", colon + 1), line.size());
    const bool is_port = port_end == line.size() || std::string_view("/?,\"' }").find(line[port_end]) < 8;
    if (host != std::string::npos) {
      hide(line, colon + 1, host);
    } else if (!is_port) {
      hide(line, colon + 1, line.size());
    }
  }
}

/// What a parameter of a URL or a connection string gives whose name speaks of a password, or may.
void hide_parameters(std::string& line) {
  for (std::size_t equals = line.find('='); equals != std::string::npos;
       equals = line.find('=', equals + 1)) {
    const std::size_t last = line.substr(0, equals).find_last_not_of(blanks);
    if (last == std::string::npos) continue;
    const std::size_t begin = line.find_last_of(" \t\"'?&,", last) + 1;  // npos + 1 is 0
    const std::string_view name = std::string_view(line).substr(begin, last + 1 - begin);
    if (!speaks_of_password(name) && name.find('%') == std::string_view::npos) continue;
    const std::size_t value = line.find_first_not_of(blanks, equals + 1);
    if (value == std::string::npos) break;
    const bool quoted = line[value] == '\'' || line[value] == '"';
    hide(line, value, quoted ? line.size() : std::min(line.find_first_of(" \t\"'&,", value), line.size()));
  }
}

/// Of URLs, their parameters, and verifiers.
std::string without_passwords(std::string line) {
  constexpr std::string_view verifier = "SCRAM-SHA-256$";
  hide_in_urls(line);
  hide_parameters(line);
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
  const std::string_view shown = line_of(text, line);
  if (shown.empty()) return "";
  const bool in_braces =
      text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size())).starts_with('{');
  if (is_below_secret(lines_to(text, line), in_braces)) return "";
  const auto value = secret_value(shown, in_braces);
  if (!value || is_blank(shown.substr(*value))) return without_passwords(std::string(shown));
  return without_passwords(std::string(shown.substr(0, *value))) + " " + std::string(mask);
}

}  // namespace pgwarden::config
