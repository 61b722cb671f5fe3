#include "proxy/audit/quota.h"

#include <utility>

namespace pgwarden::audit {

bool Quota::admits(std::string_view kind, std::uint64_t count, Clock::time_point now) {
  auto found = uses_.find(kind);
  if (found == uses_.end()) found = uses_.emplace(kind, Use{now}).first;
  Use& use = found->second;
  if (now - use.began >= period) {
    use.began = now;
    use.records = 0;
  }
  if (use.records < records_max) {
    ++use.records;
    return true;
  }
  use.left_out += count;
  return false;
}

std::vector<Quota::LeftOut> Quota::take() {
  std::vector<LeftOut> taken;
  for (auto& [kind, use] : uses_) {
    if (use.left_out > 0) taken.push_back({kind, std::exchange(use.left_out, 0)});
  }
  return taken;
}

}  // namespace pgwarden::audit
