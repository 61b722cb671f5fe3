// A cursor over the bytes of one message; the first error sticks.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgwarden::protocol {

/// Bytes on the wire, not owned. Not text: may hold NULs.
using Bytes = std::string_view;

/// Big-endian 32-bit integer at `at`; the caller has checked that four bytes are there.
inline std::uint32_t read_u32(const char* at) noexcept {
  const auto byte = [at](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
  return byte(0) << 24 | byte(1) << 16 | byte(2) << 8 | byte(3);
}

/// Reads the fields of a message in order. After a read past the end everything reads as zero or empty and
/// `complete()` is false, so one check at the end is enough.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) noexcept : rest_(bytes) {}

  std::uint32_t u32() noexcept {
    const Bytes four = take(4);
    return four.size() == 4 ? read_u32(four.data()) : 0;
  }

  std::uint16_t u16() noexcept {
    const Bytes two = take(2);
    if (two.size() != 2) return 0;
    return static_cast<std::uint16_t>(static_cast<unsigned char>(two[0]) << 8 |
                                      static_cast<unsigned char>(two[1]));
  }

  /// A String of the manual: up to a NUL, which is consumed.
  std::string_view cstr() noexcept {
    const std::size_t end = rest_.find('\0');
    if (end == Bytes::npos) return fail();
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  Bytes take(std::size_t size) noexcept {
    if (size > rest_.size()) return fail();
    const Bytes taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  Bytes rest() const noexcept { return rest_; }
  bool ok() const noexcept { return ok_; }
  /// Everything was there and nothing is left over.
  bool complete() const noexcept { return ok_ && rest_.empty(); }

 private:
  Bytes fail() noexcept {
    ok_ = false;
    rest_ = {};
    return {};
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace pgwarden::protocol
