#include "config/upstream_url.h"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>
#include <utility>

#include "config/host_list.h"
#include "config/keys.h"
#include "config/spelling.h"
#include "policy/letters.h"

namespace pgwarden::config {

namespace {

namespace urls = boost::urls;

struct Fault {
  std::string error;
  std::string hint;
};
/// Nothing when all is well.
using Outcome = std::optional<Fault>;

/// libpq's own parameters (PQconndefaults of PostgreSQL 17), without those that name servers in another way.
constexpr auto libpq_parameters = std::to_array<std::string_view>({
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "options",
    "passfile",
    "password",
    "port",
    "require_auth",
    "requirepeer",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
});

constexpr std::string_view example = "write postgres://USER@HOST:5432/DATABASE";

bool contains(const auto& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_postgres_url(std::string_view url) {
  const std::string scheme = policy::lower(url.substr(0, url.find("://")));
  return url.find("://") != std::string_view::npos && (scheme == "postgres" || scheme == "postgresql");
}

/// One of `words`, by its place.
Outcome choose(std::size_t& choice, const std::string& name, const std::string& value, const auto& words) {
  const auto found = std::find(words.begin(), words.end(), value);
  if (found == words.end()) return Fault{"unknown " + name + " \"" + value + "\"", suggestion(value, words)};
  choice = static_cast<std::size_t>(found - words.begin());
  return {};
}

Outcome set_sslmode(UpstreamTls& tls, const std::string& value) {
  std::size_t mode = 0;
  if (auto fault = choose(mode, "sslmode", value, sslmode_words)) return fault;
  tls.mode = static_cast<SslMode>(mode);
  return {};
}

Outcome set_negotiation(UpstreamTls& tls, const std::string& value) {
  constexpr auto words = std::to_array<std::string_view>({"postgres", "direct"});
  std::size_t direct = 0;
  if (auto fault = choose(direct, "sslnegotiation", value, words)) return fault;
  tls.direct = direct == 1;
  return {};
}

Outcome set_version(std::string& version, const std::string& name, const std::string& value) {
  std::size_t ignored = 0;
  if (!value.empty()) {
    if (auto fault = choose(ignored, name, value, tls_version_words)) return fault;
  }
  version = value;
  return {};
}

/// Whether the parameter is about TLS; then it is in `tls`, unless `outcome` says why not.
bool set_tls(UpstreamTls& tls, const std::string& name, const std::string& value, Outcome& outcome) {
  constexpr auto no = std::to_array<std::string_view>({"0", "false", "disable", "off", "no"});
  if (name == "sslmode") {
    outcome = set_sslmode(tls, value);
  } else if (name == "ssl" || name == "requiressl") {  // of JDBC, and of old
    if (!contains(no, value)) tls.mode = std::max(tls.mode, SslMode::require);
  } else if (name == "sslnegotiation") {
    outcome = set_negotiation(tls, value);
  } else if (name == "sslsni") {
    tls.sni = value != "0";
  } else if (name == "sslrootcert") {
    tls.root_certificate = value;
  } else if (name == "sslcrl") {
    tls.revocations = value;
  } else if (name == "sslcert") {
    tls.certificate = value;
  } else if (name == "sslkey") {
    tls.key = value;
  } else if (name == "sslpassword") {
    tls.key_password = value;
  } else if (name == "sslcertmode" && value == "disable") {
    tls.shows_certificate = false;
  } else if (name == "ssl_min_protocol_version") {
    outcome = set_version(tls.min_version, name, value);
  } else if (name == "ssl_max_protocol_version") {
    outcome = set_version(tls.max_version, name, value);
  } else {
    return false;
  }
  return true;
}

/// As libpq (fe-connect.c, pqConnectDBComplete): whole seconds, of which there are at least two; without
/// any there is no such bound.
Outcome set_connect_timeout(Upstream& upstream, const std::string& value) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error != std::errc() || end != value.data() + value.size()) {
    return Fault{"connect_timeout \"" + value + "\" is not a number of seconds", ""};
  }
  upstream.connect_timeout = std::chrono::seconds(seconds <= 0 ? 0 : std::max(seconds, 2));
  return {};
}

/// Whether the parameter is about which host is connected to.
bool set_choice(Upstream& upstream, const std::string& name, const std::string& value, Outcome& outcome) {
  std::size_t choice = 0;
  if (name == "load_balance_hosts") {
    constexpr auto words = std::to_array<std::string_view>({"disable", "random"});
    outcome = choose(choice, name, value, words);
    upstream.random_order = choice == 1;
  } else if (name == "target_session_attrs") {
    outcome = choose(choice, name, value, protocol::target_session_words);
    upstream.target_session = static_cast<protocol::TargetSession>(choice);
  } else if (name == "connect_timeout") {
    outcome = set_connect_timeout(upstream, value);
  } else {
    return false;
  }
  return true;
}

Outcome set_channel_binding(Upstream& upstream, const std::string& value, LoginDemands login) {
  if (login == LoginDemands::ignore) return {};
  constexpr auto words = std::to_array<std::string_view>({"disable", "prefer", "require"});
  std::size_t binding = 0;
  if (auto fault = choose(binding, "channel_binding", value, words)) return fault;
  upstream.channel_binding = static_cast<ChannelBinding>(binding);
  if (upstream.channel_binding != ChannelBinding::require || login == LoginDemands::meet) return {};
  return Fault{
      "channel_binding=require cannot be met: the client logs in through pgwarden, over a connection of its "
      "own",
      "remove it and use sslmode=verify-full, or let pgwarden log in: \"auth: managed\" or "
      "\"auth: key_passthrough\""};
}

/// Parameters that demand more of the connection than this release gives.
Outcome refuse_demands(const std::string& name, const std::string& value, LoginDemands login) {
  if (name == "require_auth" && login == LoginDemands::meet) {
    return Fault{"the parameter \"require_auth\" is not supported where pgwarden logs in",
                 "remove it; channel_binding=require makes sure that the server knows the password"};
  }
  if (name == "service" || name == "servicefile") {
    return Fault{"the parameter \"" + name + "\" is not supported", "write the server's host into the URL"};
  }
  if (name == "sslcrldir" || (name == "sslcertmode" && value == "require")) {
    return Fault{"the parameter \"" + name + "\" is not supported", ""};
  }
  if (name == "gssencmode" && value == "require") {
    return Fault{"GSSAPI encryption to the upstream is not supported", "use gssencmode=disable"};
  }
  return {};
}

/// libpq's rules for parameters together (fe-connect.c, pqConnectOptions2).
Outcome check_tls(Upstream& upstream, bool mode_said, bool host_said) {
  UpstreamTls& tls = upstream.tls;
  const bool system = tls.root_certificate == "system";
  if (system && !mode_said) tls.mode = SslMode::verify_full;
  if (system && tls.mode != SslMode::verify_full) {
    return Fault{"sslrootcert=system needs sslmode=verify-full",
                 "weaker modes would accept anybody's certificate"};
  }
  if (tls.mode == SslMode::verify_full && !host_said) {
    return Fault{"sslmode=verify-full needs a host: the certificate is for a name", ""};
  }
  if (!tls.max_version.empty() && tls.max_version < tls.min_version) {
    return Fault{"ssl_min_protocol_version is above ssl_max_protocol_version", ""};
  }
  if (tls.direct && tls.mode < SslMode::require) {
    return Fault{"sslnegotiation=direct needs sslmode=require or above", ""};
  }
  const auto is_unix = [](const Host& host) { return host.endpoint.is_unix(); };
  const bool in_clear =
      tls.mode == SslMode::disable || std::any_of(upstream.hosts.begin(), upstream.hosts.end(), is_unix);
  if (upstream.channel_binding == ChannelBinding::require && in_clear) {
    return Fault{"channel_binding=require needs TLS to the server",
                 "sslmode=require or above; a Unix-domain socket has none"};
  }
  return {};
}

/// A login of the client's is made once, and not again at the next host.
Outcome check_target_session(const Upstream& upstream, LoginDemands login) {
  if (login == LoginDemands::meet || upstream.hosts.size() == 1 ||
      upstream.target_session == protocol::TargetSession::any)
    return {};
  return Fault{"target_session_attrs with several hosts needs a login that can be made again",
               "name one host, or let pgwarden log in: \"auth: managed\" or \"auth: key_passthrough\""};
}

Outcome set_parameter(Upstream& upstream, HostList& hosts, const std::string& name, const std::string& value,
                      UnknownParameters unknown, LoginDemands login) {
  if (Outcome outcome; set_tls(upstream.tls, name, value, outcome)) return outcome;
  if (Outcome outcome; set_choice(upstream, name, value, outcome)) return outcome;
  if (name == "host") {
    hosts.host = value;
  } else if (name == "hostaddr") {
    hosts.hostaddr = value;
  } else if (name == "port") {
    hosts.port = value;
  } else if (name == "dbname") {
    upstream.database = value;
  } else if (name == "user") {
    upstream.user = value;
  } else if (name == "password") {
    upstream.password = protocol::Secret(value);
  } else if (name == "channel_binding") {
    return set_channel_binding(upstream, value, login);
  } else {
    if (auto fault = refuse_demands(name, value, login)) return fault;
    if (unknown == UnknownParameters::refuse && !contains(libpq_parameters, name)) {
      const std::string_view meant = nearest(name, libpq_parameters);
      return Fault{"unknown parameter \"" + name + "\" in the URL",
                   meant.empty() ? "parameters of a driver or an ORM belong in the client's URL"
                                 : "did you mean \"" + std::string(meant) + "\"?"};
    }
    upstream.parameters.push_back({name, value});
  }
  return {};
}

Fault unreadable() {
  return {"cannot read the URL", "percent-encode special characters, for example \"@\" in a password as %40"};
}

/// `hosts` are those before the path.
Outcome read_url(const urls::url_view& url, HostList hosts, UnknownParameters unknown, LoginDemands login,
                 Upstream& upstream) {
  const std::string_view encoded_path(url.encoded_path());
  // Boost 1.81 takes what does not belong to a host or port for a path that has no slash. And a "/" in a
  // password makes a host of the user and a path of the rest.
  const bool is_path = encoded_path.empty() || encoded_path.starts_with('/');
  if (!is_path || encoded_path.find('@') != std::string_view::npos) return unreadable();
  if (url.has_fragment()) {
    return Fault{"the URL has a \"#\", which begins a fragment", "write %23 for a \"#\" in a password"};
  }
  upstream.user = url.user();
  upstream.password = protocol::Secret(url.password());
  const std::string path = url.encoded_path().decode();
  if (!path.empty()) upstream.database = path.substr(1);
  bool mode_said = false;
  for (const auto& parameter : url.encoded_params()) {
    const std::string name = parameter.key.decode();
    mode_said = mode_said || name == "sslmode";
    if (name.find('@') != std::string::npos) return unreadable();  // behind a "?" in a password
    const std::string value = parameter.value.decode();
    if (auto fault = set_parameter(upstream, hosts, name, value, unknown, login)) return fault;
  }
  auto parsed = parse_hosts(hosts);
  if (!parsed.value) return Fault{parsed.error, parsed.hint};
  upstream.hosts = std::move(*parsed.value);
  if (login == LoginDemands::ignore) return {};
  if (auto fault = check_tls(upstream, mode_said, !hosts.host.empty())) return fault;
  return check_target_session(upstream, login);
}

}  // namespace

Parsed<Upstream> parse_upstream_url(std::string_view url, UnknownParameters unknown, LoginDemands login) {
  const auto refuse = [](Fault fault) {
    return Parsed<Upstream>{{}, std::move(fault.error), std::move(fault.hint)};
  };
  if (!is_postgres_url(url)) return refuse({"not a PostgreSQL URL", std::string(example)});
  if (url.find("%00") != std::string_view::npos) return refuse({"the URL holds a NUL (%00)", ""});
  const auto taken = take_hosts(url);
  const auto parsed = urls::parse_uri(taken ? taken->rest : std::string_view());
  if (!parsed) return refuse(unreadable());
  Upstream upstream;
  if (auto fault = read_url(*parsed, {taken->host, "", taken->port}, unknown, login, upstream)) {
    return refuse(std::move(*fault));
  }
  return {std::move(upstream), "", ""};
}

}  // namespace pgwarden::config
