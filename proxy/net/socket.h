// Sockets of both kinds (TCP and Unix-domain), used without blocking.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
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

/// Makes a socket, or an acceptor, non-blocking and, for TCP, sends small messages at once and notices dead
/// peers. What an acceptor accepts has these of it, but for the first (tcp(7)).
template <class AnySocket>
void prepare(AnySocket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

/// How many bytes send(2) or recv(2), having returned `result`, has moved; why none in `error`, which else
/// stays.
inline std::size_t done(ssize_t result, error_code& error) {
  if (result >= 0) return static_cast<std::size_t>(result);
  error.assign(errno, boost::system::system_category());
  return 0;
}

/// Where a server listens: the addresses of a name, in the resolver's order, or a Unix-domain socket (libpq's
/// rule: DIR/.s.PGSQL.PORT). `timed_out` when the name servers have not answered by then.
struct Resolved {
  error_code error;
  std::vector<Protocol::endpoint> addresses;  ///< at least one without an error
};
asio::awaitable<Resolved> resolve(config::Host host, std::chrono::milliseconds time_max);

/// nullopt for a Unix-domain socket's, and that of a socket which has none.
std::optional<asio::ip::tcp::endpoint> as_tcp(const Protocol::endpoint& address);
/// As rules know it.
policy::Address policy_address(const Protocol::endpoint& address);
/// "192.0.2.1:5432"; "unix" for a Unix-domain socket.
std::string name_of(const Protocol::endpoint& address);
/// The same of a client that a proxy speaks of.
std::string name_of(const protocol::ProxySource& source);

}  // namespace pgwarden::net
