#include "proxy/net/connection.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/net/cancel_request.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using std::chrono::milliseconds;

/// How long a client may take to read its last bytes: closing earlier could reset the connection under them.
constexpr milliseconds linger{2000};
/// Larger texts are parsed on a thread of their own, so that other sessions of this worker go on (D10).
constexpr std::size_t parsed_here_bytes_max = std::size_t{64} * 1024;

/// How much one direction of one session relays before the others of its worker have their turn. A peer that
/// is always ready would else have the thread to itself.
constexpr std::size_t turn_bytes = std::size_t{512} * 1024;

/// How much of its turn a chunk takes: small ones cost as much work.
std::size_t weight(protocol::Bytes chunk) { return std::max(chunk.size(), std::size_t{1024}); }

/// Sends what the peer takes at once of its last words.
void send_now(Stream& stream, std::string bytes) {
  session::Outgoing outgoing;
  outgoing.write(std::move(bytes));
  stream.try_send(outgoing);
}

}  // namespace

Connection::Connection(Worker& worker, Socket client, std::size_t listener, std::uint64_t number)
    : worker_(worker),
      config_(worker.config),
      tls_(worker.tls),
      client_(std::move(client)),
      upstream_(Socket(worker.context)),
      timer_(worker.context),
      wakeup_(worker.context, Timer::time_point::max()),
      listener_(listener),
      number_(number) {
  worker_.connections.insert(this);
}

Connection::~Connection() {
  if (cancel_key_known_) worker_.shared.cancel_keys.remove(session_->cancel_key());
  no_longer_pending();
  if (policy_) audit::record_repeats(worker_.shared.log, audit_context(), repeats_);
  worker_.connections.erase(this);
}

/// A login can wait for a turn of the ring to end. What keeps a message cannot: it counts as due, also while
/// it waits.
void Connection::run(asio::awaitable<void> coroutine) {
  Worker::Due due = relaying_ ? worker_.due() : nullptr;
  asio::co_spawn(worker_.context, std::move(coroutine),
                 [self = shared_from_this(), due = std::move(due)](const std::exception_ptr& fault) {
                   if (fault) self->broken(fault);
                 });
}

Step Connection::handler(void (Connection::*function)(error_code)) { return {shared_from_this(), function}; }

void Step::operator()(error_code error) const {
  try {
    (connection.get()->*function)(error);
  } catch (...) {
    connection->broken(std::current_exception());
  }
}

/// When the other sessions of the worker have had their turn.
void Connection::again(void (Connection::*function)(error_code)) {
  asio::post(worker_.context, [step = handler(function), due = worker_.due()] { step(error_code()); });
}

void Connection::broken(const std::exception_ptr& fault) {
  try {
    std::rethrow_exception(fault);
  } catch (const std::exception& error) {
    worker_.shared.log.write(Level::error, "session ended by an internal error",
                             {{"session", number_}, {"error", error.what()}});
  }
  close();
}

void Connection::start(const Protocol::endpoint& address) {
  error_code ignored;
  client_.socket().non_blocking(true, ignored);
  who_.client = name_of(address);
  who_.address = policy_address(address);
  arm(worker_.config->limits.login_timeout, &Connection::on_login_timeout);
  become_pending();
  run(start_up());
}

void Connection::arm(milliseconds delay, void (Connection::*action)()) {
  timer_.expires_after(delay);
  timer_.async_wait([self = weak_from_this(), action, use = ++timer_use_](error_code error) {
    const auto connection = self.lock();
    if (connection && !error && connection->timer_use_ == use) (connection.get()->*action)();
  });
}

void Connection::disarm() {
  ++timer_use_;
  timer_.cancel();
}

/// The policy in force; a reload may have brought a new one, and put this session's host under protection.
const std::shared_ptr<const policy::Policy>& Connection::current_policy() {
  if (policy_ != worker_.config->policy) {
    policy_ = worker_.config->policy;
    protected_ = policy_->protects(who_.host);
    session_->set_protected(protected_);
  }
  return policy_;
}

audit::Context Connection::audit_context() const {
  return {who_, number_, policy_->version, protected_, worker_.config->log.log_literals};
}

session::Answer Connection::record(policy::Verdict verdict, std::string_view sql) {
  return audit::decide_and_record(worker_.shared.log, audit_context(), std::move(verdict), sql, repeats_);
}

/// Lets the other sessions of the worker go on; gives what has been relayed since: nothing.
asio::awaitable<std::size_t> Connection::end_of_turn() {
  co_await asio::post(worker_.context, asio::use_awaitable);
  co_return 0;
}

