// A connection until it relays: the client's first packets, the server that they lead to, what it is told.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <cctype>

#include "protocol/messages.h"
#include "protocol/scram_keys.h"
#include "protocol/tags.h"
#include "proxy/net/cancel_request.h"
#include "proxy/net/client_hello.h"
#include "proxy/net/connection.h"
#include "proxy/net/upstream_search.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using session::StartupFlow;

std::string new_denial_token() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string token = "pgwarden_denied_";
  for (const char random : protocol::random_bytes(16)) {
    const auto byte = static_cast<unsigned char>(random);
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

/// The first of these messages, as far as it is there.
protocol::Bytes first_message(protocol::Bytes bytes) {
  if (bytes.size() < 5) return bytes;
  return bytes.substr(0, std::size_t{1} + protocol::read_u32(bytes.data() + 1));
}

/// The fields of the error with which a server answers a StartupMessage, also behind a
/// NegotiateProtocolVersion; nullopt when it answers otherwise. It sends both in one piece.
std::optional<protocol::ErrorFields> error_in(protocol::Bytes answer) {
  if (answer.starts_with(protocol::backend::negotiate_protocol_version)) {
    answer.remove_prefix(first_message(answer).size());
  }
  if (!answer.starts_with(protocol::backend::error_response)) return std::nullopt;
  const protocol::Bytes message = first_message(answer);
  return protocol::decode_error_fields(message.substr(std::min<std::size_t>(5, message.size())));
}

}  // namespace

asio::awaitable<void> Connection::start_up() {
  auto start = co_await read_startup_packet();
  if (!start) co_return;
  const std::string user = start->message.user();
  const bool logs_in_here = listener().auth.mode != config::AuthMode::passthrough;
  if (!logs_in_here && !co_await user_admitted(user)) co_return;
  if (!co_await admitted(user)) co_return;
  std::optional<Account> account;
  if (logs_in_here) {
    account = co_await log_in_client(start->message, start->rest);
    if (!account || !co_await user_admitted(user)) co_return;
  }
  const std::string database = start->message.database();
  auto target = route(database);
  if (!target) {
    co_await refuse(
        protocol::encode_fatal("3D000", "pgwarden has no route for database \"" + database + "\""));
    co_return;
  }
  target_ = std::move(*target);
  auto first_bytes = co_await open_upstream(start->message, account);
  if (!first_bytes) co_return;
  session_->encrypted(client_.encrypted(), upstream_.encrypted());
  relay(start->rest, *first_bytes);
}

/// Whether this client may or has to use TLS (PgBouncer's client_tls_sslmode).
session::TlsRule Connection::tls_rule(const TlsContext& tls) const {
  if (tls == nullptr) return session::TlsRule::none;
  return listener().tls.mode >= config::SslMode::require ? session::TlsRule::required
                                                         : session::TlsRule::offered;
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
  const TlsContext tls = tls_->listener(listener_);
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

const config::Listener& Connection::listener() const { return config_->listeners[listener_]; }

std::optional<Target> Connection::route(const std::string& database) const {
  const config::Upstream* found = listener().route(database);
  if (found == nullptr) return std::nullopt;
  // It shares the ownership of its configuration, which cancel requests may need after the session.
  return Target{std::shared_ptr<const config::Upstream>(config_, found), tls_->upstream(*found)};
}

/// Whether the peer is a proxy, which says first whose connection this is.
bool Connection::proxy_header_due() const { return listener().is_proxy(who_.address); }

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
  if (!known && listener().databases.empty()) target = route("");
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
  co_await send_cancel(worker_.context, *target, request.key);
}

/// Connects to the first of the upstream's hosts that has a server for sessions, and sends the
/// StartupMessage.
asio::awaitable<std::optional<std::string>> Connection::open_upstream(const protocol::StartupMessage& message,
                                                                      const std::optional<Account>& account) {
  const Target upstream = target_;
  std::string failures;
  for (const protocol::TargetSession wanted : protocol::passes(upstream.upstream->target_session)) {
    UpstreamSearch search(upstream, worker_.config->limits.upstream_connect_timeout);
    while (search.next_host()) {
      target_ = search.target();
      protocol::StartupMessage for_host = message;
      if (!co_await begin_session(for_host, account)) co_return std::nullopt;
      while (client_.is_open() && co_await search.next_address()) {
        target_ = search.target();
        if (!co_await open_address(for_host.encode(), search)) continue;
        if (!account) co_return "";
        auto bytes = co_await log_in_upstream(upstream_account(*account, *target_.upstream));
        if (!bytes || !search.several_hosts()) co_return bytes;
        const std::string why = co_await mismatch(wanted, *bytes);
        if (why.empty() && client_.is_open()) co_return bytes;
        search.failed(why, UpstreamSearch::Next::host);
      }
      if (!client_.is_open()) co_return std::nullopt;
    }
    failures = search.failures();
  }
  auto fields = named();
  fields["upstream"] = name_of(target_);
  fields["error"] = failures;
  worker_.shared.log.write(Level::error, "cannot connect to upstream", fields);
  co_await refuse(protocol::encode_fatal("08006", "pgwarden could not connect to upstream " + failures));
  co_return std::nullopt;
}

