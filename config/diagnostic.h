// What is wrong with a configuration, where, and what was probably meant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgwarden::config {

/// A place in a file, counted from 1, columns in bytes. Line 0: the file as a whole.
struct Position {
  int line = 0;
  int column = 0;
};

/// Nothing starts with an error; a warning says what may not be meant.
enum class Severity : std::uint8_t { error, warning };

/// One problem; its column is in characters. `source_line` is the line as it stands in the file, passwords
/// masked.
struct Diagnostic {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;
  std::string hint;  ///< what to do instead; may be empty
  std::string source_line;
  Severity severity = Severity::error;
};

/// The problem as a person reads it, without a newline at the end:
///
///     pgwarden.yaml:14:5: error: unknown key "lisen"
///        14 |   - lisen: 127.0.0.1:6432
///           |     ^
///       hint: did you mean "listen"?
std::string format(const Diagnostic& diagnostic);

/// Collects the problems of one file.
class Problems {
 public:
  /// Whether problems show the line that they are in. Of a file of secrets none is shown.
  enum class Lines : std::uint8_t { shown, hidden };

  /// `text` is the whole file; it must outlive this object.
  Problems(std::string file, std::string_view text, Lines lines = Lines::shown)
      : file_(std::move(file)), text_(text), lines_(lines) {}

  /// Beyond a thousand problems nothing is added.
  void add(Position at, std::string message, std::string hint = {});

  std::size_t count() const { return diagnostics_.size(); }
  const std::string& file() const { return file_; }

  /// All problems in the order of their places. Leaves none behind.
  std::vector<Diagnostic> take();

 private:
  std::string file_;
  std::string_view text_;
  Lines lines_;
  std::vector<Diagnostic> diagnostics_;
};

}  // namespace pgwarden::config
