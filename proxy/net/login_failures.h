// Addresses from which logins keep failing.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>

#include "policy/network.h"
#include "proxy/net/counted_address.h"

namespace pgwarden::net {

/// Counts failed logins, and blocks an address for a minute when there have been too many within one. Clients
/// of a Unix-domain socket and of a loopback address are never blocked: behind those may be anybody, by way
/// of a tunnel or a pooler. Thread-safe; touched by logins only. Knows a bounded number of addresses: the one
/// whose last failure is longest ago is forgotten for a new one.
class LoginFailures {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes period{1};
  static constexpr std::size_t addresses_max = 10'000;

  /// A login has failed. True when the address is blocked from now on. `failures_max` 0: it never is.
  bool failed(const policy::Address& address, std::uint32_t failures_max,
              Clock::time_point now = Clock::now());
  bool blocked(const policy::Address& address, Clock::time_point now = Clock::now()) const;
  std::size_t addresses() const;

 private:
  struct Entry {
    CountedAddress address;
    Clock::time_point since;  ///< the first failure that counts
    std::uint32_t failures = 0;
    Clock::time_point blocked_until;
  };

  mutable std::mutex mutex_;
  std::list<Entry> entries_;  ///< the latest first
  std::map<CountedAddress, std::list<Entry>::iterator> by_address_;
};

}  // namespace pgwarden::net
