#include "proxy/net/client_hello.h"

#include <poll.h>

#include <array>

#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

/// A record's type, version and length, and behind them the message's type and length (RFC 8446, sections 4
/// and 5.1).
using Head = std::array<unsigned char, 9>;

bool is_plausible(const Head& head) {
  constexpr unsigned char handshake = 22;
  constexpr unsigned char client_hello = 1;
  constexpr unsigned message_bytes_max = 16 * 1024;
  const unsigned record_bytes = head[3] * 256u + head[4];
  const unsigned message_bytes = head[6] * 65536u + head[7] * 256u + head[8];
  return head[0] == handshake && record_bytes >= 4 && head[5] == client_hello &&
         message_bytes <= message_bytes_max;
}

/// Whether the peer sends no more; what it has sent may still be unread.
bool has_ended(Socket& socket) {
  pollfd state{socket.native_handle(), POLLRDHUP, 0};
  return ::poll(&state, 1, 0) != 0;
}

}  // namespace

asio::awaitable<bool> client_hello_is_plausible(Socket& socket) {
  Head head{};
  std::size_t size = 0;
  error_code error;
  error_code ignored;
  // Waiting ends when so many bytes have come, or none come any more; for nothing now and then.
  socket.set_option(asio::socket_base::receive_low_watermark(head.size()), ignored);
  while (size < head.size() && !has_ended(socket)) {
    std::tie(error) = co_await socket.async_wait(Socket::wait_read, use_tuple);
    if (error) break;
    size = socket.receive(asio::buffer(head), asio::socket_base::message_peek, error);
  }
  socket.set_option(asio::socket_base::receive_low_watermark(1), ignored);
  co_return size == head.size() && is_plausible(head);
}

}  // namespace pgwarden::net
