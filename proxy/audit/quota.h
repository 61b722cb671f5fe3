// How much of the log one kind of record may fill.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgwarden::audit {

/// Admits so many records of a kind a second, and counts those that it does not. Not thread-safe.
class Quota {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds period{1};
  static constexpr std::uint32_t records_max = 100;

  struct LeftOut {
    std::string kind;
    std::uint64_t count = 0;
  };

  /// A record that stands for `count` events. False: it is to be left out.
  bool admits(std::string_view kind, std::uint64_t count, Clock::time_point now);
  /// The events whose records have been left out since the last time.
  std::vector<LeftOut> take();

 private:
  struct Use {
    Clock::time_point began;
    std::uint32_t records = 0;
    std::uint64_t left_out = 0;
  };

  std::map<std::string, Use, std::less<>> uses_;
};

}  // namespace pgwarden::audit
