#include "cli/check/source_text.h"

#include <algorithm>

#include "policy/display_width.h"
#include "policy/printable.h"
#include "policy/utf8.h"

namespace pgwarden::cli {

namespace {

constexpr std::size_t tab_cells = 4;
constexpr std::size_t excerpt_bytes_in_front_max = 100;
constexpr std::size_t excerpt_cells_behind_max = 100;
constexpr std::string_view replacement = "\xEF\xBF\xBD";

struct Shown {
  std::string text;
  std::size_t cells = 0;
  std::size_t bytes = 0;  ///< of the original
};

/// The first character of `text` as it is shown: nothing that steers a terminal or hides from a reader.
Shown shown(std::string_view text) {
  if (text.front() == '\t') return {std::string(tab_cells, ' '), tab_cells, 1};
  const std::size_t bytes = std::max<std::size_t>(policy::utf8_character(text).bytes, 1);
  const std::string_view itself = text.substr(0, bytes);
  if (itself != "\\" && policy::printable(itself, bytes) != itself)
    return {std::string(replacement), 1, bytes};
  return {std::string(itself), policy::display_width(itself), bytes};
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size(); ++count) {
    at += std::max<std::size_t>(policy::utf8_character(text.substr(at)).bytes, 1);
  }
  return count;
}

std::size_t cells(std::string_view text) {
  std::size_t sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Shown next = shown(text.substr(at));
    sum += next.cells;
    at += next.bytes;
  }
  return sum;
}

}  // namespace

std::size_t SourceText::column_of(std::size_t line_begin, std::size_t at) {
  if (counted_to_ < line_begin || counted_to_ > at) {
    counted_to_ = line_begin;
    counted_column_ = 1;
  }
  counted_column_ += characters(text_.substr(counted_to_, at - counted_to_));
  counted_to_ = at;
  return counted_column_;
}

Place SourceText::place_of(Span part) {
  if (lines_.empty()) {
    lines_.push_back(0);
    for (std::size_t at = text_.find('\n'); at != text_.npos; at = text_.find('\n', at + 1)) {
      lines_.push_back(at + 1);
    }
  }
  const auto next_line = std::upper_bound(lines_.begin(), lines_.end(), part.begin);
  const std::size_t line_begin = *(next_line - 1);
  std::size_t line_end = next_line == lines_.end() ? text_.size() : *next_line - 1;
  if (line_end > line_begin && text_[line_end - 1] == '\r') --line_end;
  const std::size_t begin = std::min(part.begin, line_end);
  const std::string_view itself = text_.substr(begin, std::clamp(part.end, begin, line_end) - begin);
  Place place;
  place.line = static_cast<std::size_t>(next_line - lines_.begin());
  place.column = column_of(line_begin, begin);
  place.end_column = place.column + std::max<std::size_t>(characters(itself), 1);
  // Of a long line, what is around the part.
  std::size_t at = begin - std::min(begin - line_begin, excerpt_bytes_in_front_max);
  while (at < begin && (static_cast<unsigned char>(text_[at]) & 0xC0) == 0x80) ++at;
  if (at > line_begin) place.excerpt = "...";
  place.indent = place.excerpt.size() + cells(text_.substr(at, begin - at));
  std::size_t used = 0;
  while (at < line_end && used < place.indent + excerpt_cells_behind_max) {
    const Shown next = shown(text_.substr(at, line_end - at));
    place.excerpt += next.text;
    used += next.cells;
    at += next.bytes;
  }
  if (at < line_end) place.excerpt += "...";
  place.width = std::clamp<std::size_t>(cells(itself), 1, excerpt_cells_behind_max);
  return place;
}

}  // namespace pgwarden::cli
