#include "proxy/net/login_failures.h"

namespace pgwarden::net {

bool LoginFailures::failed(const policy::Address& address, std::uint32_t failures_max,
                           Clock::time_point now) {
  const auto key = counted(address);
  if (!key || policy::is_loopback(address) || failures_max == 0) return false;
  const std::lock_guard lock(mutex_);
  if (const auto found = by_address_.find(*key); found != by_address_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
  } else {
    if (entries_.size() == addresses_max) {
      by_address_.erase(entries_.back().address);
      entries_.pop_back();
    }
    entries_.push_front({*key, now, 0, {}});
    by_address_.emplace(*key, entries_.begin());
  }
  Entry& entry = entries_.front();
  if (now - entry.since > period) {
    entry.since = now;
    entry.failures = 0;
  }
  const bool was_blocked = now < entry.blocked_until;
  if (++entry.failures < failures_max || was_blocked) return false;
  entry.blocked_until = now + period;
  return true;
}

bool LoginFailures::blocked(const policy::Address& address, Clock::time_point now) const {
  const auto key = counted(address);
  if (!key) return false;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(*key);
  return found != by_address_.end() && now < found->second->blocked_until;
}

std::size_t LoginFailures::addresses() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace pgwarden::net
