// Text that must not outlive its use, or come to light in a core file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace pgwarden::protocol {

/// Holds a password or a key in OpenSSL's secure heap, which is locked into memory and left out of core files
/// (see OPENSSL_secure_malloc(3); in the ordinary heap where that is full or has not been set up). Wiped when
/// it dies. Copies own their own memory.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text);
  Secret(const Secret& other) : Secret(other.view()) {}
  Secret(Secret&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Secret& operator=(Secret other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Secret();

  std::string_view view() const noexcept { return {data_, size_}; }
  bool empty() const noexcept { return size_ == 0; }
  /// In constant time, for one size.
  bool operator==(const Secret& other) const noexcept;

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Sets up the secure heap; once, before the first Secret. Where memory cannot be locked, secrets are only
/// wiped.
void prepare_secure_heap();

/// Wipes `text` and empties it.
void wipe(std::string& text) noexcept;

}  // namespace pgwarden::protocol
