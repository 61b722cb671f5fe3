#include "proxy/net/cancel_request.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "protocol/messages.h"

namespace pgwarden::net {

namespace {

constexpr std::chrono::seconds time_max{10};

asio::awaitable<void> exchange(Target target, std::string key) {
  Stream stream(Socket(co_await asio::this_coro::executor));
  const std::string why = co_await connect_upstream(stream, target, first_way(target), time_max);
  if (!why.empty()) co_return;
  error_code error = co_await stream.send(protocol::encode_cancel(key));
  while (!error) {
    stream.try_receive(error);
    if (error == asio::error::would_block) error = co_await stream.readable();
  }
}

}  // namespace

asio::awaitable<void> send_cancel(Target target, std::string key) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(co_await asio::this_coro::executor, time_max);
  co_await (exchange(std::move(target), std::move(key)) ||
            deadline.async_wait(asio::as_tuple(asio::use_awaitable)));
}

}  // namespace pgwarden::net