/// Where sslmode has a second way, a server that refuses the first is asked by that (docs, "SSL Mode
/// Descriptions"); when that fails, too, the first answer counts. A server that takes no sessions now is left
/// for another host.
asio::awaitable<bool> Connection::open_address(std::string startup_packet, UpstreamSearch& search) {
  using Next = UpstreamSearch::Next;
  FirstAnswer answer = co_await ask(startup_packet, first_way(target_), search);
  const auto second = second_way(target_, upstream_);
  if (client_.is_open() && second &&
      (answer.kind == FirstAnswer::Kind::failed || answer.kind == FirstAnswer::Kind::error)) {
    Stream first = std::move(upstream_);
    FirstAnswer again = co_await ask(startup_packet, *second, search);
    if (again.kind == FirstAnswer::Kind::unreachable || again.kind == FirstAnswer::Kind::failed) {
      upstream_ = std::move(first);
    } else {
      answer = std::move(again);
    }
  }
  if (!client_.is_open()) co_return false;
  switch (answer.kind) {
    case FirstAnswer::Kind::unreachable:
      search.failed(answer.why, Next::address);
      co_return false;
    case FirstAnswer::Kind::failed:
      search.failed(answer.why, Next::nothing);
      co_return false;
    case FirstAnswer::Kind::not_now:
      if (!search.several_hosts()) break;
      search.failed(answer.why, Next::host);
      co_return false;
    default:
      break;
  }
  target_.settled = upstream_.encrypted() ? Encrypt::yes : Encrypt::no;
  co_return true;
}

/// Connects, sends the StartupMessage, and looks at the first answer if something could follow from it. It
/// stays there to be relayed.
asio::awaitable<Connection::FirstAnswer> Connection::ask(std::string startup_packet, Encrypt encrypt,
                                                         const UpstreamSearch& search) {
  using Kind = FirstAnswer::Kind;
  using namespace asio::experimental::awaitable_operators;
  upstream_ = Stream(Socket(worker_.context));
  const auto deadline = search.deadline();
  const Connecting connecting = co_await connect_upstream(upstream_, target_, encrypt, deadline);
  if (connecting.result == Connecting::Result::unreachable)
    co_return FirstAnswer{Kind::unreachable, connecting.why};
  if (connecting.result == Connecting::Result::failed) co_return FirstAnswer{Kind::failed, connecting.why};
  if (const error_code error = co_await upstream_.send(std::move(startup_packet))) {
    co_return FirstAnswer{Kind::failed, error.message()};
  }
  const bool has_choice = second_way(target_, upstream_) || search.several_hosts() || !search.is_last();
  asio::steady_timer timer(worker_.context);
  timer.expires_at(search.is_last() ? asio::steady_timer::time_point::max() : deadline);
  while (has_choice) {
    error_code error;
    const protocol::Bytes bytes = upstream_.try_peek(error);
    if (error != asio::error::would_block) {
      const auto fields = error_in(bytes);
      if (!fields) co_return FirstAnswer{};
      const bool not_now = protocol::error_field(*fields, 'C') == "57P03";
      co_return FirstAnswer{not_now ? Kind::not_now : Kind::error,
                            std::string(protocol::error_field(*fields, 'M'))};
    }
    const auto first = co_await (upstream_.readable() || client_leaves() || timer.async_wait(use_tuple));
    if (first.index() == 1) close();
    if (first.index() == 2) co_return FirstAnswer{Kind::unreachable, std::string(timeout_expired)};
    if (!client_.is_open()) break;
  }
  co_return FirstAnswer{};
}

/// Waits for the client's end; in vain when it has sent something, which comes before its end.
asio::awaitable<void> Connection::client_leaves() {
  error_code error;
  co_await client_.peek(error);
  if (!error) co_await wakeup_.async_wait(use_tuple);
}

/// Who is asking, and what the server is told of it, as is right for the host that is tried next. False when
/// it may not be asked at all: then the client has been told.
asio::awaitable<bool> Connection::begin_session(protocol::StartupMessage& message,
                                                const std::optional<Account>& account) {
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
  who_.host = target_.host->endpoint.host;
  const policy::Policy& policy = *worker_.config->policy;
  const bool read_only = policy.server_read_only && policy.protects(who_.host);
  policy_ = nullptr;  // another host may be protected otherwise
  session_.emplace(
      session::SessionSettings{.denial_token = new_denial_token(),
                               .max_statement_bytes = worker_.config->limits.max_statement_bytes,
                               .temporary_first = !may_set_search_path(message),
                               .read_only = read_only,
                               .target_session = protocol::passes(upstream.target_session).back()});
  if (read_only) message.set("default_transaction_read_only", "on");
  current_policy();
  auto fields = named();
  fields["user"] = who_.user;
  fields["database"] = who_.database;
  fields["upstream"] = name_of(target_);
  worker_.shared.log.write(Level::debug, "session begins", fields);
  if (!asks_for_replication(message.parameter("replication"))) co_return true;
  auto verdict = policy::decide_replication(*current_policy(), who_);
  const session::Answer answer = record(std::move(verdict), "(replication connection)");
  if (answer.effect != policy::Effect::deny) co_return true;
  const policy::Explanation& words = answer.refusal->explanation;
  co_await refuse(protocol::encode_fatal(answer.refusal->sqlstate, words.message, words.hint));
  co_return false;
}

}  // namespace pgwarden::net
