#include "proxy/net/socket.h"

#include <netinet/in.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <memory>

#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

/// Once it has begun it cannot be cancelled, so it lives on when nobody waits for it any more.
struct Lookup {
  Lookup(const asio::any_io_executor& executor, std::chrono::milliseconds time_max)
      : resolver(executor), done_or_late(executor, time_max) {}

  asio::ip::tcp::resolver resolver;
  asio::steady_timer done_or_late;
  error_code error = asio::error::timed_out;
  asio::ip::tcp::resolver::results_type found;
};

std::string name_of(const asio::ip::address& address, std::uint16_t port) {
  const std::string host = address.to_string();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

asio::awaitable<Resolved> resolve(config::Host host, std::chrono::milliseconds time_max) {
  const std::string port = std::to_string(host.endpoint.port);
  Resolved resolved;
  if (host.endpoint.is_unix()) {
    resolved.addresses.emplace_back(
        asio::local::stream_protocol::endpoint(host.endpoint.host + "/.s.PGSQL." + port));
    co_return resolved;
  }
  const std::string& name = host.address.empty() ? host.endpoint.host : host.address;
  error_code is_name;
  const asio::ip::address address = asio::ip::make_address(name, is_name);
  if (!is_name) {  // would else wait for the thread that looks up names, which one of them may hold up
    resolved.addresses.emplace_back(asio::ip::tcp::endpoint(address, host.endpoint.port));
    co_return resolved;
  }
  const auto lookup = std::make_shared<Lookup>(co_await asio::this_coro::executor, time_max);
  lookup->resolver.async_resolve(name, port, [lookup](error_code error, const auto& found) {
    lookup->error = error;
    lookup->found = found;
    lookup->done_or_late.cancel();
  });
  co_await lookup->done_or_late.async_wait(use_tuple);
  resolved.error = lookup->error;
  for (const auto& entry : lookup->found) resolved.addresses.emplace_back(entry.endpoint());
  lookup->resolver.cancel();  // one that has not begun yet does not begin any more
  co_return resolved;
}

std::optional<asio::ip::tcp::endpoint> as_tcp(const Protocol::endpoint& address) {
  const int family = address.protocol().family();
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), address.data(), address.size());
  tcp.resize(address.size());
  return tcp;
}

policy::Address policy_address(const Protocol::endpoint& address) {
  policy::Address known;
  known.is_unix = address.protocol().family() == AF_UNIX;
  if (const auto tcp = as_tcp(address)) {
    known.bytes = tcp->address().is_v4()
                      ? asio::ip::make_address_v6(asio::ip::v4_mapped, tcp->address().to_v4()).to_bytes()
                      : tcp->address().to_v6().to_bytes();
  }
  return known;
}

std::string name_of(const Protocol::endpoint& address) {
  const auto tcp = as_tcp(address);
  return tcp ? name_of(tcp->address(), tcp->port()) : "unix";
}

std::string name_of(const protocol::ProxySource& source) {
  const asio::ip::address_v6 address(source.address);
  if (!address.is_v4_mapped()) return name_of(address, source.port);
  return name_of(asio::ip::make_address_v4(asio::ip::v4_mapped, address), source.port);
}

}  // namespace pgwarden::net
