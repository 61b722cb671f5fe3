// How often a worker denies statements.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

namespace pgwarden::net {

/// Denials take turns, so that many sessions that try again and again leave the time of the worker, and of
/// the server, to others. A few at once wait for nothing. One thread.
class DenialPace {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds interval{2};
  /// So much of the time before may be used up at once.
  static constexpr std::chrono::milliseconds burst{100};
  static constexpr std::chrono::seconds wait_max{5};

  /// When the session of a statement that is denied may hear of it; nullopt: at once.
  std::optional<Clock::time_point> next_turn(Clock::time_point now) {
    turn_ = std::min(std::max(turn_, now - burst) + interval, now + wait_max);
    return turn_ > now ? std::optional(turn_) : std::nullopt;
  }

 private:
  Clock::time_point turn_;
};

}  // namespace pgwarden::net
