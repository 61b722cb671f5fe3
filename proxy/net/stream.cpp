#include "proxy/net/stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <span>

#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

constexpr std::size_t scratch_bytes = std::size_t{64} * 1024;
constexpr std::size_t parts_per_send = 64;
/// Small parts are put together up to this size, so that not each becomes a TLS record.
constexpr std::size_t gathered_bytes = std::size_t{8} * 1024;
constexpr int send_flags = MSG_NOSIGNAL | MSG_DONTWAIT;

std::array<char, scratch_bytes>& scratch() {
  thread_local std::array<char, scratch_bytes> buffer;
  return buffer;
}

/// The first bytes of `outgoing`: its first part, or a few small ones copied to `buffer`. The same again for
/// the same parts, as OpenSSL wants it when a write is tried anew (SSL_write(3), NOTES).
protocol::Bytes next_bytes(const session::Outgoing& outgoing, std::span<char> buffer) {
  const auto& parts = outgoing.parts();
  if (parts.size() == 1 || parts.front().bytes.size() >= buffer.size()) return parts.front().bytes;
  std::size_t size = 0;
  for (const session::Outgoing::Part& part : parts) {
    const protocol::Bytes taken = part.bytes.substr(0, buffer.size() - size);
    std::copy(taken.begin(), taken.end(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
    size += taken.size();
    if (size == buffer.size()) break;
  }
  return {buffer.data(), size};
}

}  // namespace

asio::awaitable<std::string> Stream::handshake(TlsState tls) {
  if (SSL_set_fd(tls.get(), socket_.native_handle()) != 1) co_return tls_error();
  tls_ = std::move(tls);
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) {
      has_more_ = SSL_has_pending(tls_.get()) == 1;
      co_return "";
    }
    Socket::wait_type wait = Socket::wait_read;
    if (error_of(result, wait) != asio::error::would_block) {
      const long verified = SSL_get_verify_result(tls_.get());
      co_return verified == X509_V_OK ? tls_error() : X509_verify_cert_error_string(verified);
    }
    auto [error] = co_await socket_.async_wait(wait, use_tuple);
    if (error) co_return error.message();
  }
}

error_code Stream::error_of(int result, Socket::wait_type& wait) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      wait = Socket::wait_read;
      return asio::error::would_block;
    case SSL_ERROR_WANT_WRITE:
      wait = Socket::wait_write;
      return asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN:
      return asio::error::eof;
    default:
      return asio::error::connection_reset;
  }
}

std::size_t Stream::write_encrypted(const session::Outgoing& outgoing, error_code& error) {
  std::array<char, gathered_bytes> buffer;
  const protocol::Bytes bytes = next_bytes(outgoing, buffer);
  std::size_t written = 0;
  ERR_clear_error();
  const int result = SSL_write_ex(tls_.get(), bytes.data(), bytes.size(), &written);
  if (result != 1) error = error_of(result, to_write_);
  return written;
}

std::size_t Stream::write_some(const session::Outgoing& outgoing, error_code& error) {
  if (encrypted()) return write_encrypted(outgoing, error);
  // The usual case; the kernel has less to do for send(2) than for sendmsg(2).
  if (outgoing.parts().size() == 1) {
    const protocol::Bytes bytes = outgoing.parts().front().bytes;
    return done(::send(descriptor(), bytes.data(), bytes.size(), send_flags), error);
  }
  std::array<iovec, parts_per_send> buffers;
  msghdr message{};
  message.msg_iov = buffers.data();
  for (const session::Outgoing::Part& part : outgoing.parts()) {
    if (message.msg_iovlen == buffers.size()) break;
    buffers.at(message.msg_iovlen++) = {const_cast<char*>(part.bytes.data()), part.bytes.size()};
  }
  return done(::sendmsg(descriptor(), &message, send_flags), error);
}

error_code Stream::write(session::Outgoing& outgoing) {
  error_code error = ring_ ? ring_->send_error() : error_code();  // what is lost leaves no hole
  while (!outgoing.empty() && !error) outgoing.consume(write_some(outgoing, error));
  return error;
}

