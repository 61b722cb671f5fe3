// How often a worker denies statements.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace pgwarden::net {

/// Sessions whose statements are denied take turns, so that many of them in a loop leave the time of the
/// worker, and of the server, to others. A few denials at once cost nobody any time. One thread.
class DenialPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{2};
  static constexpr std::chrono::milliseconds burst{
      100};  ///< so much of the time before may be used up at once

  /// A statement has been denied: before when no other one of its session is to be judged; nullopt: it may be
  /// at once.
  std::optional<Clock::time_point> next_turn(Clock::time_point now) {
    turn_ = std::max(turn_, now - burst) + interval;
    return turn_ > now ? std::optional(turn_) : std::nullopt;
  }

 private:
  Clock::time_point turn_;
};

}  // namespace pgwarden::net
