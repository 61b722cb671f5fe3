// What the statements of a script have done to the session in which it runs, as far as it decides how the
// server reads the next one. The proxy is told by the server; here it has to follow from the script.
#pragma once

#include <optional>
#include <string_view>

#include "policy/statement_reader.h"

namespace pgwarden::cli {

class ScriptSession {
 public:
  /// standard_conforming_strings; nullopt: not known. Scripts begin with PostgreSQL's default, on.
  std::optional<bool> standard_strings() const { return standard_strings_; }
  void set_standard_strings(std::optional<bool> value) { standard_strings_ = value; }
  /// Whether bytes below 128 are always ASCII characters in the client's encoding.
  bool ascii_safe() const { return ascii_safe_; }
  /// See policy::LexerSettings.
  bool temporary_first() const { return temporary_first_; }

  /// A text was sent. `certain`: it runs if the script does.
  void sent(const policy::Reading& reading, std::string_view sql, bool certain);
  /// \encoding, or SET client_encoding.
  void encoding_set(std::string_view name);

 private:
  void settings_changed(const policy::Reading& reading, std::string_view sql, bool certain);

  std::optional<bool> standard_strings_ = true;
  bool only_standard_ = true;  ///< no statement may have set anything else, so nothing can be taken back
  bool ascii_safe_ = true;
  bool temporary_first_ = true;
};

}  // namespace pgwarden::cli
