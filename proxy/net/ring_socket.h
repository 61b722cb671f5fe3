// A relayed socket whose operations go by way of a ring.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "protocol/byte_reader.h"
#include "proxy/net/ring.h"
#include "proxy/net/socket.h"
#include "proxy/net/step.h"
#include "proxy/session/outgoing.h"

namespace pgwarden::net {

/// Owns a descriptor. One reader and one writer at a time, on the ring's thread. What waits keeps the
/// connection, and so this, until its result has come or the ring ends.
class RingSocket {
 public:
  RingSocket(Ring& ring, int descriptor);
  RingSocket(const RingSocket&) = delete;
  RingSocket& operator=(const RingSocket&) = delete;
  ~RingSocket();

  int descriptor() const noexcept { return descriptor_; }

  /// Calls `step` when bytes have come, which then are received(); or with an error, which is `eof` at the
  /// end. With neither, there may be something to read.
  void async_receive(Step step);
  /// Calls `step` when there may be something to read, or, for `wait_write`, room to write.
  void async_wait(Socket::wait_type wait, Step step);
  /// Takes what the last receive has brought. The bytes die when the step returns.
  protocol::Bytes take_received() noexcept { return std::exchange(received_, {}); }

  /// Sends `outgoing` with the ring's next call, and takes it as sent. False when it is too much for that.
  /// Not while busy().
  bool queue(session::Outgoing& outgoing);
  /// Earlier bytes have to go first: async_writable() tells when they have.
  bool busy() const noexcept { return queued() || !unsent_.empty(); }
  /// Those of queue() that the peer has not taken at once.
  std::size_t unsent_bytes() const noexcept { return unsent_.size(); }
  /// Why they never will be.
  error_code send_error() const noexcept { return send_error_; }
  /// `wait`: for what; there may be room then.
  void async_writable(Socket::wait_type wait, std::function<void(error_code)> handler);

  /// Who waits is told `operation_aborted`.
  void close() noexcept;

 private:
  friend class Ring;

  bool queued() const noexcept { return ring_ != nullptr && queued_in_ == ring_->batch(); }
  void await_room(Socket::wait_type wait = Socket::wait_write);
  // For Ring.
  void readable(error_code error, protocol::Bytes received);
  void writable(error_code error);
  void send_failed(int result);

  Ring* ring_;  ///< nullptr: it has gone
  int descriptor_;
  std::uint64_t id_;
  bool writing_ = false;  ///< await_room() is under way
  Step reader_;
  std::function<void(error_code)> writer_;
  protocol::Bytes received_;
  std::uint64_t queued_in_ = 0;  ///< the batch in which `sent_` are sent
  protocol::Bytes sent_;
  std::string unsent_;
  error_code send_error_;
};

}  // namespace pgwarden::net
