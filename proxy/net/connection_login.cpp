// A client logs in to pgwarden, and pgwarden to the server (auth: managed and key_passthrough).
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/net/account.h"
#include "proxy/net/connection.h"
#include "proxy/session/client_login.h"
#include "proxy/session/upstream_login.h"

namespace pgwarden::net {

namespace {

using audit::Level;
using config::ChannelBinding;
namespace backend = protocol::backend;
using session::ClientLogin;
using session::UpstreamLogin;

}  // namespace

/// The user of this name; nullptr: there is none. Why that cannot be said, when it cannot.
asio::awaitable<std::shared_ptr<const config::User>> Connection::find_user(
    const protocol::StartupMessage& message, std::string& why) {
  const config::Auth& auth = listener().auth;
  const std::string name = message.user();
  if (const auto found = config_->users.find(name); found != config_->users.end()) {
    const config::User& user = found->second;
    if (auth.mode == config::AuthMode::managed || user.fits_key_passthrough())
      co_return std::shared_ptr<const config::User>(config_, &user);
  }
  const auto target = route(message.database());
  if (auth.query.empty() || !target) co_return nullptr;
  auto answer = co_await worker_.shared.guard.ask(target->upstream, auth.query, name);
  if (auto* unanswered = std::get_if<Guard::Unanswered>(&answer)) {
    why = "cannot look up the user at upstream \"" + name_of(*target) + "\": " + unanswered->why;
    co_return nullptr;
  }
  auto& text = std::get<std::optional<std::string>>(answer);
  if (!text) co_return nullptr;
  auto user = std::make_shared<config::User>();
  user->name = name;
  user->verifier = protocol::ScramVerifier::parse(*text);
  protocol::wipe(*text);
  co_return user;
}

/// The client proves who it is; nullopt when the connection has come to its end with it. A user that does not
/// exist gets the same exchange, so that nobody learns which there are.
asio::awaitable<std::optional<Account>> Connection::log_in_client(const protocol::StartupMessage& message,
                                                                  std::string& bytes) {
  const std::string name = message.user();
  const bool passes_key = listener().auth.mode == config::AuthMode::key_passthrough;
  std::string why;
  const std::shared_ptr<const config::User> user = co_await find_user(message, why);
  const bool by_proxy = !who_.via.empty() || proxy_header_due();  // whose header may name nobody
  const Entrance entrance = entrance_for(user.get(), who_.address, by_proxy, who_.certificates);
  if (entrance == Entrance::open) co_return Account{user};
  const bool by_password = entrance == Entrance::by_password;
  const auto mock = mock_verifier(name, *config_);
  const protocol::ScramVerifier& verifier = by_password ? *user->verifier : mock;
  ClientLogin login(name, verifier, client_.channel_binding());
  error_code error = co_await client_.send(login.begin());
  while (!error) {
    auto step = login.feed(bytes);
    bytes.clear();
    if (auto* refused = std::get_if<ClientLogin::Refuse>(&step)) {
      who_.user = name;
      if (why.empty()) login_failed();
      auto fields = named();
      fields["user"] = name;
      fields["reason"] = by_password ? refused->why : why.empty() ? why_hopeless(user.get()) : why;
      worker_.shared.log.write(Level::warning, "login refused", fields);
      co_await refuse(std::move(refused->fatal));
      co_return std::nullopt;
    }
    if (auto* done = std::get_if<ClientLogin::Done>(&step)) {
      error = co_await client_.send(std::move(done->bytes));
      if (error) break;
      bytes = std::move(done->rest);
      Account account{user};
      if (passes_key) account.keys = protocol::ScramKeys{login.client_key(), verifier.server_key};
      co_return account;
    }
    if (auto* answer = std::get_if<ClientLogin::Send>(&step))
      error = co_await client_.send(std::move(answer->bytes));
    if (!error) bytes = co_await client_.receive(error);
  }
  close();
  co_return std::nullopt;
}

/// The keys of a password, derived on another thread unless they are known.
asio::awaitable<protocol::ScramKeys> Connection::keys_of(const protocol::Secret& password,
                                                         const protocol::ScramChallenge& challenge) {
  DerivedKeys& known = worker_.shared.derived_keys;
  if (auto keys = known.find(password, challenge)) co_return std::move(*keys);
  auto derive = [password, challenge]() -> asio::awaitable<std::shared_ptr<protocol::ScramKeys>> {
    co_return std::make_shared<protocol::ScramKeys>(protocol::derive_scram_keys(password.view(), challenge));
  };
  const auto keys = co_await asio::co_spawn(worker_.shared.parsers, derive, asio::use_awaitable);
  known.add(password, challenge, *keys);
  co_return std::move(*keys);
}

/// Logs in to the server, which has the StartupMessage. Gives the session's first bytes; nullopt when the
/// connection has come to its end.
asio::awaitable<std::optional<std::string>> Connection::log_in_upstream(session::UpstreamAccount account) {
  const config::Upstream& upstream = *target_.upstream;
  std::string why;
  UpstreamLogin login(
      account,
      {.binding = upstream.channel_binding == ChannelBinding::disable ? "" : upstream_.channel_binding(),
       .confidential = upstream_.encrypted() || target_.host->endpoint.is_unix(),
       .binding_required = upstream.channel_binding == ChannelBinding::require});
  for (std::string bytes;;) {
    auto step = login.feed(bytes);
    bytes.clear();
    if (const auto* derive = std::get_if<UpstreamLogin::Derive>(&step)) {
      step =
          login.derived(co_await keys_of(std::get<protocol::Secret>(account.credentials), derive->challenge));
    }
    error_code error;
    if (auto* done = std::get_if<UpstreamLogin::Done>(&step)) co_return std::move(done->bytes);
    if (auto* failed = std::get_if<UpstreamLogin::Failed>(&step)) {
      why = std::move(failed->why);
      break;
    }
    if (auto* refused = std::get_if<UpstreamLogin::Refused>(&step)) {
      why = refused->message;
      if (refused->sqlstate.starts_with("28"))
        break;  // of pgwarden's account; the client's own password is right
      co_await refuse(std::move(refused->error_response));
      co_return std::nullopt;
    }
    if (auto* answer = std::get_if<UpstreamLogin::Send>(&step)) {
      error = co_await upstream_.send(std::move(answer->bytes));
    } else {
      bytes = co_await server_bytes(error);
    }
    if (!client_.is_open()) co_return std::nullopt;
    if (error) {
      why = "it closed the connection unexpectedly";
      break;
    }
  }
  auto fields = named();
  fields["upstream"] = name_of(target_);
  fields["upstream_user"] = account.user;
  fields["error"] = why;
  worker_.shared.log.write(Level::error, "cannot log in to upstream", fields);
  co_await refuse(protocol::encode_fatal("08004", "pgwarden could not log in to upstream \"" +
                                                      name_of(target_) + "\" as \"" + account.user +
                                                      "\": " + why));
  co_return std::nullopt;
}

/// Reads on in `bytes`, the session's first, until the server has reported what it is; why that is not what
/// is wanted. Empty, too, when the login ends otherwise: then that is what the client gets to see.
asio::awaitable<std::string> Connection::mismatch(protocol::TargetSession wanted, std::string& bytes) {
  constexpr std::size_t reports_bytes_max = std::size_t{256} * 1024;
  if (wanted == protocol::TargetSession::any) co_return "";
  protocol::SessionAttributes attributes(wanted);
  protocol::FrameBuffer frames(reports_bytes_max);
  error_code error;
  for (std::string chunk = bytes; !error && client_.is_open() && bytes.size() < reports_bytes_max;) {
    frames.feed(chunk);
    while (const auto frame = frames.next()) {
      if (frame->tag == backend::ready_for_query) co_return attributes.mismatch();
      if (frame->tag == backend::error_response) co_return "";
      if (frame->tag != backend::parameter_status) continue;
      if (const auto status = protocol::decode_parameter_status(frame->body))
        attributes.reported(status->first, status->second);
    }
    chunk = co_await server_bytes(error);
    bytes += chunk;
  }
  co_return "";
}

/// The next bytes of the server. Closes the connection when the client leaves before that.
asio::awaitable<std::string> Connection::server_bytes(error_code& error) {
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    const protocol::Bytes bytes = upstream_.try_receive(error);
    if (error != asio::error::would_block) co_return std::string(bytes);
    const auto first = co_await (upstream_.readable() || client_leaves());
    if (first.index() == 1) close();
    if (!client_.is_open()) co_return "";
  }
}

}  // namespace pgwarden::net
