// The header that a proxy puts in front of a connection to say whose it is: the PROXY protocol, versions 1
// and 2 (HAProxy, doc/proxy-protocol.txt; section numbers are of it).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/byte_reader.h"

namespace pgwarden::protocol {

/// Where a relayed connection comes from.
struct ProxySource {
  std::array<std::uint8_t, 16> address{};  ///< IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;
};

struct ProxyHeader {
  std::size_t size = 0;  ///< what follows is the client's
  /// nullopt: the connection is the proxy's own, or the header does not say (LOCAL, UNKNOWN, UNSPEC). So does
  /// one from a client on the proxy's own Unix-domain socket: the proxy's address is where that client is.
  std::optional<ProxySource> source;
};

/// More bytes are needed to say what this is.
struct IncompleteProxyHeader {};

/// Not a header: what was received, in words.
struct BadProxyHeader {
  std::string why;
};

using DecodedProxyHeader = std::variant<IncompleteProxyHeader, BadProxyHeader, ProxyHeader>;

/// Reads the header that `bytes`, the first of a connection, begin with. Of `proxy_header_bytes_max` bytes it
/// can say what they are.
DecodedProxyHeader decode_proxy_header(Bytes bytes);

/// Version 2 allows for 64 kB; what proxies send has some hundred bytes, or a client certificate. The bound
/// is nginx's.
inline constexpr std::size_t proxy_header_bytes_max = 4096;

/// Whether the first four of these bytes, which are no startup packet, are those of such a header.
bool begins_like_proxy_header(Bytes bytes) noexcept;

/// A header for a connection of one's own (2.2, LOCAL).
std::string encode_local_proxy_header();

}  // namespace pgwarden::protocol
