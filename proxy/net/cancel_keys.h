// Which upstream a cancel key belongs to.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "proxy/net/upstream.h"

namespace pgwarden::net {

/// The keys that servers gave to running sessions. Keys are the servers' own and pass to clients unchanged;
/// they are kept here only to find the way back. Thread-safe; touched at login, at the end and by cancel
/// requests.
class CancelKeys {
 public:
  /// `target` stays as and where it is until the key is removed. False when another session has this key
  /// already: it keeps it.
  bool add(const std::string& key, const Target& target) {
    const std::lock_guard lock(mutex_);
    return targets_.emplace(key, &target).second;
  }
  void remove(const std::string& key) {
    const std::lock_guard lock(mutex_);
    targets_.erase(key);
  }
  std::optional<Target> find(const std::string& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = targets_.find(key);
    return found == targets_.end() ? std::nullopt : std::optional(*found->second);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, const Target*> targets_;
};

}  // namespace pgwarden::net
