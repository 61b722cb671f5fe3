// A packet in which a client says what it wants.
#pragma once

#include <string>
#include <string_view>

#include "protocol/frame_writer.h"

namespace pgwarden::protocol {

inline std::string packet(std::uint32_t code, std::string_view body = {}) {
  return std::move(FrameWriter('\0').u32(code).bytes(body)).finish();
}

}  // namespace pgwarden::protocol
