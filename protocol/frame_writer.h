// Builds one frame: type byte, length, fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pgwarden::protocol {

/// Appends the fields of one message in the manual's order; `finish` gives the frame with its length filled
/// in.
class FrameWriter {
 public:
  /// `tag` '\0' makes a packet without a type byte (startup).
  explicit FrameWriter(char tag) {
    if (tag != '\0') frame_.push_back(tag);
    length_at_ = frame_.size();
    frame_.append(4, '\0');
  }

  FrameWriter& byte(char value) {
    frame_.push_back(value);
    return *this;
  }
  FrameWriter& u16(std::uint16_t value) { return big_endian(value, 2); }
  FrameWriter& u32(std::uint32_t value) { return big_endian(value, 4); }
  FrameWriter& cstr(std::string_view text) {
    frame_.append(text).push_back('\0');
    return *this;
  }
  FrameWriter& bytes(std::string_view raw) {
    frame_.append(raw);
    return *this;
  }

  std::string finish() && {
    const auto length = static_cast<std::uint32_t>(frame_.size() - length_at_);
    for (std::size_t i = 0; i < 4; ++i) frame_[length_at_ + i] = static_cast<char>(length >> (24 - 8 * i));
    return std::move(frame_);
  }

 private:
  FrameWriter& big_endian(std::uint32_t value, int size) {
    for (int i = size - 1; i >= 0; --i) frame_.push_back(static_cast<char>(value >> (8 * i)));
    return *this;
  }

  std::string frame_;
  std::size_t length_at_ = 0;
};

}  // namespace pgwarden::protocol
