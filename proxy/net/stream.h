// A connection to a peer, in clear or by TLS, used without blocking.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "protocol/byte_reader.h"
#include "proxy/net/ring_socket.h"
#include "proxy/net/socket.h"
#include "proxy/net/step.h"
#include "proxy/net/tls.h"
#include "proxy/session/outgoing.h"

namespace pgwarden::net {

/// Begins in clear. One thread at a time; one reader and one writer at a time.
class Stream {
 public:
  explicit Stream(Socket socket) : socket_(std::move(socket)) {}

  Socket& socket() noexcept { return socket_; }
  const Socket& socket() const noexcept { return socket_; }
  bool is_open() const noexcept { return ring_ ? ring_->descriptor() >= 0 : socket_.is_open(); }
  bool encrypted() const noexcept { return tls_ != nullptr; }
  /// What OpenSSL knows of it; nullptr in clear.
  const SSL* tls() const noexcept { return tls_.get(); }

  /// Encrypts from now on. Empty when the handshake has succeeded, else why not; then the stream is of no
  /// more use.
  asio::awaitable<std::string> handshake(TlsState tls);
  /// Both sides have agreed by TLS (ALPN) to speak PostgreSQL's protocol.
  bool agreed_on_postgresql() const { return net::agreed_on_postgresql(*tls_); }
  /// What a SCRAM exchange binds to this connection; empty in clear.
  std::string channel_binding() const { return encrypted() ? server_end_point(*tls_) : ""; }
  /// The names in the certificate that the peer has shown and that was verified.
  std::vector<std::string> certificate_names() const {
    return encrypted() ? net::certificate_names(*tls_) : std::vector<std::string>();
  }

  /// From now on `ring` moves the bytes, as long as it lives. Nothing may wait, and socket() is of no more
  /// use.
  void relay_by(Ring& ring);

  /// Sends what the peer takes now. `would_block` when something is left, which then must stay as it is (it
  /// may be copied: Outgoing::keep) and be sent next; another error when the peer is gone.
  error_code try_send(session::Outgoing& outgoing);
  /// What try_send() has sent is still to go: no shutdown_send() yet.
  bool busy() const noexcept { return ring_ && ring_->busy(); }
  /// How much of that the peer has not taken at once.
  std::size_t unsent_bytes() const noexcept { return ring_ ? ring_->unsent_bytes() : 0; }
  /// Sends everything, waiting as long as it takes. `outgoing` must own its bytes (Outgoing::keep).
  asio::awaitable<error_code> send_all(session::Outgoing& outgoing);
  /// Sends everything if the peer takes it at once, waits otherwise.
  asio::awaitable<error_code> send(std::string bytes);

  /// Reads what is there into the thread's scratch buffer. The bytes die at the thread's next receive.
  protocol::Bytes try_receive(error_code& error, std::size_t size_max = SIZE_MAX);
  /// There may be something to read now. After a try_receive() that would block, or that left nothing behind.
  asio::awaitable<error_code> readable();
  /// The same for a handler.
  void async_readable(Step step);
  /// After a try_send() that would block, or has left the stream busy(): there may be room now.
  void async_writable(Step step);
  /// Whether the last try_receive() may have left something that it could have given.
  bool has_more() const noexcept { return has_more_; }

  /// Waits for bytes and takes them. Nothing and an error when none come.
  asio::awaitable<std::string> receive(error_code& error);

  /// Gives what try_receive() would, and leaves it there.
  protocol::Bytes try_peek(error_code& error) { return read_some(Take::no, SIZE_MAX, error); }
  /// Waits for bytes and gives what is there, in the scratch buffer; it stays there to be received. Nothing
  /// and an error when none come.
  asio::awaitable<protocol::Bytes> peek(error_code& error);

  /// No more will be sent.
  void shutdown_send() noexcept;
  void close() noexcept;

 private:
  enum class Take : bool { no, yes };

  int descriptor() noexcept { return ring_ ? ring_->descriptor() : socket_.native_handle(); }
  protocol::Bytes read_some(Take take, std::size_t size_max, error_code& error);
  error_code write(session::Outgoing& outgoing);
  std::size_t write_some(const session::Outgoing& outgoing, error_code& error);
  std::size_t write_encrypted(const session::Outgoing& outgoing, error_code& error);
  error_code error_of(int result, Socket::wait_type& wait);
  asio::awaitable<error_code> writable();

  Socket socket_;
  std::unique_ptr<RingSocket> ring_;  ///< in the place of socket_ when there is one
  TlsState tls_{nullptr, SSL_free};
  bool has_more_ = false;
  Socket::wait_type to_read_ = Socket::wait_read;    ///< what the last read waits for
  Socket::wait_type to_write_ = Socket::wait_write;  ///< what the last write waits for
};

}  // namespace pgwarden::net
