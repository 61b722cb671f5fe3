// Client addresses and networks, as plain bytes: matching needs no sockets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgwarden::policy {

/// An IP address as 16 bytes (IPv4 as ::ffff:a.b.c.d), or "none" for a Unix-domain socket.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool is_unix = true;
};

/// Parses "10.1.2.3" or "2001:db8::1"; nullopt when it is neither.
std::optional<Address> parse_address(std::string_view text);

/// Whether it is of 127.0.0.0/8 or ::1.
bool is_loopback(const Address& address);

/// A CIDR network, a single address, or "unix".
struct Network {
  Address base;
  std::uint8_t prefix_bits = 128;  ///< of 128; an IPv4 /8 is 104

  bool contains(const Address& address) const noexcept;
  /// Whether every address of `other` is in this network.
  bool contains(const Network& other) const noexcept;
};

/// Parses "10.0.0.0/8", "::1", "unix"; nullopt when it is none of these or has bits behind the prefix.
std::optional<Network> parse_network(std::string_view text);

/// "10.0.0.0/8", "::1/128", "unix": parse_network() reads it back.
std::string to_string(const Network& network);

/// What was probably meant by a network with bits behind its prefix: "10.0.0.0/8" for "10.1.2.3/8"; nullopt
/// when the text is wrong in another way.
std::optional<std::string> without_host_bits(std::string_view text);

}  // namespace pgwarden::policy
