#include "proxy/net/ring_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace pgwarden::net {

namespace {

/// Larger ones are not copied for it: the call that sends them at once costs little beside them.
constexpr std::size_t queued_bytes_max = std::size_t{4} * 1024;

unsigned events(Socket::wait_type wait) { return wait == Socket::wait_read ? POLLIN : POLLOUT; }

}  // namespace

RingSocket::RingSocket(Ring& ring, int descriptor)
    : ring_(&ring), descriptor_(descriptor), id_(ring.add(*this)) {}

RingSocket::~RingSocket() {
  close();
  if (ring_ != nullptr) ring_->remove(id_);
}

void RingSocket::async_receive(Step step) {
  reader_ = std::move(step);
  ring_->queue(id_, Ring::Operation::receive, [this](io_uring_sqe& entry) {
    io_uring_prep_recv(&entry, descriptor_, nullptr, 0, 0);
    entry.flags |= IOSQE_BUFFER_SELECT;
  });
}

void RingSocket::async_wait(Socket::wait_type wait, Step step) {
  reader_ = std::move(step);
  ring_->queue(id_, Ring::Operation::receive,
               [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, descriptor_, events(wait)); });
}

void RingSocket::readable(error_code error, protocol::Bytes received) {
  const Step step = std::exchange(reader_, {});
  received_ = received;
  step(descriptor_ < 0 ? asio::error::operation_aborted : error);
  received_ = {};
}

bool RingSocket::queue(session::Outgoing& outgoing) {
  const std::size_t size = outgoing.size();
  if (size > queued_bytes_max || descriptor_ < 0) return false;
  char* const room = ring_->room(size);
  if (room == nullptr) return false;
  char* end = room;
  for (const session::Outgoing::Part& part : outgoing.parts())
    end = std::copy(part.bytes.begin(), part.bytes.end(), end);
  outgoing.consume(size);
  sent_ = {room, size};
  queued_in_ = ring_->batch();
  ring_->queue(id_, Ring::Operation::send, [this](io_uring_sqe& entry) {
    io_uring_prep_send(&entry, descriptor_, sent_.data(), sent_.size(),
                       MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
    entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
  });
  return true;
}

void RingSocket::send_failed(int result) {
  if (result < 0 && result != -EAGAIN) {
    send_error_.assign(-result, boost::system::system_category());
    return;
  }
  unsent_.assign(sent_.substr(static_cast<std::size_t>(std::max(result, 0))));
  if (descriptor_ >= 0) await_room();
}

void RingSocket::await_room(Socket::wait_type wait) {
  if (std::exchange(writing_, true)) return;
  ring_->queue(id_, Ring::Operation::write,
               [&](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, descriptor_, events(wait)); });
}

void RingSocket::async_writable(Socket::wait_type wait, std::function<void(error_code)> handler) {
  writer_ = std::move(handler);
  await_room(wait);
}

void RingSocket::writable(error_code error) {
  writing_ = false;
  if (descriptor_ < 0) error = asio::error::operation_aborted;
  while (!error && !unsent_.empty()) {
    unsent_.erase(
        0, done(::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT), error));
  }
  if (error == asio::error::would_block) {
    await_room();
    return;
  }
  if (error) {
    unsent_.clear();
    send_error_ = error;
  }
  if (const auto handler = std::exchange(writer_, nullptr)) handler(error);
}

void RingSocket::close() noexcept {
  if (descriptor_ < 0) return;
  if (ring_ != nullptr && (reader_.connection || writing_)) {
    ring_->queue(id_, Ring::Operation::none, [this](io_uring_sqe& entry) {
      io_uring_prep_cancel_fd(&entry, descriptor_, IORING_ASYNC_CANCEL_ALL);
      entry.flags |= IOSQE_CQE_SKIP_SUCCESS;
    });
  }
  const int closed = std::exchange(descriptor_, -1);
  if (ring_ != nullptr) ring_->submit();  // what names the descriptor
  ::close(closed);
}

}  // namespace pgwarden::net
