#include "proxy/net/cancel_request.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <vector>

#include "protocol/messages.h"
#include "proxy/net/upstream_search.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

constexpr std::chrono::seconds time_max{10};

/// False when nobody was there to take it.
asio::awaitable<bool> exchange(asio::io_context& context, Target target, std::string key) {
  Stream stream{Socket(context)};
  const auto deadline = std::chrono::steady_clock::now() + time_max;
  const Connecting connecting = co_await connect_upstream(stream, target, first_way(target), deadline);
  if (connecting.result != Connecting::Result::connected) co_return false;
  error_code error = co_await stream.send(protocol::encode_cancel(key));
  while (!error) {
    stream.try_receive(error);
    if (error == asio::error::would_block) error = co_await stream.readable();
  }
  co_return true;
}

asio::awaitable<void> exchange_with_host(asio::io_context& context, Target target, std::string key) {
  UpstreamSearch search(target, time_max);
  while (search.next_host()) {
    while (co_await search.next_address()) {
      if (co_await exchange(context, search.target(), key)) co_return;
    }
  }
}

asio::awaitable<void> exchange_with_all(asio::io_context& context, Target target, std::string key) {
  const auto ask = [&](const config::Host& host) {
    auto one = std::make_shared<config::Upstream>(*target.upstream);
    one->hosts = {host};
    return asio::co_spawn(context, exchange_with_host(context, {one, target.tls}, key), asio::deferred);
  };
  std::vector<decltype(ask(target.upstream->hosts.front()))> all;
  for (const config::Host& host : target.upstream->hosts) all.push_back(ask(host));
  co_await asio::experimental::make_parallel_group(std::move(all))
      .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
}

asio::awaitable<void> send(asio::io_context& context, Target target, std::string key) {
  if (target.settled) {
    co_await exchange(context, std::move(target), std::move(key));
  } else {
    co_await exchange_with_all(context, std::move(target), std::move(key));
  }
}

}  // namespace

asio::awaitable<void> send_cancel(asio::io_context& context, Target target, std::string key) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(context, time_max);
  co_await (send(context, std::move(target), std::move(key)) || deadline.async_wait(use_tuple));
}

}  // namespace pgwarden::net
