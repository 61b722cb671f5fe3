// Which upstream a cancel key belongs to.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "config/config.h"

namespace pgwarden::net {

/// The keys that servers gave to running sessions. Keys are the servers' own and pass to clients unchanged;
/// they are kept here only to find the way back. Thread-safe; touched at login, at the end and by cancel
/// requests.
class CancelKeys {
 public:
  /// False when another session has this key already: it keeps it.
  bool add(const std::string& key, const config::Endpoint& upstream) {
    const std::lock_guard lock(mutex_);
    return upstreams_.emplace(key, upstream).second;
  }
  void remove(const std::string& key) {
    const std::lock_guard lock(mutex_);
    upstreams_.erase(key);
  }
  std::optional<config::Endpoint> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = upstreams_.find(key);
    return found == upstreams_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, config::Endpoint> upstreams_;
};

}  // namespace pgwarden::net
