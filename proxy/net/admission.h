// How many sessions there may be, in all and of each client.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "config/config.h"
#include "policy/network.h"
#include "proxy/net/counted_address.h"

namespace pgwarden::net {

/// Why a session is not let in, in the words of its last message.
struct Rejection {
  std::string sqlstate;
  std::string message;
  std::string hint;
};

/// Counts the sessions of all workers. Thread-safe; touched when sessions begin, have logged in and end.
class Admission {
 public:
  /// What a session holds of the counts; gives it back at its end, before which the counts must not end.
  class Place {
   public:
    Place() = default;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (admission_ != nullptr) admission_->leave(*this);
    }

   private:
    friend class Admission;
    Admission* admission_ = nullptr;
    std::optional<CountedAddress> address_;
    std::optional<std::string> user_;
  };

  /// Lets a session in; nullopt when it did.
  std::optional<Rejection> enter(Place& place, const config::Limits& limits, const policy::Address& address);
  /// Whether `user` may have another session.
  std::optional<Rejection> full_for(const config::Limits& limits, const std::string& user) const;
  /// It has logged in. Only now is it one of the user's: who merely says to be the user keeps nobody out.
  std::optional<Rejection> logged_in(Place& place, const config::Limits& limits, const std::string& user);

  /// Whether there is memory for more sessions.
  void set_memory_full(bool full) noexcept { memory_full_ = full; }

 private:
  void leave(const Place& place) noexcept;
  std::optional<Rejection> user_is_full(const config::Limits& limits, const std::string& user) const;

  std::atomic<bool> memory_full_{false};
  mutable std::mutex mutex_;
  std::uint32_t sessions_ = 0;
  std::map<CountedAddress, std::uint32_t> of_address_;
  std::map<std::string, std::uint32_t> of_user_;
};

}  // namespace pgwarden::net