/// From now on bytes go in both directions, beginning with those that are here already. What moves them are
/// handlers, not coroutines: an idle session holds no frames, a message makes none.
void Connection::relay(protocol::Bytes from_client, protocol::Bytes from_server) {
  relaying_ = true;
  if (worker_.ring) {
    client_.relay_by(*worker_.ring);
    upstream_.relay_by(*worker_.ring);
  }
  if (from_client.empty() || take_frontend(from_client)) relay_frontend(error_code());
  if (from_server.empty() || take_backend(from_server)) relay_backend(error_code());
}

/// The client's next bytes have come, or its end.
void Connection::relay_frontend(error_code error) {
  std::size_t relayed = 0;
  while (!error && relayed <= turn_bytes) {
    const protocol::Bytes chunk = client_.try_receive(error);
    if (error) break;
    relayed += weight(chunk);
    if (!discarding_ && !take_frontend(chunk)) return;
    if (!client_.has_more()) error = asio::error::would_block;
  }
  if (!error) {
    again(&Connection::relay_frontend);
  } else if (error == asio::error::would_block) {
    client_.async_readable(handler(&Connection::relay_frontend));
  } else {
    end_frontend(error);
  }
}

void Connection::end_frontend(error_code error) {
  frontend_done_ = true;
  if (error != asio::error::eof || backend_done_) {
    close();
    return;
  }
  leave_upstream({});
}

/// What the client sent before it left goes first; the server ends when it has read it, as on a direct
/// connection.
void Connection::leave_upstream(error_code error) {
  if (error) return;
  if (upstream_.busy()) {
    upstream_.async_writable(handler(&Connection::leave_upstream));
  } else {
    upstream_.shutdown_send();
  }
}

/// True when `chunk` is with the server; else frontend_waits() goes on.
bool Connection::take_frontend(protocol::Bytes chunk) {
  ++chunks_from_client_;
  session_->feed_frontend(chunk);
  const Status status = advance_frontend();
  if (!upstream_.try_send(to_upstream_) && status == Status::hungry) return true;
  keep_frontend();
  run(frontend_waits(status));
  return false;
}

/// Makes messages ready for the server as far as nothing has to be waited for.
Connection::Status Connection::advance_frontend() {
  for (;;) {
    const auto& policy = current_policy();
    const Status status = session_->advance_frontend(to_upstream_);
    if (status != Status::judge) return status;
    const session::JudgeRequest request = session_->request();
    if (request.sql.size() > parsed_here_bytes_max) return status;
    if (!answer(record(session::judge(*policy, who_, request, worker_.readings), request.sql))) return status;
  }
}

/// False when it is a denial that has to wait for its turn: then it is held.
bool Connection::answer(session::Answer answer) {
  if (answer.effect == policy::Effect::deny) {
    if (const auto turn = worker_.denial_pace.next_turn(DenialPace::Clock::now())) {
      held_ = std::make_unique<Held>(Held{std::move(answer), *turn});
      return false;
    }
  }
  session_->answer(std::move(answer), to_upstream_);
  return true;
}

/// Lets the buffer go that the client's bytes were read into.
void Connection::keep_frontend() {
  to_upstream_.keep();  // first: it may hold views of what the session keeps
  session_->keep_frontend();
}

/// Waits for what keeps the client's messages: the server, which reads slowly or has to answer first, the
/// verdict on a large text, or a turn among those who are denied.
asio::awaitable<void> Connection::frontend_waits(Status status) {
  for (;;) {
    const error_code error = co_await upstream_.send_all(to_upstream_);
    if (error) {
      upstream_gone();
      break;
    }
    if (status == Status::hungry) break;
    if (status == Status::ended) {
      discarding_ = true;
      upstream_.shutdown_send();
      break;
    }
    if (status == Status::judge) {
      if (!held_) co_await judge_elsewhere();
      if (held_) co_await wait_for_turn();
    } else {
      while (!session_->may_continue() && !ending()) co_await wakeup_.async_wait(use_tuple);
    }
    if (ending()) break;
    status = advance_frontend();
    keep_frontend();
  }
  relay_frontend(error_code());
}

/// Lets the time pass until a denial may be answered (DenialPace).
asio::awaitable<void> Connection::wait_for_turn() {
  wakeup_.expires_at(held_->turn);
  while (DenialPace::Clock::now() < held_->turn && !ending()) co_await wakeup_.async_wait(use_tuple);
  wakeup_.expires_at(Timer::time_point::max());
  session_->answer(std::move(held_->answer), to_upstream_);
  held_.reset();
}

/// Parses a large text on another thread; the client's later bytes wait in its socket.
asio::awaitable<void> Connection::judge_elsewhere() {
  const session::JudgeRequest request = session_->request();
  auto judged = [request, policy = current_policy(),
                 who = who_]() -> asio::awaitable<std::shared_ptr<policy::Verdict>> {
    policy::Readings none;
    co_return std::make_shared<policy::Verdict>(session::judge(*policy, who, request, none));
  };
  const auto verdict = co_await asio::co_spawn(worker_.shared.parsers, judged, asio::use_awaitable);
  answer(record(std::move(*verdict), request.sql));
}

