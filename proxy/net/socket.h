// Sockets of both kinds (TCP and Unix-domain), used without blocking.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "policy/network.h"
#include "protocol/proxy_header.h"

namespace pgwarden::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
/// Of an io_context, and not of any executor: asked at each wait, that costs.
using Socket = asio::basic_stream_socket<Protocol, asio::io_context::executor_type>;
using Timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                               asio::io_context::executor_type>;

/// Makes the socket non-blocking and, for TCP, sends small messages at once and notices dead peers.
void prepare(Socket& socket);

/// Where a server listens: the addresses of a name, in the resolver's order, or a Unix-domain socket (libpq's
/// rule: DIR/.s.PGSQL.PORT). `timed_out` when the name servers have not answered by then.
struct Resolved {
  error_code error;
  std::vector<Protocol::endpoint> addresses;  ///< at least one without an error
};
asio::awaitable<Resolved> resolve(config::Host host, std::chrono::milliseconds time_max);

/// The peer as rules and logs know it; nullopt when it has gone, which does not take away what it has sent.
std::optional<policy::Address> peer_address(const Socket& socket);
std::string peer_name(const Socket& socket);
/// "192.0.2.1:5432"; "unix" for a Unix-domain socket.
std::string name_of(const Protocol::endpoint& address);
/// The same of a client that a proxy speaks of.
std::string name_of(const protocol::ProxySource& source);

}  // namespace pgwarden::net
