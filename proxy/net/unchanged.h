// Time that passes while nothing happens, measured without a clock where things do happen.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

namespace pgwarden::net {

/// Looked at now and then, and told what the state of something is, it knows for how long that has been the
/// same: at most too short by the time between two looks.
class Unchanged {
 public:
  using Clock = std::chrono::steady_clock;
  using State = std::pair<std::uint64_t, std::uint64_t>;

  Clock::duration time(State state, Clock::time_point now) noexcept {
    if (state != state_) {
      state_ = state;
      since_ = now;
    }
    return now - since_;
  }

 private:
  State state_;
  Clock::time_point since_ = Clock::time_point::max();  ///< no time at all: nothing has been seen yet
};

}  // namespace pgwarden::net
