#include "protocol/frame_buffer.h"

namespace pgwarden::protocol {

void FrameBuffer::feed(Bytes chunk) {
  bytes_.erase(0, given_);
  given_ = 0;
  bytes_.append(chunk);
}

std::optional<FrameBuffer::Frame> FrameBuffer::next() {
  constexpr std::size_t header_bytes = 5;
  const Bytes left = Bytes(bytes_).substr(given_);
  if (broken_ || left.size() < header_bytes) return std::nullopt;
  const std::uint32_t length = read_u32(left.data() + 1);
  broken_ = length < 4 || length - 4 > body_bytes_max_;
  if (broken_ || left.size() - 1 < length) return std::nullopt;
  const Bytes frame = left.substr(0, std::size_t{1} + length);
  given_ += frame.size();
  return Frame{frame.front(), frame, frame.substr(header_bytes)};
}

}  // namespace pgwarden::protocol
