// What is known of the settings under which the server reads the next text (D5).
#pragma once

#include <optional>
#include <string_view>

#include "proxy/session/judgement.h"
#include "proxy/session/pipeline.h"

namespace pgwarden::session {

/// Follows standard_conforming_strings and client_encoding through ParameterStatus. Both are reported by the
/// server when they change, but only at the next ReadyForQuery: until then a statement that may have changed
/// them makes the state unsure.
class LexerState {
 public:
  /// From a ParameterStatus.
  void reported(std::string_view name, std::string_view value);
  /// A message was forwarded that may change the settings.
  void may_change() noexcept { unsure_ = true; }
  /// Everything sent has been answered: the last report holds.
  void settled() noexcept { unsure_ = false; }

  /// nullopt: not known, but it will be when the pipeline has drained; wait for that.
  std::optional<Lexing> lexing_of(std::string_view sql, const Pipeline& pipeline) const noexcept;
  bool utf8() const noexcept { return utf8_; }

 private:
  std::optional<bool> standard_conforming_strings_;
  bool ascii_safe_ = false;  ///< in the reported encoding bytes below 128 are always ASCII characters
  bool utf8_ = false;
  bool unsure_ = true;  ///< the login settles it
};

}  // namespace pgwarden::session
