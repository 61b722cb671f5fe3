// Bytes as OpenSSL takes them.
#pragma once

#include <string_view>

namespace pgwarden::protocol {

inline const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace pgwarden::protocol
