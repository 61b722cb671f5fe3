#include "proxy/net/upstream.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>

#include "protocol/messages.h"
#include "protocol/tags.h"

namespace pgwarden::net {

namespace {

using config::SslMode;

/// The server's answer to an SSLRequest (docs, "SSL Session Encryption"): whether it speaks TLS.
asio::awaitable<std::string> ask_for_tls(Stream& stream, bool& agreed) {
  if (const error_code error = co_await stream.send(protocol::encode_ssl_request()))
    co_return error.message();
  error_code error;
  protocol::Bytes answer;
  do {
    answer = stream.try_receive(error);
    if (error == asio::error::would_block) error = co_await stream.readable();
    if (error) co_return error.message();
  } while (answer.empty());
  if (answer.starts_with(protocol::backend::error_response))
    co_return "server sent an error response during SSL exchange";
  // Bytes in clear behind the answer would later pass for what came encrypted (CVE-2021-23222).
  if (answer.size() > 1) co_return "received unencrypted data after SSL response";
  if (answer != "S" && answer != "N") co_return "received invalid response to SSL negotiation";
  agreed = answer == "S";
  co_return "";
}

asio::awaitable<std::string> encrypt(Stream& stream, const Target& target) {
  const config::UpstreamTls& tls = target.upstream->tls;
  if (!tls.direct) {
    bool agreed = false;
    if (std::string why = co_await ask_for_tls(stream, agreed); !why.empty()) co_return why;
    if (!agreed && tls.mode >= SslMode::require)
      co_return "server does not support SSL, but SSL was required";
    if (!agreed) co_return "";
  }
  if (std::string why = co_await stream.handshake(connecting(*target.tls, *target.upstream)); !why.empty()) {
    co_return "SSL error: " + why;
  }
  if (tls.direct && !stream.agreed_on_postgresql()) {
    co_return "direct SSL connection was established without ALPN protocol negotiation extension";
  }
  co_return "";
}

asio::awaitable<std::string> connect_unbounded(Stream& stream, const Target& target, Encrypt how) {
  if (const error_code error = co_await connect(stream.socket(), target.upstream->endpoint))
    co_return error.message();
  prepare(stream.socket());
  if (how == Encrypt::no) co_return "";
  co_return co_await encrypt(stream, target);
}

}  // namespace

std::string name_of(const Target& target) {
  const config::Endpoint& endpoint = target.upstream->endpoint;
  return endpoint.host + ":" + std::to_string(endpoint.port);
}

Encrypt first_way(const Target& target) {
  if (target.settled) return *target.settled;
  return target.tls == nullptr || target.upstream->tls.mode == SslMode::allow ? Encrypt::no : Encrypt::yes;
}

std::optional<Encrypt> second_way(const Target& target, const Stream& first) {
  if (target.tls == nullptr) return std::nullopt;
  if (target.upstream->tls.mode == SslMode::allow && !first.encrypted()) return Encrypt::yes;
  if (target.upstream->tls.mode == SslMode::prefer && first.encrypted()) return Encrypt::no;
  return std::nullopt;
}

asio::awaitable<std::string> connect_upstream(Stream& stream, Target target, Encrypt encrypt,
                                              std::chrono::milliseconds time_max) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer deadline(stream.socket().get_executor(), time_max);
  const auto first = co_await (connect_unbounded(stream, target, encrypt) ||
                               deadline.async_wait(asio::as_tuple(asio::use_awaitable)));
  co_return first.index() == 0 ? std::get<0>(first) : std::string(timeout_expired);
}

}  // namespace pgwarden::net
