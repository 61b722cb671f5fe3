#include "proxy/net/cancel_request.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "protocol/messages.h"
#include "proxy/net/socket.h"

namespace pgwarden::net {

namespace {

constexpr std::chrono::seconds time_max{10};

asio::awaitable<void> exchange(config::Endpoint upstream, std::string key) {
  Socket socket(co_await asio::this_coro::executor);
  if (co_await connect(socket, upstream, time_max)) co_return;
  prepare(socket);
  error_code error = co_await send(socket, protocol::encode_cancel(key));
  while (!error) {
    try_receive(socket, error);
    if (error == asio::error::would_block) error = co_await readable(socket);
  }
}

}  // namespace

asio::awaitable<void> send_cancel(config::Endpoint upstream, std::string key) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(co_await asio::this_coro::executor, time_max);
  co_await (exchange(std::move(upstream), std::move(key)) ||
            deadline.async_wait(asio::as_tuple(asio::use_awaitable)));
}

}  // namespace pgwarden::net
