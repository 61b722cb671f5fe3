// How many cancel requests are passed on at a time.
#pragma once

#include <atomic>
#include <cstdint>

namespace pgwarden::net {

/// Cancel requests cost a connection to the server, and nobody has to log in to send one.
struct CancelsUnderWay {
  /// Whoever knows no key can have no more than so many under way.
  static constexpr std::uint32_t of_unknown_max = 16;

  std::atomic<std::uint32_t> of_known{0};    ///< with the key of a session here
  std::atomic<std::uint32_t> of_unknown{0};  ///< with a key that may be of another pgwarden's session
};

/// One that is under way, if there is a place for it.
class CancelSlot {
 public:
  CancelSlot(std::atomic<std::uint32_t>& under_way, std::uint32_t max)
      : under_way_(under_way), taken_(under_way++ < max) {
    if (!taken_) --under_way_;
  }
  CancelSlot(const CancelSlot&) = delete;
  CancelSlot& operator=(const CancelSlot&) = delete;
  ~CancelSlot() {
    if (taken_) --under_way_;
  }

  bool taken() const noexcept { return taken_; }

 private:
  std::atomic<std::uint32_t>& under_way_;
  const bool taken_;
};

}  // namespace pgwarden::net
