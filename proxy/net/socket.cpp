#include "proxy/net/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <span>

namespace pgwarden::net {

namespace {

constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t scratch_bytes = std::size_t{64} * 1024;
constexpr std::size_t parts_per_send = 64;

bool is_tcp(const Socket& socket) {
  error_code ignored;
  const int family = socket.local_endpoint(ignored).protocol().family();
  return family == AF_INET || family == AF_INET6;
}

std::optional<asio::ip::tcp::endpoint> tcp_peer(const Socket& socket) {
  error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  const int family = endpoint.protocol().family();
  if (error || (family != AF_INET && family != AF_INET6)) return std::nullopt;
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  tcp.resize(endpoint.size());
  return tcp;
}

std::string name_of(const asio::ip::address& address, std::uint16_t port) {
  const std::string host = address.to_string();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

asio::awaitable<error_code> connect_unbounded(Socket& socket, config::Endpoint endpoint) {
  if (endpoint.is_unix()) {
    const asio::local::stream_protocol::endpoint path(endpoint.host + "/.s.PGSQL." +
                                                      std::to_string(endpoint.port));
    auto [error] = co_await socket.async_connect(path, use_tuple);
    co_return error;
  }
  asio::ip::tcp::resolver resolver(socket.get_executor());
  auto [error, found] =
      co_await resolver.async_resolve(endpoint.host, std::to_string(endpoint.port), use_tuple);
  for (const auto& entry : found) {
    error_code ignored;
    socket.close(ignored);
    std::tie(error) = co_await socket.async_connect(entry.endpoint(), use_tuple);
    if (!error || error == asio::error::operation_aborted) break;
  }
  co_return error;
}

}  // namespace

void prepare(Socket& socket) {
  error_code ignored;
  socket.non_blocking(true, ignored);
  if (!is_tcp(socket)) return;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

error_code try_send(Socket& socket, session::Outgoing& outgoing) {
  error_code error;
  while (!outgoing.empty() && !error) {
    std::array<asio::const_buffer, parts_per_send> buffers;
    std::size_t count = 0;
    for (const session::Outgoing::Part& part : outgoing.parts()) {
      if (count == buffers.size()) break;
      buffers[count++] = asio::buffer(part.bytes);
    }
    outgoing.consume(socket.write_some(std::span(buffers.data(), count), error));
  }
  return error;
}

asio::awaitable<error_code> send_all(Socket& socket, session::Outgoing& outgoing) {
  for (;;) {
    error_code error = try_send(socket, outgoing);
    if (error != asio::error::would_block) co_return error;
    std::tie(error) = co_await socket.async_wait(Socket::wait_write, use_tuple);
    if (error) co_return error;
  }
}

asio::awaitable<error_code> send(Socket& socket, std::string bytes) {
  session::Outgoing outgoing;
  outgoing.write(std::move(bytes));
  co_return co_await send_all(socket, outgoing);
}

protocol::Bytes try_receive(Socket& socket, error_code& error) {
  thread_local std::array<char, scratch_bytes> scratch;
  const std::size_t size = socket.read_some(asio::buffer(scratch), error);
  return {scratch.data(), size};
}

asio::awaitable<error_code> readable(Socket& socket) {
  auto [error] = co_await socket.async_wait(Socket::wait_read, use_tuple);
  co_return error;
}

asio::awaitable<error_code> connect(Socket& socket, config::Endpoint endpoint,
                                    std::chrono::milliseconds time_max) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(socket.get_executor(), time_max);
  const auto first =
      co_await (connect_unbounded(socket, std::move(endpoint)) || deadline.async_wait(use_tuple));
  co_return first.index() == 0 ? std::get<0>(first) : error_code(asio::error::timed_out);
}

std::optional<policy::Address> peer_address(const Socket& socket) {
  error_code error;
  const int family = socket.local_endpoint(error).protocol().family();
  policy::Address address;
  if (!error && family == AF_UNIX) return address;
  const auto peer = tcp_peer(socket);
  if (!peer) return std::nullopt;
  const auto bytes = peer->address().is_v4()
                         ? asio::ip::make_address_v6(asio::ip::v4_mapped, peer->address().to_v4()).to_bytes()
                         : peer->address().to_v6().to_bytes();
  address.bytes = bytes;
  address.is_unix = false;
  return address;
}

std::string peer_name(const Socket& socket) {
  const auto peer = tcp_peer(socket);
  return peer ? name_of(peer->address(), peer->port()) : "unix";
}

std::string name_of(const protocol::ProxySource& source) {
  const asio::ip::address_v6 address(source.address);
  if (!address.is_v4_mapped()) return name_of(address, source.port);
  return name_of(asio::ip::make_address_v4(asio::ip::v4_mapped, address), source.port);
}

}  // namespace pgwarden::net
