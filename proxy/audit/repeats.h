// Decisions that a session provokes again and again.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pgwarden::audit {

/// A new decision id: six characters that a person can read out, enough to find one record among a day's.
std::string new_decision_id();

/// Keeps a session that goes on and on from filling the log: of decisions that are the same (one rule, one
/// statement) the first is recorded, the others are counted and go by its id; so are, all as one, those that
/// are different from too many others. No decision is missing from the counts.
class Repeats {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds period{10};
  static constexpr std::size_t kinds_max = 8;

  struct Noted {
    std::string id;
    bool is_first = false;  ///< to be recorded
  };
  struct Counted {
    std::string id;
    std::uint64_t count = 0;
    bool of_one_kind = true;
  };

  /// A decision of this kind has been taken.
  Noted note(std::size_t kind, Clock::time_point now);
  /// Whether counts are due to be recorded.
  bool due(Clock::time_point now) const { return !kinds_.empty() && now - began_ >= period; }
  /// What has been counted and not recorded. Kinds that did not come again are forgotten.
  std::vector<Counted> take(Clock::time_point now);

 private:
  struct Kind {
    std::size_t kind = 0;
    Counted counted;
  };

  Clock::time_point began_;
  std::vector<Kind> kinds_;
  Counted others_{{}, 0, false};
};

}  // namespace pgwarden::audit
