#include "proxy/audit/repeats.h"

#include <algorithm>
#include <random>
#include <string_view>
#include <utility>

namespace pgwarden::audit {

std::string new_decision_id() {
  constexpr std::string_view letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  thread_local std::random_device device;
  std::uniform_int_distribution<std::size_t> any(0, letters.size() - 1);
  std::string id;
  for (int i = 0; i < 6; ++i) id += letters[any(device)];
  return id;
}

Repeats::Noted Repeats::note(std::size_t kind, Clock::time_point now) {
  if (kinds_.empty()) began_ = now;
  const auto known =
      std::find_if(kinds_.begin(), kinds_.end(), [kind](const Kind& other) { return other.kind == kind; });
  if (known != kinds_.end()) {
    ++known->counted.count;
    return {known->counted.id};
  }
  if (kinds_.size() < kinds_max) {
    kinds_.push_back({kind, {new_decision_id()}});
    return {kinds_.back().counted.id, true};
  }
  if (others_.count++ == 0) others_.id = new_decision_id();
  return {others_.id};
}

std::vector<Repeats::Counted> Repeats::take(Clock::time_point now) {
  std::vector<Counted> taken;
  std::erase_if(kinds_, [](const Kind& kind) { return kind.counted.count == 0; });
  for (Kind& kind : kinds_) {
    taken.push_back(kind.counted);
    kind.counted.count = 0;
  }
  if (others_.count > 0) taken.push_back(std::exchange(others_, {{}, 0, false}));
  began_ = now;
  return taken;
}

}  // namespace pgwarden::audit
