// Addresses as texts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace pgwarden::config {

/// Parses the address of a listener: "127.0.0.1:6432", "localhost:6432", "[::1]:6432", or the path of a
/// socket,
/// "/run/pgwarden/.s.PGSQL.6432". Port 0 lets the system choose one.
Parsed<Endpoint> parse_listen(std::string_view text);

/// A host name or address in the one spelling that is compared and logged: lower case, no final dot, IPv6
/// without brackets.
Parsed<std::string> parse_host(std::string_view text);

/// A port number, 0 to 65535.
Parsed<std::uint16_t> parse_port(std::string_view text);

/// "127.0.0.1:6432", "[::1]:6432", or the path of a socket.
std::string to_string(const Endpoint& endpoint);

}  // namespace pgwarden::config