/// The server's last words may still be on their way: relay_backend() reads them and ends the connection.
void Connection::upstream_gone() {
  discarding_ = true;
  to_upstream_.clear();
}

/// The server's next bytes have come, or its end.
void Connection::relay_backend(error_code error) {
  std::size_t relayed = 0;
  while (!error && !session_->backend_ended() && relayed <= turn_bytes) {
    const protocol::Bytes chunk = upstream_.try_receive(error);
    if (error) break;
    relayed += weight(chunk);
    ++chunks_from_server_;
    if (!take_backend(chunk)) return;
    if (!upstream_.has_more()) error = asio::error::would_block;
  }
  if (session_->backend_ended() || (error && error != asio::error::would_block)) {
    run(end_backend());
  } else if (error) {
    upstream_.async_readable(handler(&Connection::relay_backend));
  } else {
    again(&Connection::relay_backend);
  }
}

/// True when `chunk` is with the client; else backend_waits() goes on, or the connection has come to its end.
bool Connection::take_backend(protocol::Bytes chunk) {
  session_->feed_backend(chunk, to_client_);
  return send_to_client();
}

bool Connection::send_to_client() {
  const error_code error = client_.try_send(to_client_);
  if (!error) {
    after_backend_bytes();
    return true;
  }
  if (error == asio::error::would_block) {
    to_client_.keep();
    client_.async_writable(handler(&Connection::backend_waits));
  } else {  // nobody is there to read: the server's work ends with its connection
    close();
  }
  return false;
}

/// The client takes bytes again.
void Connection::backend_waits(error_code error) {
  if (error) {
    close();
  } else if (send_to_client()) {
    relay_backend(error_code());
  }
}

/// The server has nothing more to say: the client gets what is left, and the time to read it.
asio::awaitable<void> Connection::end_backend() {
  session_->finish_backend(to_client_);
  co_await client_.send_all(to_client_);
  backend_done_ = discarding_ = true;
  wakeup_.cancel();
  upstream_.close();
  client_.shutdown_send();
  if (frontend_done_) {
    close();
  } else {
    arm(linger, &Connection::close);
  }
}

/// What the bytes just relayed have changed for this connection.
void Connection::after_backend_bytes() {
  if (!login_done_ && session_->logged_in()) login_finished();
  if (session_->take_login_failure()) login_failed();
  if (const auto& name = session_->application_name(); name && *name != who_.application_name) {
    who_.application_name = *name;
  }
  if (session_->may_continue()) wakeup_.cancel();
  if (worker_.draining && session_->idle()) terminate();
}

void Connection::drain() {
  if (!relaying_ || session_->idle()) terminate();
}

void Connection::terminate() { end_session("57P01", "terminating connection due to administrator command"); }

void Connection::end_session(std::string_view sqlstate, std::string_view message, std::string_view hint) {
  if (!relaying_ || backend_done_) {
    close();
    return;
  }
  const bool idle = session_->idle() || session_->idle_in_transaction();
  // As when an administrator ends a session: what it is doing ends, too.
  if (!idle && cancel_key_known_) run(send_cancel(worker_.context, target_, session_->cancel_key()));
  session_->fail(sqlstate, message, hint);
  discarding_ = true;
  if (idle) send_now(upstream_, protocol::encode_terminate());
  upstream_.close();
  arm(linger, &Connection::close);
}

void Connection::on_login_timeout() {
  worker_.shared.log.write(Level::warning, "login timed out", named());
  const std::string_view words = "canceling authentication due to timeout";
  if (relaying_ && !backend_done_) {
    session_->fail("57014", words);
    discarding_ = true;
    upstream_.close();
    arm(linger, &Connection::close);
    return;
  }
  send_now(client_, protocol::encode_fatal("57014", words));
  close();
}

/// Sends `fatal` and leaves the client time to read it.
asio::awaitable<void> Connection::refuse(std::string fatal) {
  co_await client_.send(std::move(fatal));
  client_.shutdown_send();
  upstream_.close();
  arm(linger, &Connection::close);
  error_code error;
  std::size_t discarded = 0;
  while (!error) {
    discarded += weight(client_.try_receive(error));
    if (error == asio::error::would_block) error = co_await client_.readable();
    if (discarded > turn_bytes) discarded = co_await end_of_turn();
  }
  close();
}

bool Connection::ending() const { return backend_done_ || !client_.is_open(); }

void Connection::close() {
  disarm();
  wakeup_.cancel();
  upstream_.close();
  client_.close();
}

}  // namespace pgwarden::net
