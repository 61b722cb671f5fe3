// The frames of a login: few and small, each taken whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

/// Collects bytes and gives whole frames, with bodies of at most `body_bytes_max`. Holds what was fed and
/// not given; FrameReader reads long streams without copies.
class FrameBuffer {
 public:
  struct Frame {
    char tag;
    Bytes bytes;  ///< header included; these views die at the next feed()
    Bytes body;
  };

  explicit FrameBuffer(std::uint32_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  void feed(Bytes chunk);
  /// nullopt while none is whole, and for ever when the stream is broken.
  std::optional<Frame> next();
  /// A length is impossible.
  bool broken() const noexcept { return broken_; }
  /// What was fed behind the last frame given.
  std::string rest() const { return bytes_.substr(given_); }

 private:
  std::string bytes_;
  std::size_t given_ = 0;  ///< of bytes_
  std::uint32_t body_bytes_max_;
  bool broken_ = false;
};

}  // namespace pgwarden::protocol
