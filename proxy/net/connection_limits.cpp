// A connection and the bounds set to it: whether it may begin, how long it may keep others waiting.
#include "protocol/messages.h"
#include "proxy/net/connection.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using std::chrono::milliseconds;
using Clock = Unchanged::Clock;

std::string fatal(const Rejection& rejection) {
  return protocol::encode_fatal(rejection.sqlstate, rejection.message, rejection.hint);
}

bool is_over(milliseconds time_max, Clock::duration time) { return time_max.count() > 0 && time >= time_max; }

}  // namespace

/// Until it has said what it wants, a connection is cheap to come by for anybody. There are no more of them
/// than there may be sessions; of more, the one that has been silent longest gives way.
void Connection::become_pending() {
  auto& pending = worker_.pending;
  pending_ = pending.insert(pending.end(), this);
  if (pending.size() <= worker_.config->limits.max_connections / worker_.shared.worker_count + 1) return;
  Connection& oldest = *pending.front();
  oldest.no_longer_pending();
  worker_.shared.log.write(Level::warning, "connection closed for a newer one", oldest.named());
  oldest.close();
}

void Connection::no_longer_pending() {
  if (pending_) worker_.pending.erase(*pending_);
  pending_.reset();
}

/// Whether there is room for the session that `user` asks for.
asio::awaitable<bool> Connection::admitted(const std::string& user) {
  Shared& shared = worker_.shared;
  std::optional<Rejection> rejection;
  if (shared.login_failures.blocked(who_.address)) {
    rejection = Rejection{"28000", "too many failed logins from this address", "Try again in a minute."};
  } else {
    rejection = shared.admission.enter(place_, worker_.config->limits, who_.address);
  }
  if (!rejection) no_longer_pending();
  co_return co_await not_rejected(rejection, user);
}

/// Whether there is room for another session of `user`. Says who has some, so that a client that logs in to
/// pgwarden is told only after that.
asio::awaitable<bool> Connection::user_admitted(const std::string& user) {
  return not_rejected(worker_.shared.admission.full_for(worker_.config->limits, user), user);
}

asio::awaitable<bool> Connection::not_rejected(std::optional<Rejection> rejection, std::string user) {
  if (!rejection) co_return true;
  log_rejection(*rejection, user);
  co_await refuse(fatal(*rejection));
  co_return false;
}

void Connection::log_rejection(const Rejection& rejection, const std::string& user) const {
  auto fields = named();
  fields["user"] = user;
  fields["reason"] = rejection.message;
  worker_.shared.log.write(Level::warning, "session refused", fields);
}

void Connection::login_failed() {
  const std::uint32_t failures_max = worker_.config->limits.max_failed_logins;
  if (!worker_.shared.login_failures.failed(who_.address, failures_max)) return;
  auto fields = named();
  fields["user"] = who_.user;
  fields["failures"] = failures_max;
  worker_.shared.log.write(Level::warning, "too many failed logins: address blocked for a minute", fields);
}

/// The user may have become one too many while logging in.
void Connection::login_finished() {
  login_done_ = true;
  disarm();
  const std::string& key = session_->cancel_key();
  cancel_key_known_ = !key.empty() && worker_.shared.cancel_keys.add(key, target_);
  const auto rejection = worker_.shared.admission.logged_in(place_, worker_.config->limits, who_.user);
  if (!rejection) return;
  log_rejection(*rejection, who_.user);
  end_session(rejection->sqlstate, rejection->message, rejection->hint);
}

void Connection::look(Clock::time_point now) {
  if (repeats_.due(now)) audit::record_repeats(worker_.shared.log, audit_context(), repeats_);
  if (!login_done_ || backend_done_) return;
  const config::Limits& limits = worker_.config->limits;
  const std::size_t unread = to_client_.size() + client_.unsent_bytes();
  if (is_over(limits.write_timeout, unread_.time({chunks_from_server_, unread}, now)) && unread > 0) {
    give_up("08006", "terminating connection because the client does not read");
    return;
  }
  if (discarding_) return;
  // Who has not read all of the last result is not idle yet: what waits here would be lost.
  const bool idle = unread == 0 && session_->idle();
  const bool in_transaction = unread == 0 && session_->idle_in_transaction();
  const std::uint64_t state = idle ? 1 : in_transaction ? 2 : 0;
  const Clock::duration quiet = quiet_.time({chunks_from_client_, state}, now);
  if (idle && is_over(limits.idle_timeout, quiet)) {
    give_up("57P05", "terminating connection due to idle-session timeout");
  } else if (in_transaction && is_over(limits.idle_in_transaction_timeout, quiet)) {
    give_up("25P03", "terminating connection due to idle-in-transaction timeout");
  }
}

void Connection::give_up(std::string_view sqlstate, std::string_view message) {
  auto fields = named();
  fields["user"] = who_.user;
  fields["database"] = who_.database;
  fields["reason"] = message;
  worker_.shared.log.write(Level::info, "session ended", fields);
  end_session(sqlstate, message);
}

}  // namespace pgwarden::net
