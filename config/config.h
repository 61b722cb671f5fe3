// The configuration: typed, checked, immutable once loaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/auth.h"
#include "policy/policy.h"
#include "protocol/session_attributes.h"

namespace pgwarden::config {

/// Where to listen or to connect. `host` is a name or an address without brackets; or, beginning with a
/// slash, a Unix-domain socket: for an upstream the directory that holds it (as libpq has it, the socket's
/// name follows from the port), for a listener the path of the socket itself.
struct Endpoint {
  std::string host;
  std::uint16_t port = 5432;

  bool is_unix() const { return host.starts_with('/'); }
  bool operator==(const Endpoint&) const = default;
};

/// libpq's sslmode, weakest first. For a listener the modes are PgBouncer's client_tls_sslmode: `allow` and
/// `prefer` leave the choice to the client, `verify_ca` and `verify_full` demand a certificate of it.
enum class SslMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };

/// TLS to a server, as libpq's parameters say (docs, "Parameter Key Words").
struct UpstreamTls {
  SslMode mode = SslMode::prefer;
  bool direct = false;  ///< sslnegotiation=direct
  bool sni = true;      ///< sslsni
  std::string
      root_certificate;      ///< sslrootcert: a path, or "system"; empty: ~/.postgresql/root.crt if it exists
  std::string revocations;   ///< sslcrl, a path
  std::string certificate;   ///< sslcert, a path; empty: none
  std::string key;           ///< sslkey, a path
  std::string key_password;  ///< sslpassword
  bool shows_certificate = true;  ///< not sslcertmode=disable
  std::string min_version = "TLSv1.2";
  std::string max_version;  ///< empty: the newest

  bool operator==(const UpstreamTls&) const = default;
};

/// TLS to clients.
struct ListenerTls {
  SslMode mode = SslMode::disable;
  std::string certificate;  ///< a path: the server's certificate, and those between it and the root
  std::string key;          ///< a path
  std::string client_ca;    ///< a path: who may sign clients' certificates
  std::string min_version = "TLSv1.2";

  bool asks_for_certificate() const { return mode != SslMode::disable && !client_ca.empty(); }
};

/// A query parameter of a URL, decoded.
struct Parameter {
  std::string name;
  std::string value;

  bool operator==(const Parameter&) const = default;
};

/// libpq's channel_binding, for logins of pgwarden's own.
enum class ChannelBinding : std::uint8_t { disable, prefer, require };

/// One of the servers that an upstream names.
struct Host {
  Endpoint endpoint;    ///< its name is the host's for TLS, rules and the log
  std::string address;  ///< hostaddr: connect there; empty: to where the name leads

  bool operator==(const Host&) const = default;
};

/// A database server, or one database of it; or several servers, of which the first that can be reached is
/// the one.
struct Upstream {
  std::vector<Host> hosts;    ///< at least one
  bool random_order = false;  ///< load_balance_hosts=random: of the hosts, and of the addresses of each
  protocol::TargetSession target_session = protocol::TargetSession::any;
  std::chrono::seconds connect_timeout{0};  ///< for each address; 0: what `limits` say
  std::string database;  ///< sent upstream in place of the client's; empty: the client's own
  /// Of the URL, which may leave the password to the environment or a file; see UpstreamLogin. Under
  /// key_passthrough they are the guard connection's. Not used while authentication passes through.
  std::string user;
  protocol::Secret password;
  ChannelBinding channel_binding = ChannelBinding::prefer;
  UpstreamTls tls;
  std::vector<Parameter> parameters;  ///< the others, for the client's URL; they change nothing here
};

/// An address that clients connect to, and where their connections go.
struct Listener {
  Endpoint listen;
  std::optional<Upstream> upstream;           ///< for every database, when there is no `databases`
  std::map<std::string, Upstream> databases;  ///< by the client's database name; "*" is for all others
  std::vector<policy::Network> proxy_protocol_networks;  ///< of proxies, which say whose each connection is
  ListenerTls tls;
  Auth auth;

  /// Where a client that asks for `database` goes; nullptr when there is no route.
  const Upstream* route(const std::string& database) const;
  /// Whether a connection from this address begins with a PROXY protocol header.
  bool is_proxy(const policy::Address& peer) const;
};

/// Bounds in bytes and milliseconds. Where the default is 0, that is no bound.
struct Limits {
  std::uint32_t max_statement_bytes = 16u << 20;
  std::uint64_t max_memory = 0;  ///< of the process
  std::uint32_t max_connections = 1000;
  std::uint32_t max_connections_per_user = 0;
  std::uint32_t max_connections_per_address = 0;
  std::uint32_t max_failed_logins = 10;  ///< a minute, of one address; 0: any number
  std::chrono::milliseconds login_timeout{30'000};
  std::chrono::milliseconds idle_timeout{0};
  std::chrono::milliseconds idle_in_transaction_timeout{0};
  std::chrono::milliseconds write_timeout{0};
  std::chrono::milliseconds drain_timeout{30'000};
  std::chrono::milliseconds upstream_connect_timeout{10'000};
};

/// `automatic` is text on a terminal and JSON lines otherwise.
enum class LogFormat : std::uint8_t { automatic, text, json };

struct Log {
  LogFormat format = LogFormat::automatic;
  std::string level = "info";  ///< debug, info, warning or error
  bool log_literals = false;   ///< false: literals in logged statements are masked
};

struct Config {
  std::vector<Listener> listeners;
  Users users;                                   ///< of listeners whose `auth` is not passthrough
  std::shared_ptr<const policy::Policy> policy;  ///< never null once loaded
  Limits limits;
  Log log;
  unsigned workers = 0;  ///< threads; 0: one for each core
  bool io_uring = true;  ///< relay by it where the kernel allows it
};

/// A host whose statements are judged, and the upstream that names it.
struct ProtectedHost {
  std::string name;
  const Upstream* upstream = nullptr;
};
std::vector<ProtectedHost> protected_hosts(const Config& config);

/// The configuration of `pgwarden run URL`: one listener, one upstream, which is protected with the preset
/// `guarded`.
Config zero_config(const Upstream& upstream, const Endpoint& listen);

}  // namespace pgwarden::config
