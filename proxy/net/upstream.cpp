#include "proxy/net/upstream.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>

#include "config/endpoint.h"
#include "protocol/messages.h"
#include "protocol/tags.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

using config::SslMode;

/// The server's answer to an SSLRequest (docs, "SSL Session Encryption"): whether it speaks TLS.
asio::awaitable<std::string> ask_for_tls(Stream& stream, bool& agreed) {
  if (const error_code error = co_await stream.send(protocol::encode_ssl_request()))
    co_return error.message();
  error_code error;
  const protocol::Bytes answer = co_await stream.peek(error);
  if (error) co_return error.message();
  if (answer.starts_with(protocol::backend::error_response))
    co_return "server sent an error response during SSL exchange";
  // Bytes in clear behind the answer would later pass for what came encrypted (CVE-2021-23222).
  if (answer.size() > 1) co_return "received unencrypted data after SSL response";
  if (answer != "S" && answer != "N") co_return "received invalid response to SSL negotiation";
  agreed = answer == "S";
  stream.try_receive(error, 1);
  co_return error ? error.message() : "";
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
  if (std::string why = co_await stream.handshake(connecting(*target.tls, tls, target.host->endpoint.host));
      !why.empty()) {
    co_return "SSL error: " + why;
  }
  if (tls.direct && !stream.agreed_on_postgresql()) {
    co_return "direct SSL connection was established without ALPN protocol negotiation extension";
  }
  co_return "";
}

asio::awaitable<Connecting> connect_unbounded(Stream& stream, const Target& target, Encrypt how) {
  using Result = Connecting::Result;
  const auto [error] = co_await stream.socket().async_connect(target.address, use_tuple);
  if (error) co_return Connecting{Result::unreachable, error.message()};
  prepare(stream.socket());
  if (how == Encrypt::no) co_return Connecting{};
  std::string why;
  try {
    why = co_await encrypt(stream, target);
  } catch (const std::runtime_error& failure) {  // the operator || would wait for the deadline
    why = failure.what();
  }
  co_return Connecting{why.empty() ? Result::connected : Result::failed, why};
}

}  // namespace

std::string name_of(const Target& target) {
  if (target.host != nullptr) return config::to_string(target.host->endpoint);
  std::string all;
  for (const config::Host& host : target.upstream->hosts) {
    all += (all.empty() ? "" : ",") + config::to_string(host.endpoint);
  }
  return all;
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

asio::awaitable<Connecting> connect_upstream(Stream& stream, Target target, Encrypt encrypt,
                                             std::chrono::steady_clock::time_point deadline) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(stream.socket().get_executor(), deadline);
  auto first = co_await (connect_unbounded(stream, target, encrypt) || timer.async_wait(use_tuple));
  if (first.index() == 0) co_return std::get<0>(first);
  co_return Connecting{Connecting::Result::unreachable, std::string(timeout_expired)};
}

}  // namespace pgwarden::net
