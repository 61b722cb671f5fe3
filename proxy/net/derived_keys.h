// Keys of passwords for servers, which take long to derive and are wanted for every session.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string_view>

#include "protocol/scram.h"

namespace pgwarden::net {

/// Those derived last. Any thread.
class DerivedKeys {
 public:
  std::optional<protocol::ScramKeys> find(const protocol::Secret& password,
                                          const protocol::ScramChallenge& challenge) const;
  void add(const protocol::Secret& password, const protocol::ScramChallenge& challenge,
           const protocol::ScramKeys& keys);

 private:
  static constexpr std::size_t entries_max = 64;
  struct Entry {
    protocol::Secret password;
    protocol::ScramChallenge challenge;
    protocol::ScramKeys keys;
  };

  mutable std::mutex mutex_;
  std::deque<Entry> entries_;  ///< the newest first
};

}  // namespace pgwarden::net
