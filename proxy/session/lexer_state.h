// What is known of the settings under which the server reads the next text (D5).
#pragma once

#include <optional>
#include <string_view>

#include "proxy/session/judgement.h"
#include "proxy/session/pipeline.h"

namespace pgwarden::session {

/// What can be read in two ways. Found once for each text: it may be large.
struct LexicalHazards {
  bool backslash = false;
  bool non_ascii = false;

  static LexicalHazards of(std::string_view sql) noexcept;
};

/// Follows standard_conforming_strings and client_encoding through ParameterStatus, which the server sends
/// when they have changed, but only before a ReadyForQuery. Anything that still runs may change them: a SET,
/// an error that takes one back, a function. So a report is trusted when everything sent has been answered.
class LexerState {
 public:
  /// From a ParameterStatus.
  void reported(std::string_view name, std::string_view value);
  /// A message was forwarded that sets one of them, as far as its text shows.
  void may_change() noexcept { changing_ = true; }
  /// Everything sent has been answered.
  void settled() noexcept { changing_ = false; }

  /// How the server will read a text; nullopt when that is known only once the pipeline has drained.
  std::optional<Lexing> lexing_of(LexicalHazards hazards, const Pipeline& pipeline) const noexcept;
  bool utf8() const noexcept { return utf8_; }

 private:
  std::optional<bool> standard_conforming_strings_;
  bool ascii_safe_ = false;  ///< in the reported encoding bytes below 128 are always ASCII characters
  bool was_unsafe_ = false;  ///< an encoding was reported in which they are not, now or earlier
  bool utf8_ = false;
  bool changing_ = true;  ///< the login settles it
};

}  // namespace pgwarden::session
