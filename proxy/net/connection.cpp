#include "proxy/net/connection.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/net/cancel_request.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using std::chrono::milliseconds;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

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
      wakeup_(worker.context, asio::steady_timer::time_point::max()),
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

void Connection::run(asio::awaitable<void> coroutine) {
  asio::co_spawn(worker_.context, std::move(coroutine),
                 [self = shared_from_this()](const std::exception_ptr& fault) {
                   if (!fault) return;
                   try {
                     std::rethrow_exception(fault);
                   } catch (const std::exception& error) {
                     self->worker_.shared.log.write(Level::error, "session ended by an internal error",
                                                    {{"session", self->number_}, {"error", error.what()}});
                   }
                   self->close();
                 });
}

void Connection::start() {
  prepare(client_.socket());
  const auto address = peer_address(client_.socket());
  if (!address) {  // nobody can say any more what rules hold for it
    close();
    return;
  }
  who_.client = peer_name(client_.socket());
  who_.address = *address;
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

asio::awaitable<void> Connection::pump_frontend(std::string first_bytes) {
  if (!first_bytes.empty()) co_await take_frontend(first_bytes);
  error_code error;
  std::size_t relayed = 0;
  for (;;) {
    if (!client_.has_more()) {
      error = co_await client_.readable();
      relayed = 0;
      if (error) break;
    }
    const protocol::Bytes chunk = client_.try_receive(error);
    if (error == asio::error::would_block) continue;
    if (error) break;
    relayed += weight(chunk);
    if (!discarding_) co_await take_frontend(chunk);
    if (relayed > turn_bytes) relayed = co_await end_of_turn();
  }
  frontend_done_ = true;
  if (error != asio::error::eof || backend_done_) {
    close();
    co_return;
  }
  // What the client sent before it left is on its way; the server ends when it has read it, as on a direct
  // connection.
  upstream_.shutdown_send();
}

asio::awaitable<void> Connection::take_frontend(protocol::Bytes chunk) {
  ++chunks_from_client_;
  session_->feed_frontend(chunk);
  for (;;) {
    const auto& policy = current_policy();
    const Status status = session_->advance_frontend(to_upstream_);
    if (status == Status::judge) {
      const session::JudgeRequest request = session_->request();
      if (request.sql.size() <= parsed_here_bytes_max) {
        auto verdict = session::judge(*policy, who_, request);
        session_->answer(record(std::move(verdict), request.sql), to_upstream_);
        continue;
      }
    }
    error_code error = upstream_.try_send(to_upstream_);
    if (error == asio::error::would_block) {
      to_upstream_.keep();  // first: it may hold views of what the session keeps
      session_->keep_frontend();
      error = co_await upstream_.send_all(to_upstream_);
    }
    if (error) {
      upstream_gone();
      co_return;
    }
    if (status == Status::hungry) co_return;
    if (status == Status::ended) {
      discarding_ = true;
      upstream_.shutdown_send();
      co_return;
    }
    session_->keep_frontend();
    if (status == Status::judge) {
      co_await answer_later();
    } else {
      while (!session_->may_continue() && !ending()) co_await wakeup_.async_wait(use_tuple);
    }
    if (ending()) co_return;
  }
}

/// Parses a large text on another thread; the client's later bytes wait in its socket.
asio::awaitable<void> Connection::answer_later() {
  const session::JudgeRequest request = session_->request();
  auto judged = [request, policy = current_policy(),
                 who = who_]() -> asio::awaitable<std::shared_ptr<policy::Verdict>> {
    co_return std::make_shared<policy::Verdict>(session::judge(*policy, who, request));
  };
  const auto verdict = co_await asio::co_spawn(worker_.shared.parsers, judged, asio::use_awaitable);
  session_->answer(record(std::move(*verdict), request.sql), to_upstream_);
}

/// The server's last words may still be on their way: the backend pump reads them and ends the connection.
void Connection::upstream_gone() {
  discarding_ = true;
  to_upstream_.clear();
}

asio::awaitable<void> Connection::pump_backend(std::string first_bytes) {
  if (!first_bytes.empty() && !co_await take_backend(first_bytes)) co_return;
  error_code error;
  std::size_t relayed = 0;
  while (!session_->backend_ended()) {
    if (relayed > turn_bytes) relayed = co_await end_of_turn();
    if (!upstream_.has_more()) {
      error = co_await upstream_.readable();
      relayed = 0;
      if (error) break;
    }
    const protocol::Bytes chunk = upstream_.try_receive(error);
    if (error == asio::error::would_block) continue;
    if (error) break;
    relayed += weight(chunk);
    ++chunks_from_server_;
    if (!co_await take_backend(chunk)) co_return;
  }
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

/// False when the connection has come to its end.
asio::awaitable<bool> Connection::take_backend(protocol::Bytes chunk) {
  session_->feed_backend(chunk, to_client_);
  error_code error = client_.try_send(to_client_);
  if (error == asio::error::would_block) {
    to_client_.keep();
    error = co_await client_.send_all(to_client_);
  }
  if (error) {  // nobody is there to read: the server's work ends with its connection
    close();
    co_return false;
  }
  after_backend_bytes();
  co_return true;
}

/// What the bytes just relayed have changed for this connection.
void Connection::after_backend_bytes() {
  if (!login_done_ && session_->logged_in()) login_finished();
  if (session_->take_login_failure()) login_failed();
  if (const auto& name = session_->application_name(); name && *name != who_.application_name) {
    who_.application_name = *name;
  }
  if (session_->may_continue()) wakeup_.cancel();
  if (draining_ && session_->idle()) terminate();
}

void Connection::drain() {
  draining_ = true;
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
  if (!idle && cancel_key_known_) run(send_cancel(target_, session_->cancel_key()));
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
