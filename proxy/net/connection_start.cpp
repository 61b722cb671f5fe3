// A connection until it relays: the client's first packets, the server that they lead to, what it is told.
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cctype>

#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/net/cancel_request.h"
#include "proxy/net/client_hello.h"
#include "proxy/net/connection.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using session::StartupFlow;
constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

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

}  // namespace

asio::awaitable<void> Connection::start_up() {
  auto start = co_await read_startup_packet();
  if (!start) co_return;
  if (!co_await admitted(start->message.user())) co_return;
  const config::AuthMode auth = listener() == nullptr ? config::AuthMode::passthrough : listener()->auth.mode;
  std::optional<Account> account;
  if (auth != config::AuthMode::passthrough) {
    account = co_await log_in_client(start->message, start->rest);
    if (!account) co_return;
  }
  const std::string database = start->message.database();
  auto target = route(database);
  if (!target) {
    co_await refuse(
        protocol::encode_fatal("3D000", "pgwarden has no route for database \"" + database + "\""));
    co_return;
  }
  target_ = std::move(*target);
  begin_session(start->message, account);
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
  std::string first_bytes;
  if (account) {
    auto bytes = co_await log_in_upstream(upstream_account(*account, *target_.upstream));
    if (!bytes) co_return;
    first_bytes = std::move(*bytes);
  }
  session_->encrypted(client_.encrypted(), upstream_.encrypted());
  relaying_ = true;
  run(pump_frontend(std::move(start->rest)));
  run(pump_backend(std::move(first_bytes)));
}

/// Whether this client may or has to use TLS (PgBouncer's client_tls_sslmode).
session::TlsRule Connection::tls_rule(const TlsContext& tls) const {
  const config::Listener* from = listener();
  if (from == nullptr || tls == nullptr) return session::TlsRule::none;
  return from->tls.mode >= config::SslMode::require ? session::TlsRule::required : session::TlsRule::offered;
}

/// The TLS handshake with the client. False when the connection has come to its end with it.
asio::awaitable<bool> Connection::encrypt_client(TlsContext tls, bool direct) {
  std::string why = "no plausible ClientHello";
  if (co_await client_hello_is_plausible(client_.socket())) why = co_await client_.handshake(accepting(*tls));
  if (why.empty() && direct && !client_.agreed_on_postgresql()) {  // as src/backend/tcop/backend_startup.c
    why = "without an SSLRequest it has to name the protocol \"postgresql\" (ALPN)";
  }
  if (why.empty()) {
    who_.certificates = client_.certificate_names();
    co_return true;
  }
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

asio::awaitable<void> Connection::forward_cancel(protocol::CancelRequest request) {
  disarm();
  Shared& shared = worker_.shared;
  auto target = shared.cancel_keys.find(request.key);
  const bool known = target.has_value();
  // With one upstream the key may belong to a session of another pgwarden in front of the same server.
  if (const auto* from = listener(); !known && from != nullptr && from->databases.empty()) target = route("");
  if (!target) {
    shared.log.write(Level::info, "cancel request for an unknown session", named());
    co_return;
  }
  const CancelSlot slot(known ? shared.cancels.of_known : shared.cancels.of_unknown,
                        known ? worker_.config->limits.max_connections : CancelsUnderWay::of_unknown_max);
  if (!slot.taken()) {
    shared.log.write(Level::warning, "cancel request dropped: too many at once", named());
    co_return;
  }
  no_longer_pending();
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
void Connection::begin_session(protocol::StartupMessage& message, const std::optional<Account>& account) {
  const config::Upstream& upstream = *target_.upstream;
  who_.user = message.user();
  std::string database = upstream.database.empty() ? message.database() : upstream.database;
  if (account) {
    if (!account->user->upstream.database.empty()) database = account->user->upstream.database;
    message.set("user", upstream_account(*account, upstream).user);
    who_.label = account->user->label;
  }
  if (database != message.database()) message.set("database", database);
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

}  // namespace pgwarden::net
