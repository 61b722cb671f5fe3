#include "proxy/net/login_failures.h"

namespace pgwarden::net {

namespace {

bool is_loopback(const policy::Address& address) {
  static const policy::Network v4 = *policy::parse_network("127.0.0.0/8");
  static const policy::Network v6 = *policy::parse_network("::1");
  return v4.contains(address) || v6.contains(address);
}

}  // namespace

bool LoginFailures::failed(const policy::Address& address, std::uint32_t failures_max,
                           Clock::time_point now) {
  const auto key = counted(address);
  if (!key || is_loopback(address) || failures_max == 0) return false;
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
