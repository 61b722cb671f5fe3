// Denied messages: what goes to the server in their place, and what becomes of the error that this raises
// (D3).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/byte_reader.h"
#include "proxy/session/judgement.h"
#include "proxy/session/pipeline.h"

namespace pgwarden::session {

/// The denials of one session that the server may still answer. A denied message is replaced by a statement
/// that cannot parse and whose only word is an unguessable token; the server's own ErrorResponse shows where
/// it was reached, and is swapped for ours.
class Denials {
 public:
  /// `token`: an identifier of at most 50 characters that nobody can guess.
  explicit Denials(std::string token) : token_(std::move(token)) {}

  /// The frame to send in place of the denied message of type `tag`; `statement` is the name in a Parse.
  /// `position` in the refusal counts bytes of `sql`, of which `utf8` tells how to count characters.
  std::string replace(char tag, std::string_view statement, Refusal refusal, std::string_view sql, bool utf8,
                      const Pipeline& pipeline);

  struct Swapped {
    std::string error_response;
    policy::OnDeny on_deny = policy::OnDeny::error;
  };
  /// Our ErrorResponse for the server's, if `body` is an error that a token raised.
  std::optional<Swapped> swap(protocol::Bytes body);

  /// Forgets denials in segments that have been answered: the server skipped them.
  void forget_answered(const Pipeline& pipeline);

  bool empty() const noexcept { return pending_.empty(); }
  /// More would take too much memory: let the server answer some first.
  bool full() const noexcept { return pending_.size() >= pending_max; }

 private:
  static constexpr std::size_t pending_max = 256;

  struct Denial {
    std::uint64_t number;
    std::uint64_t segment;
    bool extended;
    Refusal refusal;
    std::size_t position;  ///< in characters from 1; 0 for none
  };

  std::string token_;
  std::deque<Denial> pending_;
  std::uint64_t count_ = 0;
};

}  // namespace pgwarden::session
