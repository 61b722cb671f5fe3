// Denied messages: what goes to the server in their place, and what becomes of the error that this raises
// (D3).
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/byte_reader.h"
#include "proxy/session/judgement.h"

namespace pgwarden::session {

/// The denials of one session that the server may still answer. A denied message is replaced by a statement
/// that cannot parse and whose only word is an unguessable token; the server's own ErrorResponse shows where
/// it was reached, and is swapped for ours. A denial that the server skips (an earlier message of the
/// pipeline failed) is never answered: it is forgotten when a later one is.
class Denials {
 public:
  /// `token`: an identifier of at most 50 characters that nobody can guess.
  explicit Denials(std::string token) : token_(std::move(token)) {}

  /// The frame to send in place of the denied message of type `tag`; `statement` is the name in a Parse.
  /// `position` in the refusal counts bytes of `sql`, of which `utf8` tells how to count characters.
  std::string replace(char tag, std::string_view statement, Refusal refusal, std::string_view sql, bool utf8);

  struct Swapped {
    std::string error_response;
    policy::OnDeny on_deny = policy::OnDeny::error;
  };
  /// Our ErrorResponse for the server's, if `body` is an error that a token raised.
  std::optional<Swapped> swap(protocol::Bytes body);

  bool empty() const noexcept { return count_ == answered_; }

 private:
  /// Of a longer run of open denials the first ones are answered without their words.
  static constexpr std::size_t pending_max = 256;

  struct Denial {
    std::uint64_t number;
    Refusal refusal;
    std::size_t position;  ///< in characters from 1; 0 for none
  };

  Denial take(std::uint64_t number);

  std::string token_;
  std::list<Denial> pending_;
  std::uint64_t count_ = 0;     ///< denials so far; the number of the last one
  std::uint64_t answered_ = 0;  ///< the number of the last one that the server has reached
};

}  // namespace pgwarden::session
