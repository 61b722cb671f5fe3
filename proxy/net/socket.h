// Sockets of both kinds (TCP and Unix-domain), used without blocking.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>

#include "config/config.h"
#include "policy/network.h"
#include "protocol/proxy_header.h"

namespace pgwarden::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;

/// Makes the socket non-blocking and, for TCP, sends small messages at once and notices dead peers.
void prepare(Socket& socket);

/// Where a server listens, resolved or a Unix-domain socket (libpq's rule: DIR/.s.PGSQL.PORT).
asio::awaitable<error_code> connect(Socket& socket, config::Endpoint endpoint);

/// The peer as rules and logs know it; nullopt when it has gone, which does not take away what it has sent.
std::optional<policy::Address> peer_address(const Socket& socket);
std::string peer_name(const Socket& socket);
/// The same of a client that a proxy speaks of.
std::string name_of(const protocol::ProxySource& source);

}  // namespace pgwarden::net
