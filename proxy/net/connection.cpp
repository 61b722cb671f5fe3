#include "proxy/net/connection.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>
#include <chrono>

#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/audit/decision.h"
#include "proxy/net/cancel_request.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using session::StartupFlow;
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

std::string new_denial_token() {
  std::array<unsigned char, 16> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    throw std::runtime_error("no random numbers to be had");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token = "pgwarden_denied_";
  for (const unsigned char byte : random) {
    token += digits[byte >> 4];
    token += digits[byte & 15];
  }
  return token;
}

/// Whether the value of the startup parameter `replication` asks for it (src/backend/tcop/backend_startup.c).
bool asks_for_replication(std::string_view value) {
  std::string word(value);
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto abbreviates = [&word](std::string_view no) { return no.starts_with(word); };
  return !(word.empty() || word == "0" || word == "of" || word == "off" || abbreviates("false") ||
           abbreviates("no"));
}

/// Whether a startup parameter may move the temporary schema from its first place. What a value spells is the
/// server's to say.
bool may_set_search_path(const protocol::StartupMessage& message) {
  return !message.parameter("options").empty() || !message.parameter("search_path").empty();
}

std::string name_of(const Target& target) {
  const config::Endpoint& endpoint = target.upstream->endpoint;
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

/// Sends what the peer takes at once of its last words.
void send_now(Stream& stream, std::string bytes) {
  session::Outgoing outgoing;
  outgoing.write(std::move(bytes));
  stream.try_send(outgoing);
}

}  // namespace

Connection::Connection(Worker& worker, Socket client, std::size_t listener, std::uint64_t number)
    : worker_(worker),
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

asio::awaitable<void> Connection::start_up() {
  auto start = co_await read_startup_packet();
  if (!start) co_return;
  const std::string database = start->message.database();
  auto target = route(database);
  if (!target) {
    co_await refuse(
        protocol::encode_fatal("3D000", "pgwarden has no route for database \"" + database + "\""));
    co_return;
  }
  target_ = std::move(*target);
  begin_session(start->message);
  if (asks_for_replication(start->message.parameter("replication"))) {
    auto verdict = policy::decide_replication(*current_policy(), who_);
    const session::Answer answer = record(std::move(verdict), "(replication connection)");
    if (answer.effect == policy::Effect::deny) {
      const policy::Explanation& words = answer.refusal->explanation;
      co_await refuse(protocol::encode_fatal(answer.refusal->sqlstate, words.message, words.hint));
      co_return;
    }
  }
  if (!co_await open_upstream(start->message.encode())) co_return;
  session_->encrypted(client_.encrypted(), upstream_.encrypted());
  relaying_ = true;
  run(pump_frontend(std::move(start->rest)));
  run(pump_backend());
}

/// Whether this client may or has to use TLS (PgBouncer's client_tls_sslmode).
session::TlsRule Connection::tls_rule(const TlsContext& tls) const {
  const config::Listener* from = listener();
  if (from == nullptr || tls == nullptr) return session::TlsRule::none;
  return from->tls.mode >= config::SslMode::require ? session::TlsRule::required : session::TlsRule::offered;
}

/// The TLS handshake with the client. False when the connection has come to its end with it.
asio::awaitable<bool> Connection::encrypt_client(TlsContext tls, bool direct) {
  std::string why = co_await client_.handshake(accepting(*tls));
  if (why.empty() && direct && !client_.agreed_on_postgresql()) {  // as src/backend/tcop/backend_startup.c
    why = "without an SSLRequest it has to name the protocol \"postgresql\" (ALPN)";
  }
  if (why.empty()) co_return true;
  auto fields = named();
  fields["reason"] = "TLS: " + why;
  worker_.shared.log.write(Level::warning, "connection refused", fields);
  close();
  co_return false;
}

