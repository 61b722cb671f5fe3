#include "proxy/net/ring.h"

#include <sys/eventfd.h>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "proxy/net/ring_socket.h"

namespace pgwarden::net {

namespace {

constexpr unsigned submissions = 256;
constexpr unsigned completions = 4096;
constexpr std::size_t arena_bytes = std::size_t{64} * 1024;
constexpr std::uint16_t buffer_group = 0;
/// Of a socket's id, which with the operation makes 64 bits.
constexpr unsigned place_bits = 31;
constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
constexpr std::uint64_t generation_mask = (std::uint64_t{1} << 30) - 1;

void check(int result, const char* what) {
  if (result >= 0) return;
  throw boost::system::system_error(-result, boost::system::system_category(), what);
}

boost::system::error_code error_of(int result) { return {-result, boost::system::system_category()}; }

}  // namespace

void Ring::Exit::operator()(io_uring* ring) const noexcept { io_uring_queue_exit(ring); }

Ring::Ring(boost::asio::io_context& context, const std::size_t& elsewhere)
    : elsewhere_(elsewhere), news_(context, ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  io_uring_params parameters{};
  // Results come when they are asked for, to this thread.
  parameters.flags =
      IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  parameters.cq_entries = completions;
  check(io_uring_queue_init_params(submissions, &memory_, &parameters), "io_uring_setup");
  ring_.reset(&memory_);
  register_buffers();
  check(io_uring_register_ring_fd(ring_.get()), "io_uring_register");
  arena_ = std::make_unique<char[]>(arena_bytes);
  check(io_uring_register_eventfd(ring_.get(), news_.native_handle()), "io_uring_register");
  await_turn();
}

Ring::~Ring() {
  std::vector<std::pair<Step, std::function<void(error_code)>>> last;  // these end after the ring
  for (const auto& [socket, generation] : places_) {
    if (socket == nullptr) continue;
    socket->ring_ = nullptr;
    last.emplace_back(std::move(socket->reader_), std::move(socket->writer_));
    socket->reader_ = {};
  }
  ring_.reset();
}

void Ring::register_buffers() {
  free_buffers_ = std::make_unique<BufferRing>();
  const std::size_t count = free_buffers_->entries.size();
  buffers_ = std::make_unique<char[]>(count * buffer_bytes);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(free_buffers_.get());
  registration.ring_entries = static_cast<std::uint32_t>(count);
  registration.bgid = buffer_group;
  check(io_uring_register_buf_ring(ring_.get(), &registration, 0), "io_uring_register");
  for (unsigned buffer = 0; buffer < count; ++buffer) give_back(buffer);
}

void Ring::give_back(unsigned buffer) {
  auto* free = reinterpret_cast<io_uring_buf_ring*>(free_buffers_.get());
  const auto count = static_cast<std::uint32_t>(free_buffers_->entries.size());
  io_uring_buf_ring_add(free, buffers_.get() + buffer * buffer_bytes, buffer_bytes,
                        static_cast<std::uint16_t>(buffer), io_uring_buf_ring_mask(count), 0);
  io_uring_buf_ring_advance(free, 1);
}

/// An id: the place, and above it the generation.
std::uint64_t Ring::add(RingSocket& socket) {
  if (free_places_.empty()) {
    free_places_.push_back(places_.size());
    places_.emplace_back();
  }
  const std::uint64_t place = free_places_.back();
  free_places_.pop_back();
  places_[place].socket = &socket;
  places_[place].generation = (places_[place].generation + 1) & generation_mask;
  return places_[place].generation << place_bits | place;
}

void Ring::remove(std::uint64_t id) {
  const std::uint64_t place = id & place_mask;
  places_[place].socket = nullptr;
  free_places_.push_back(place);
}

RingSocket* Ring::find(std::uint64_t id) const {
  const Place& place = places_[id & place_mask];
  return place.generation == id >> place_bits ? place.socket : nullptr;
}

io_uring_sqe& Ring::next_entry() {
  io_uring_sqe* entry = nullptr;
  while ((entry = io_uring_get_sqe(ring_.get())) == nullptr) submit();
  return *entry;
}

char* Ring::room(std::size_t size) {
  while (io_uring_sq_space_left(ring_.get()) == 0) submit();  // now, since it gives the room of others back
  if (size > arena_bytes - arena_used_) return nullptr;
  char* const begin = arena_.get() + arena_used_;
  arena_used_ += size;
  return begin;
}

void Ring::submit() {
  // What fails is for lack of memory, which may pass, or of room for results, which getting events makes.
  while (io_uring_sq_ready(ring_.get()) > 0) {
    if (io_uring_submit(ring_.get()) < 0) io_uring_get_events(ring_.get());
  }
  settle();
}

/// Sends are over when they have been handed in. Those that have failed say so; their sockets hear of it
/// before anybody sends more. All other results are for complete().
void Ring::settle() {
  for (io_uring_cqe* entry = nullptr;;) {
    while (io_uring_peek_cqe(ring_.get(), &entry) == 0) {
      const Result result{entry->user_data, entry->res, entry->flags};
      io_uring_cqe_seen(ring_.get(), entry);
      if (result.operation() != Operation::send) {
        results_.push_back(result);
      } else if (RingSocket* const socket = find(result.id())) {
        socket->send_failed(result.value);
      }
    }
    if (!io_uring_cq_has_overflow(ring_.get())) break;
    io_uring_get_events(ring_.get());
  }
  arena_used_ = 0;
  ++batch_;
}

void Ring::turn_soon() noexcept { ::eventfd_write(news_.native_handle(), 1); }

void Ring::await_turn() {
  news_.async_wait(decltype(news_)::wait_read, [this](error_code error) {
    if (error) return;
    eventfd_t count = 0;
    ::eventfd_read(news_.native_handle(), &count);
    turn();
  });
}

/// The thread stays here for a while when there is something to do, and comes back when there is again.
void Ring::turn() {
  turning_ = true;
  used_ = false;
  io_uring_cq_eventfd_toggle(ring_.get(), false);
  const bool stays = elsewhere_ == 0;
  do {
    if (stays && !std::exchange(ends_, true)) {  // a timer for each wait would cost more
      queue(0, Operation::end_of_turn,
            [this](io_uring_sqe& entry) { io_uring_prep_timeout(&entry, &turn_time_, 0, 0); });
    }
    enter(elsewhere_ == 0);
    complete();
  } while (stays && elsewhere_ == 0 && (ends_ || begins_anew()));
  io_uring_cq_eventfd_toggle(ring_.get(), true);
  enter(false);  // what came before that
  turning_ = false;
  if (!results_.empty() || io_uring_sq_ready(ring_.get()) > 0) turn_soon();
  await_turn();
}

/// Runs a handler that is due elsewhere. Without one, a turn that had results begins anew. (There is no
/// second one: nested in a handler, Asio could find that there is no more work.)
bool Ring::begins_anew() {
  auto& context = news_.get_executor().context();
  return std::exchange(used_, false) && context.poll_one() == 0 && !context.stopped();
}

/// Hands in what is queued and takes results, for which it may wait.
void Ring::enter(bool wait) {
  if (wait && results_.empty()) {
    io_uring_submit_and_wait(ring_.get(), 1);
  } else {
    io_uring_submit_and_get_events(ring_.get());
  }
  submit();  // what may be left
}

/// Tells the sockets what has come of their operations. Results that come meanwhile have to wait, as the
/// others of the thread do.
void Ring::complete() {
  const auto count = static_cast<std::ptrdiff_t>(results_.size());
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    const Result result = results_[static_cast<std::size_t>(i)];
    dispatch(result);
    if ((result.flags & IORING_CQE_F_BUFFER) != 0) give_back(result.flags >> IORING_CQE_BUFFER_SHIFT);
  }
  results_.erase(results_.begin(), results_.begin() + count);
}

void Ring::dispatch(const Result& result) {
  if (result.operation() == Operation::end_of_turn) ends_ = false;
  if (result.operation() > Operation::send) return;
  used_ = true;
  RingSocket* const socket = find(result.id());
  if (socket == nullptr) return;
  error_code error;
  if (result.value < 0 && result.value != -ENOBUFS) error = error_of(result.value);
  if (result.operation() == Operation::write) {
    socket->writable(error);
    return;
  }
  protocol::Bytes received;
  if (result.value == 0) {
    error = boost::asio::error::eof;
  } else if ((result.flags & IORING_CQE_F_BUFFER) != 0) {
    received = {buffers_.get() + (result.flags >> IORING_CQE_BUFFER_SHIFT) * buffer_bytes,
                static_cast<std::size_t>(result.value)};
  }
  socket->readable(error, received);
}

}  // namespace pgwarden::net
