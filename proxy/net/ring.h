// The operations of a worker's relayed sockets, which the kernel takes and gives back together (io_uring(7)).
#pragma once

#include <liburing.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <vector>

namespace pgwarden::net {

class RingSocket;

/// One system call hands in all that has been queued, runs it as far as it goes at once, and waits for what
/// comes next. While there is something, and no handler of `context` is due, the worker's thread waits
/// here; else in `context`, where a descriptor tells of results.
///
/// On the thread of `context`, but for the destructor, which has to come before the end of `context`.
class Ring {
 public:
  /// As much as one receive brings.
  static constexpr std::size_t buffer_bytes = std::size_t{8} * 1024;

  /// `elsewhere`: how many handlers and coroutines of `context` want the thread at once. Throws
  /// boost::system::system_error where the kernel has no such rings (before Linux 6.1) or does not allow
  /// them.
  Ring(boost::asio::io_context& context, const std::size_t& elsewhere);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

 private:
  friend class RingSocket;
  /// What a result is of.
  enum class Operation : std::uint8_t { receive, write, send, end_of_turn, none };
  struct Result {
    /// As what the operation was queued: of the socket with this id.
    Operation operation() const noexcept { return static_cast<Operation>(data & 7); }
    std::uint64_t id() const noexcept { return data >> 3; }

    std::uint64_t data = 0;
    int value = 0;  ///< as of a system call, errors being negative
    unsigned flags = 0;
  };
  /// A socket's; taken again, it has another generation, so that late results find nobody.
  struct Place {
    RingSocket* socket = nullptr;
    std::uint64_t generation = 0;
  };
  struct alignas(4096) BufferRing {
    std::array<io_uring_buf, 32> entries;
  };
  struct Exit {
    void operator()(io_uring* ring) const noexcept;
  };

  // For RingSocket.
  std::uint64_t add(RingSocket& socket);
  void remove(std::uint64_t id);
  /// Queues the operation that `prepare` makes of an io_uring_sqe.
  template <class Prepare>
  void queue(std::uint64_t id, Operation operation, Prepare prepare) {
    io_uring_sqe& entry = next_entry();
    prepare(entry);
    io_uring_sqe_set_data64(&entry, id << 3 | static_cast<std::uint64_t>(operation));
    if (!turning_ && io_uring_sq_ready(ring_.get()) == 1) turn_soon();  // the others go with the first
  }
  /// Memory for what is sent with this batch; nullptr when there is no more.
  char* room(std::size_t size);
  /// Hands in what is queued: sends are done, or have failed, when it returns.
  void submit();
  /// Another one after each submit().
  std::uint64_t batch() const noexcept { return batch_; }

  io_uring_sqe& next_entry();
  void register_buffers();
  void give_back(unsigned buffer);
  void settle();
  RingSocket* find(std::uint64_t id) const;
  void turn();
  void turn_soon() noexcept;
  void await_turn();
  bool begins_anew();
  void enter(bool wait);
  void complete();
  void dispatch(const Result& result);

  const std::size_t& elsewhere_;
  io_uring memory_{};
  std::unique_ptr<io_uring, Exit> ring_;
  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type>
      news_;  ///< eventfd(2): while the thread is elsewhere
  std::unique_ptr<BufferRing> free_buffers_;
  std::unique_ptr<char[]> buffers_;
  std::unique_ptr<char[]> arena_;
  std::size_t arena_used_ = 0;
  std::uint64_t batch_ = 1;
  bool turning_ = false;
  /// For how long the thread does not look elsewhere: timers, logins and what other threads post may be late
  /// by so much.
  __kernel_timespec turn_time_{0, 1'000'000};
  bool ends_ = false;            ///< the turn will, by a timer that is under way
  bool used_ = false;            ///< the turn has had results
  std::vector<Result> results_;  ///< those to dispatch
  std::vector<Place> places_;
  std::vector<std::uint64_t> free_places_;
};

}  // namespace pgwarden::net