/// The client's StartupMessage; nullopt when the connection has come to its end without one.
asio::awaitable<std::optional<StartupFlow::Start>> Connection::read_startup_packet() {
  // As it is now: a reload may bring another.
  const TlsContext tls = listener() == nullptr ? nullptr : worker_.tls->listener(listener_);
  StartupFlow flow(proxy_header_due(), tls_rule(tls));
  error_code error;
  for (;;) {
    const protocol::Bytes next = co_await client_.peek(error);
    if (error) break;
    const std::size_t taken = flow.takes(next);
    if (taken == 0) {
      if (!co_await encrypt_client(tls, true)) co_return std::nullopt;
      flow.encrypted();
      continue;
    }
    auto step = flow.feed(client_.try_receive(error, taken));
    if (const auto& source = flow.source(); source && who_.via.empty()) {
      who_.via = std::exchange(who_.client, net::name_of(*source));
      who_.address = {source->address, false};
    }
    if (auto* reply = std::get_if<StartupFlow::Reply>(&step)) {
      if (co_await client_.send(std::string(1, reply->byte))) break;
    } else if (std::holds_alternative<StartupFlow::StartTls>(step)) {
      if (co_await client_.send("S")) break;
      if (!co_await encrypt_client(tls, false)) co_return std::nullopt;
      flow.encrypted();
    } else if (auto* start = std::get_if<StartupFlow::Start>(&step)) {
      co_return std::move(*start);
    } else if (auto* cancel = std::get_if<StartupFlow::Cancel>(&step)) {
      co_await forward_cancel(std::move(cancel->request));
      client_.shutdown_send();
      break;
    } else if (auto* refused = std::get_if<StartupFlow::Refuse>(&step)) {
      auto fields = named();
      fields["reason"] = refused->why;
      worker_.shared.log.write(Level::warning, "connection refused", fields);
      co_await refuse(std::move(refused->fatal));
      co_return std::nullopt;
    }
  }
  close();
  co_return std::nullopt;
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

/// As configured now; nullptr when there is none any more.
const config::Listener* Connection::listener() const {
  const auto& all = worker_.config->listeners;
  return listener_ < all.size() ? &all[listener_] : nullptr;
}

std::optional<Target> Connection::route(const std::string& database) const {
  const config::Listener* from = listener();
  const config::Upstream* found = from == nullptr ? nullptr : from->route(database);
  if (found == nullptr) return std::nullopt;
  // It shares the ownership of its configuration, which a reload would else end.
  return Target{std::shared_ptr<const config::Upstream>(worker_.config, found),
                worker_.tls->upstream(*found)};
}

/// Whether the peer is a proxy, which says first whose connection this is.
bool Connection::proxy_header_due() const {
  const config::Listener* from = listener();
  return from != nullptr && from->is_proxy(who_.address);
}

/// The session in a record of the log.
boost::json::object Connection::named() const {
  boost::json::object fields{{"session", number_}, {"client", who_.client}};
  if (!who_.via.empty()) fields["via"] = who_.via;
  return fields;
}

std::optional<Target> Connection::cancel_target(const std::string& key) const {
  if (auto known = worker_.shared.cancel_keys.find(key)) return known;
  // With one upstream the key may belong to a session of another pgwarden in front of the same server.
  const config::Listener* from = listener();
  return from != nullptr && from->databases.empty() ? route("") : std::nullopt;
}

asio::awaitable<void> Connection::forward_cancel(protocol::CancelRequest request) {
  disarm();
  const auto target = cancel_target(request.key);
  if (!target) {
    worker_.shared.log.write(Level::info, "cancel request for an unknown session", named());
    co_return;
  }
  co_await send_cancel(*target, request.key);
}

/// Connects and sends the StartupMessage. Where sslmode has a second way, a server that refuses the first is
/// asked by that (docs, "SSL Mode Descriptions"); when that fails, too, the first answer counts.
asio::awaitable<bool> Connection::open_upstream(const std::string& startup_message) {
  const auto time_max = worker_.config->limits.upstream_connect_timeout;
  std::string why = co_await connect_upstream(upstream_, target_, first_way(target_), time_max);
  const auto second = second_way(target_, upstream_);
  bool refused = !why.empty() && why != timeout_expired;
  if (client_.is_open() && why.empty()) {
    if (const error_code error = co_await upstream_.send(startup_message)) why = error.message();
    refused = !why.empty() || (second && co_await refuses());
  }
  if (client_.is_open() && refused && second) {
    Stream first = std::exchange(upstream_, Stream(Socket(worker_.context)));
    const std::string why_again = co_await connect_upstream(upstream_, target_, *second, time_max);
    if (client_.is_open() && why_again.empty()) {
      const error_code error = co_await upstream_.send(startup_message);
      why = error ? error.message() : "";
    } else {
      upstream_ = std::move(first);
    }
  }
  if (!client_.is_open()) co_return false;
  if (why.empty()) {
    target_.settled = upstream_.encrypted() ? Encrypt::yes : Encrypt::no;
    co_return true;
  }
  auto fields = named();
  fields["upstream"] = name_of(target_);
  fields["error"] = why;
  worker_.shared.log.write(Level::error, "cannot connect to upstream", fields);
  co_await refuse(protocol::encode_fatal(
      "08006", "pgwarden could not connect to upstream \"" + name_of(target_) + "\": " + why));
  co_return false;
}

/// Whether the server answers the StartupMessage with an error. Closes the connection when the client leaves
/// before that.
asio::awaitable<bool> Connection::refuses() {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    error_code error;
    const protocol::Bytes answer = upstream_.try_peek(error);
    if (error != asio::error::would_block) co_return answer.starts_with(protocol::backend::error_response);
    const auto first = co_await (upstream_.readable() || client_leaves());
    if (first.index() == 1) close();
    if (!client_.is_open()) co_return false;
  }
}

