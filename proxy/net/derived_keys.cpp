#include "proxy/net/derived_keys.h"

#include <algorithm>

namespace pgwarden::net {

std::optional<protocol::ScramKeys> DerivedKeys::find(const protocol::Secret& password,
                                                     const protocol::ScramChallenge& challenge) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.challenge == challenge && entry.password == password;
  });
  if (found == entries_.end()) return std::nullopt;
  return found->keys;
}

void DerivedKeys::add(const protocol::Secret& password, const protocol::ScramChallenge& challenge,
                      const protocol::ScramKeys& keys) {
  const std::lock_guard lock(mutex_);
  if (entries_.size() == entries_max) entries_.pop_back();
  entries_.push_front({password, challenge, keys});
}

}  // namespace pgwarden::net
