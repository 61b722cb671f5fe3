// What kind of server a session wants, and whether the one that it got is of that kind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgwarden::protocol {

/// libpq's target_session_attrs.
enum class TargetSession : std::uint8_t { any, read_write, read_only, primary, standby, prefer_standby };

/// By TargetSession.
inline constexpr auto target_session_words = std::to_array<std::string_view>(
    {"any", "read-write", "read-only", "primary", "standby", "prefer-standby"});

/// What to ask of the hosts of an upstream, one pass over them after the other: only where no host is a
/// standby does prefer-standby take any.
std::vector<TargetSession> passes(TargetSession wanted);

/// Takes what a server reports at login, as libpq does (fe-connect.c, CONNECTION_CHECK_TARGET). What
/// servers before PostgreSQL 14 do not report libpq asks for with queries; here it is a mismatch.
class SessionAttributes {
 public:
  explicit SessionAttributes(TargetSession wanted) : wanted_(wanted) {}

  /// A ParameterStatus.
  void reported(std::string_view name, std::string_view value);
  /// When the server has reported everything, with its first ReadyForQuery: empty if the session is of the
  /// wanted kind, else why not, in libpq's words. For prefer_standby that is what its first pass says.
  std::string mismatch() const;

 private:
  TargetSession wanted_;
  std::optional<bool> in_hot_standby_;
  std::optional<bool> read_only_;  ///< default_transaction_read_only
};

}  // namespace pgwarden::protocol
