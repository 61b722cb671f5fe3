// Clients as limits count them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "policy/network.h"

namespace pgwarden::net {

/// An IPv4 address, or the /64 of an IPv6 address: whoever has one of its addresses has them all.
using CountedAddress = std::array<std::uint8_t, 16>;

/// nullopt for a client of a Unix-domain socket, which is not counted.
inline std::optional<CountedAddress> counted(const policy::Address& address) {
  constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (address.is_unix) return std::nullopt;
  CountedAddress counted = address.bytes;
  if (!std::equal(v4_mapped.begin(), v4_mapped.end(), counted.begin())) {
    std::fill(counted.begin() + 8, counted.end(), std::uint8_t{0});
  }
  return counted;
}

}  // namespace pgwarden::net
