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

/// A server, and what TLS to it needs.
struct Target {
  std::shared_ptr<const config::Upstream> upstream;
  TlsContext tls;  ///< nullptr: there is none
  /// The way on which a session has connected: its cancel requests take it, too.
  std::optional<Encrypt> settled = std::nullopt;
};

/// As logs and errors have it.
std::string name_of(const Target& target);

/// The way that sslmode tries first.
Encrypt first_way(const Target& target);
/// The way that it tries when the server has refused the first; nullopt: it has none.
std::optional<Encrypt> second_way(const Target& target, const Stream& first);

/// What connect_upstream() says when the time is over: a server that does not answer has not refused
/// anything.
inline constexpr std::string_view timeout_expired = "timeout expired";

/// Connects `stream`, which is new, up to where the startup packet is due. Empty when it did, else why not.
asio::awaitable<std::string> connect_upstream(Stream& stream, Target target, Encrypt encrypt,
                                              std::chrono::milliseconds time_max);

}  // namespace pgwarden::net
