// Where a byte of a text is for a person: line, column, and the line itself with room for an underline.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check/sql_script.h"

namespace pgwarden::cli {

/// A part of a line. Lines and columns count from 1, columns in characters (code points); `end_column` is
/// behind the last one.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
  std::size_t end_column = 0;
  std::string excerpt;     ///< the line, or a piece of it, safe to print
  std::size_t indent = 0;  ///< terminal cells in front of the part
  std::size_t width = 0;   ///< terminal cells of the part, at least 1
};

class SourceText {
 public:
  /// `text` must outlive this object.
  explicit SourceText(std::string_view text) : text_(text) {}

  /// The place of a part; one that goes over several lines ends with the first.
  Place place_of(Span part);

 private:
  std::size_t column_of(std::size_t line_begin, std::size_t at);

  std::string_view text_;
  std::vector<std::size_t> lines_;  ///< where each begins; filled when it is first needed
  std::size_t counted_to_ = 0;  ///< a byte whose column is known, so that a long line is not counted again
  std::size_t counted_column_ = 1;
};

}  // namespace pgwarden::cli
