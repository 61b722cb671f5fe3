#include "config/upstream_url.h"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <optional>
#include <utility>

#include "config/endpoint.h"
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

Fault several_hosts() { return {"several hosts in one URL are not supported yet", "name one host"}; }

/// What stands between "://" and the path, without the user.
std::string_view host_part(std::string_view url) {
  const std::size_t begin = url.find("://") + 3;
  std::string_view authority =
      url.substr(begin, std::min(url.find_first_of("/?#", begin), url.size()) - begin);
  const std::size_t at = authority.rfind('@');
  return at == std::string_view::npos ? authority : authority.substr(at + 1);
}

bool is_postgres_url(std::string_view url) {
  const std::string scheme = policy::lower(url.substr(0, url.find("://")));
  return url.find("://") != std::string_view::npos && (scheme == "postgres" || scheme == "postgresql");
}

Outcome set_host(Upstream& upstream, const std::string& host) {
  if (host.find(',') != std::string::npos) return several_hosts();
  if (host.starts_with('/')) {
    upstream.endpoint.host = host;
    while (upstream.endpoint.host.size() > 1 && upstream.endpoint.host.ends_with('/')) {
      upstream.endpoint.host.pop_back();
    }
    return {};
  }
  auto parsed = parse_host(host);
  if (!parsed.value) return Fault{parsed.error, parsed.hint};
  upstream.endpoint.host = std::move(*parsed.value);
  return {};
}

Outcome set_port(Upstream& upstream, const std::string& text) {
  if (text.find(',') != std::string::npos) return several_hosts();
  const auto port = parse_port(text);
  if (!port.value || *port.value == 0) {
    return Fault{"\"" + text + "\" is not a port", "a number from 1 to 65535"};
  }
  upstream.endpoint.port = *port.value;
  return {};
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
  if (name == "hostaddr" || name == "service" || name == "servicefile") {
    return Fault{"the parameter \"" + name + "\" is not supported", "write the server's host into the URL"};
  }
  if (name == "sslcrldir" || (name == "sslcertmode" && value == "require")) {
    return Fault{"the parameter \"" + name + "\" is not supported", ""};
  }
  if (name == "target_session_attrs" && value != "any") {
    return Fault{"target_session_attrs=" + value + " is not supported", "name the host that is meant"};
  }
  if (name == "gssencmode" && value == "require") {
    return Fault{"GSSAPI encryption to the upstream is not supported", "use gssencmode=disable"};
  }
  return {};
}

/// libpq's rules for parameters together (fe-connect.c, pqConnectOptions2).
Outcome check_tls(Upstream& upstream, bool mode_said) {
  UpstreamTls& tls = upstream.tls;
  const bool system = tls.root_certificate == "system";
  if (system && !mode_said) tls.mode = SslMode::verify_full;
  if (system && tls.mode != SslMode::verify_full) {
    return Fault{"sslrootcert=system needs sslmode=verify-full",
                 "weaker modes would accept anybody's certificate"};
  }
  if (!tls.max_version.empty() && tls.max_version < tls.min_version) {
    return Fault{"ssl_min_protocol_version is above ssl_max_protocol_version", ""};
  }
  if (tls.direct && tls.mode < SslMode::require) {
    return Fault{"sslnegotiation=direct needs sslmode=require or above", ""};
  }
  const bool in_clear = tls.mode == SslMode::disable || upstream.endpoint.is_unix();
  if (upstream.channel_binding == ChannelBinding::require && in_clear) {
    return Fault{"channel_binding=require needs TLS to the server",
                 "sslmode=require or above; a Unix-domain socket has none"};
  }
  return {};
}

Outcome set_parameter(Upstream& upstream, const std::string& name, const std::string& value,
                      UnknownParameters unknown, LoginDemands login) {
  if (name == "host") return set_host(upstream, value);
  if (name == "port") return set_port(upstream, value);
  if (Outcome outcome; set_tls(upstream.tls, name, value, outcome)) return outcome;
  if (name == "dbname") {
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

Outcome read_url(const urls::url_view& url, UnknownParameters unknown, LoginDemands login,
                 Upstream& upstream) {
  const std::string_view encoded_path(url.encoded_path());
  // Boost 1.81 takes what does not belong to a host or port for a path that has no slash. And a "/" in a
  // password makes a host of the user and a path of the rest.
  const bool is_path = encoded_path.empty() || encoded_path.starts_with('/');
  if (!is_path || encoded_path.find('@') != std::string_view::npos) return unreadable();
  if (url.has_fragment()) {
    return Fault{"the URL has a \"#\", which begins a fragment", "write %23 for a \"#\" in a password"};
  }
  if (url.buffer().find("%00") != std::string_view::npos) return Fault{"the URL holds a NUL (%00)", ""};
  upstream.user = url.user();
  upstream.password = protocol::Secret(url.password());
  const std::string path = url.encoded_path().decode();
  if (!path.empty()) upstream.database = path.substr(1);
  const std::string host = url.host_address();
  if (!host.empty()) {
    if (auto fault = set_host(upstream, host)) return fault;
  }
  if (!url.port().empty()) {
    if (auto fault = set_port(upstream, std::string(url.port()))) return fault;
  }
  bool mode_said = false;
  for (const auto& parameter : url.encoded_params()) {
    const std::string name = parameter.key.decode();
    mode_said = mode_said || name == "sslmode";
    if (auto fault = set_parameter(upstream, name, parameter.value.decode(), unknown, login)) return fault;
  }
  if (upstream.endpoint.host.empty()) {
    return Fault{"the URL names no host",
                 std::string(example) + ", or ?host=/var/run/postgresql for a socket"};
  }
  return login == LoginDemands::ignore ? Outcome{} : check_tls(upstream, mode_said);
}

}  // namespace

Parsed<Upstream> parse_upstream_url(std::string_view url, UnknownParameters unknown, LoginDemands login) {
  const auto refuse = [](Fault fault) {
    return Parsed<Upstream>{{}, std::move(fault.error), std::move(fault.hint)};
  };
  if (!is_postgres_url(url)) return refuse({"not a PostgreSQL URL", std::string(example)});
  if (host_part(url).find(',') != std::string_view::npos) return refuse(several_hosts());
  const auto parsed = urls::parse_uri(url);
  if (!parsed) return refuse(unreadable());
  Upstream upstream;
  if (auto fault = read_url(*parsed, unknown, login, upstream)) return refuse(std::move(*fault));
  return {std::move(upstream), "", ""};
}

}  // namespace pgwarden::config
