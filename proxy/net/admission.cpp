#include "proxy/net/admission.h"

namespace pgwarden::net {

namespace {

constexpr auto too_many_connections = "53300";
constexpr auto out_of_memory = "53200";

std::string limit_hint(const std::string& key, std::uint64_t limit) {
  return "The limit is \"" + key + "\" in the configuration of pgwarden: " + std::to_string(limit) + ".";
}

template <typename Key>
std::uint32_t count_of(const std::map<Key, std::uint32_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

template <typename Key>
void take_off(std::map<Key, std::uint32_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

std::optional<Rejection> Admission::enter(Place& place, const config::Limits& limits,
                                          const policy::Address& address) {
  if (memory_full_) {
    return Rejection{out_of_memory, "pgwarden has no memory for another session",
                     limit_hint("max_memory", limits.max_memory)};
  }
  const auto key = counted(address);
  const std::lock_guard lock(mutex_);
  if (sessions_ >= limits.max_connections) {
    return Rejection{too_many_connections, "sorry, too many clients already",
                     limit_hint("max_connections", limits.max_connections)};
  }
  const std::uint32_t address_max = limits.max_connections_per_address;
  if (key && address_max > 0 && count_of(of_address_, *key) >= address_max) {
    return Rejection{too_many_connections, "too many connections from this address",
                     limit_hint("max_connections_per_address", address_max)};
  }
  place.admission_ = this;
  place.address_ = key;
  ++sessions_;
  if (key) ++of_address_[*key];
  return std::nullopt;
}

std::optional<Rejection> Admission::full_for(const config::Limits& limits, const std::string& user) const {
  const std::lock_guard lock(mutex_);
  return user_is_full(limits, user);
}

std::optional<Rejection> Admission::logged_in(Place& place, const config::Limits& limits,
                                              const std::string& user) {
  const std::lock_guard lock(mutex_);
  if (auto full = user_is_full(limits, user)) return full;
  place.user_ = user;
  ++of_user_[user];
  return std::nullopt;
}

std::optional<Rejection> Admission::user_is_full(const config::Limits& limits,
                                                 const std::string& user) const {
  const std::uint32_t user_max = limits.max_connections_per_user;
  if (user_max == 0 || count_of(of_user_, user) < user_max) return std::nullopt;
  return Rejection{too_many_connections, "too many connections for role \"" + user + "\"",
                   limit_hint("max_connections_per_user", user_max)};
}

void Admission::leave(const Place& place) noexcept {
  const std::lock_guard lock(mutex_);
  --sessions_;
  if (place.address_) take_off(of_address_, *place.address_);
  if (place.user_) take_off(of_user_, *place.user_);
}

}  // namespace pgwarden::net