/// Waits for the client's end; in vain when it has sent something, which comes before its end.
asio::awaitable<void> Connection::client_leaves() {
  error_code error;
  co_await client_.peek(error);
  if (!error) co_await wakeup_.async_wait(use_tuple);
}

/// Who is asking, and what the server is told of it.
void Connection::begin_session(protocol::StartupMessage& message) {
  const config::Upstream& upstream = *target_.upstream;
  if (!upstream.database.empty()) message.set("database", upstream.database);
  who_.user = message.user();
  who_.database = message.database();
  who_.application_name = message.parameter("application_name");
  who_.host = upstream.endpoint.host;
  const policy::Policy& policy = *worker_.config->policy;
  const bool read_only = policy.server_read_only && policy.protects(who_.host);
  session_.emplace(session::SessionSettings{.denial_token = new_denial_token(),
                                            .max_statement_bytes = worker_.config->limits.max_statement_bytes,
                                            .temporary_first = !may_set_search_path(message),
                                            .read_only = read_only});
  if (read_only) message.set("default_transaction_read_only", "on");
  current_policy();
  auto fields = named();
  fields["user"] = who_.user;
  fields["database"] = who_.database;
  fields["upstream"] = name_of(target_);
  worker_.shared.log.write(Level::debug, "session begins", fields);
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

session::Answer Connection::record(policy::Verdict verdict, std::string_view sql) {
  const audit::Context context{who_, number_, policy_->version, protected_, worker_.config->log.log_literals};
  return audit::decide_and_record(worker_.shared.log, context, std::move(verdict), sql);
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
    const protocol::Bytes chunk = client_.try_receive(error);
    if (error == asio::error::would_block) {
      error = co_await client_.readable();
      relayed = 0;
      if (error) break;
      continue;
    }
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

asio::awaitable<void> Connection::pump_backend() {
  error_code error;
  std::size_t relayed = 0;
  while (!session_->backend_ended()) {
    if (relayed > turn_bytes) relayed = co_await end_of_turn();
    const protocol::Bytes chunk = upstream_.try_receive(error);
    if (error == asio::error::would_block) {
      error = co_await upstream_.readable();
      relayed = 0;
      if (error) break;
      continue;
    }
    if (error) break;
    relayed += weight(chunk);
    session_->feed_backend(chunk, to_client_);
    error = client_.try_send(to_client_);
    if (error == asio::error::would_block) {
      to_client_.keep();
      error = co_await client_.send_all(to_client_);
    }
    if (error) {  // nobody is there to read: the server's work ends with its connection
      close();
      co_return;
    }
    after_backend_bytes();
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

/// What the bytes just relayed have changed for this connection.
void Connection::after_backend_bytes() {
  if (!login_done_ && session_->logged_in()) {
    login_done_ = true;
    disarm();
    const std::string& key = session_->cancel_key();
    cancel_key_known_ = !key.empty() && worker_.shared.cancel_keys.add(key, target_);
  }
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

void Connection::terminate() {
  if (!relaying_ || backend_done_) {
    close();
    return;
  }
  const bool idle = session_->idle();
  // As when an administrator ends a session: what it is doing ends, too.
  if (!idle && cancel_key_known_) run(send_cancel(target_, session_->cancel_key()));
  session_->fail("57P01", "terminating connection due to administrator command");
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

bool Connection::ending() const { return backend_done_ || !client_.is_open(); }

void Connection::close() {
  disarm();
  wakeup_.cancel();
  upstream_.close();
  client_.close();
}

}  // namespace pgwarden::net
