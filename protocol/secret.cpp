#include "protocol/secret.h"

#include <openssl/crypto.h>

#include <cstring>
#include <new>

namespace pgwarden::protocol {

namespace {

// For thousands of logins at once; where the limit on locked memory (RLIMIT_MEMLOCK) is lower, it is not
// locked.
constexpr std::size_t secure_heap_bytes = 1U << 20U;
constexpr std::size_t secure_heap_unit = 32;

}  // namespace

Secret::Secret(std::string_view text) {
  if (text.empty()) return;
  void* memory = OPENSSL_secure_malloc(text.size());
  if (memory == nullptr) memory = OPENSSL_malloc(text.size());
  if (memory == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(std::memcpy(memory, text.data(), text.size()));
  size_ = text.size();
}

// Knows which heap the memory is from.
Secret::~Secret() { OPENSSL_secure_clear_free(data_, size_); }

bool Secret::operator==(const Secret& other) const noexcept {
  return size_ == other.size_ && CRYPTO_memcmp(data_, other.data_, size_) == 0;
}

void prepare_secure_heap() { CRYPTO_secure_malloc_init(secure_heap_bytes, secure_heap_unit); }

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());  // a longer text may have been there
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace pgwarden::protocol