error_code Stream::try_send(session::Outgoing& outgoing) {
  if (ring_ && !outgoing.empty()) {
    if (busy()) return asio::error::would_block;
    if (!encrypted() && !ring_->send_error() && ring_->queue(outgoing)) return {};
  }
  return write(outgoing);
}

asio::awaitable<error_code> Stream::send_all(session::Outgoing& outgoing) {
  for (;;) {
    error_code error = busy() ? asio::error::would_block : write(outgoing);
    if (error != asio::error::would_block) co_return error;
    error = co_await writable();
    if (error) co_return error;
  }
}

void Stream::relay_by(Ring& ring) { ring_ = std::make_unique<RingSocket>(ring, socket_.release()); }

void Stream::async_readable(Step step) {
  if (!ring_) {
    socket_.async_wait(to_read_, std::move(step));
  } else if (encrypted()) {
    ring_->async_wait(to_read_, std::move(step));
  } else {
    ring_->async_receive(std::move(step));
  }
}

void Stream::async_writable(Step step) {
  if (ring_) {
    ring_->async_writable(to_write_, std::move(step));
  } else {
    socket_.async_wait(to_write_, std::move(step));
  }
}

asio::awaitable<error_code> Stream::writable() {
  if (!ring_) {
    auto [error] = co_await socket_.async_wait(to_write_, use_tuple);
    co_return error;
  }
  auto [error] = co_await asio::async_initiate<decltype(use_tuple), void(error_code)>(
      [this](auto handler) {
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        ring_->async_writable(to_write_, [shared](error_code result) { std::move (*shared)(result); });
      },
      use_tuple);
  co_return error;
}

asio::awaitable<error_code> Stream::send(std::string bytes) {
  session::Outgoing outgoing;
  outgoing.write(std::move(bytes));
  co_return co_await send_all(outgoing);
}

/// SSL_read or SSL_peek, or the same in clear.
protocol::Bytes Stream::read_some(Take take, std::size_t size_max, error_code& error) {
  const std::span<char> buffer = std::span(scratch()).first(std::min(size_max, scratch().size()));
  std::size_t size = 0;
  error = {};
  if (!encrypted()) {
    const protocol::Bytes received = ring_ ? ring_->take_received() : protocol::Bytes();
    if (!received.empty()) {
      has_more_ = received.size() == Ring::buffer_bytes;
      return received;
    }
    const int flags = MSG_DONTWAIT | (take == Take::no ? MSG_PEEK : 0);
    size = done(::recv(descriptor(), buffer.data(), buffer.size(), flags), error);
    if (size == 0 && !error) error = asio::error::eof;
    has_more_ = size == buffer.size();
  } else {
    ERR_clear_error();
    const auto read = take == Take::no ? SSL_peek_ex : SSL_read_ex;
    const int result = read(tls_.get(), buffer.data(), buffer.size(), &size);
    if (result != 1) error = error_of(result, to_read_);
    has_more_ = result == 1 && SSL_has_pending(tls_.get()) == 1;
  }
  return {buffer.data(), size};
}

protocol::Bytes Stream::try_receive(error_code& error, std::size_t size_max) {
  return read_some(Take::yes, size_max, error);
}

asio::awaitable<error_code> Stream::readable() {
  auto [error] = co_await socket_.async_wait(to_read_, use_tuple);
  co_return error;
}

asio::awaitable<std::string> Stream::receive(error_code& error) {
  for (;;) {
    const protocol::Bytes bytes = try_receive(error);
    if (error != asio::error::would_block) co_return std::string(bytes);
    error = co_await readable();
    if (error) co_return "";
  }
}

asio::awaitable<protocol::Bytes> Stream::peek(error_code& error) {
  for (;;) {
    const protocol::Bytes bytes = try_peek(error);
    if (error != asio::error::would_block) co_return bytes;
    error = co_await readable();
    if (error) co_return protocol::Bytes();
  }
}

void Stream::shutdown_send() noexcept {
  if (encrypted()) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // the notice that it ends; what does not fit is not waited for
  }
  ::shutdown(descriptor(), SHUT_WR);
}

void Stream::close() noexcept {
  error_code ignored;
  tls_.reset();  // it knows the descriptor, which may soon be another's
  if (ring_) {
    ring_->close();
  } else {
    socket_.close(ignored);
  }
}

}  // namespace pgwarden::net
