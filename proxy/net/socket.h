// Sockets of both kinds (TCP and Unix-domain), used without blocking.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "config/config.h"
#include "policy/network.h"
#include "protocol/byte_reader.h"
#include "protocol/proxy_header.h"
#include "proxy/session/outgoing.h"

namespace pgwarden::net {

namespace asio = boost::asio;
using boost::system::error_code;
using Protocol = asio::generic::stream_protocol;
using Socket = Protocol::socket;

/// Makes the socket non-blocking and, for TCP, sends small messages at once and notices dead peers.
void prepare(Socket& socket);

/// Sends what the socket takes now. `would_block` when something is left; another error when the peer is
/// gone.
error_code try_send(Socket& socket, session::Outgoing& outgoing);

/// Sends everything, waiting as long as it takes. `outgoing` must own its bytes (Outgoing::keep).
asio::awaitable<error_code> send_all(Socket& socket, session::Outgoing& outgoing);

/// Sends everything if the socket takes it at once, waits otherwise.
asio::awaitable<error_code> send(Socket& socket, std::string bytes);

/// Reads what is there into the thread's scratch buffer. The bytes die at the thread's next receive.
protocol::Bytes try_receive(Socket& socket, error_code& error);

asio::awaitable<error_code> readable(Socket& socket);

/// Where a server listens, resolved or a Unix-domain socket (libpq's rule: DIR/.s.PGSQL.PORT).
/// `timed_out` when that takes longer than `time_max`.
asio::awaitable<error_code> connect(Socket& socket, config::Endpoint endpoint,
                                    std::chrono::milliseconds time_max);

/// The peer as rules and logs know it; nullopt when it has gone, which does not take away what it has sent.
std::optional<policy::Address> peer_address(const Socket& socket);
std::string peer_name(const Socket& socket);
/// The same of a client that a proxy speaks of.
std::string name_of(const protocol::ProxySource& source);

}  // namespace pgwarden::net
