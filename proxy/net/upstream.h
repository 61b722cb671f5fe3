// Opening a connection to a server, by TLS as libpq's sslmode says.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "config/config.h"
#include "proxy/net/stream.h"

namespace pgwarden::net {

/// What to begin with where sslmode leaves a choice.
enum class Encrypt : std::uint8_t { no, yes };

/// A server, and what TLS to it needs. `host` and `address` are those that an UpstreamSearch has come to.
struct Target {  // NOLINT(bugprone-exception-escape): moving an endpoint does not throw
  std::shared_ptr<const config::Upstream> upstream;
  TlsContext tls;                       ///< nullptr: there is none
  const config::Host* host = nullptr;   ///< of `upstream`; nullptr: any of its
  Protocol::endpoint address = {};      ///< where it is
  std::optional<Encrypt> settled = {};  ///< how a session has connected: its cancel requests do so, too
};

/// As logs and errors have it.
std::string name_of(const Target& target);

/// The way that sslmode tries first.
Encrypt first_way(const Target& target);
/// The way that it tries when the server has refused the first; nullopt: it has none.
std::optional<Encrypt> second_way(const Target& target, const Stream& first);

/// What has come of connecting. `unreachable`: nothing there answers in time; `failed`: TLS did not come
/// about.
struct Connecting {
  enum class Result : std::uint8_t { connected, unreachable, failed };
  Result result = Result::connected;
  std::string why;  ///< it has not connected
};

/// Why a server is unreachable that does not answer.
inline constexpr std::string_view timeout_expired = "timeout expired";

/// Connects `stream`, which is new, up to where the startup packet is due.
asio::awaitable<Connecting> connect_upstream(Stream& stream, Target target, Encrypt encrypt,
                                             std::chrono::steady_clock::time_point deadline);

}  // namespace pgwarden::net
