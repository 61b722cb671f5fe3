#include "config/listeners.h"

#include <algorithm>
#include <string>

#include "config/endpoint.h"
#include "config/keys.h"
#include "config/text_file.h"
#include "config/upstream_url.h"
#include "config/users.h"

namespace pgwarden::config {

namespace {

constexpr std::string_view fallback = "*";

std::optional<Upstream> read_url(const Value& value, AuthMode mode) {
  const auto url = value.text();
  if (!url) return std::nullopt;
  auto parsed = parse_upstream_url(*url, UnknownParameters::refuse,
                                   mode == AuthMode::passthrough ? LoginDemands::refuse : LoginDemands::meet);
  if (!parsed.value) value.refuse(parsed.error, parsed.hint);
  return std::move(parsed.value);
}

/// A URL, or a map with one and a password from elsewhere.
std::optional<Upstream> read_upstream(const Value& value, AuthMode mode) {
  if (!value.is_map()) return read_url(value, mode);
  const Fields fields = value.fields(upstream_keys);
  const auto url = fields.required("url");
  auto upstream = url ? read_url(*url, mode) : std::nullopt;
  if (mode == AuthMode::passthrough && (fields.find("password_env") || fields.find("password_file"))) {
    value.refuse("the password has no use: clients log in to the server with their own",
                 "\"auth: managed\" has pgwarden log in");
    return upstream;
  }
  auto password = read_password(fields);
  if (!upstream || password.empty()) return upstream;
  if (!upstream->password.empty()) url->refuse("more than one password", "remove the URL's");
  upstream->password = std::move(password);
  return upstream;
}

void read_databases(const Value& value, Listener& listener) {
  const auto entries = value.entries();
  if (entries.empty()) value.refuse("\"databases\" names no database", "\"*\" stands for every database");
  for (const Value& entry : entries) {
    const std::string name(entry.name());
    if (name != fallback && name.find('*') != std::string::npos) {
      entry.refuse("\"" + name + "\" is not a database name",
                   "patterns are not supported here, only \"*\" for all others");
    } else if (auto upstream = read_upstream(entry, listener.auth.mode)) {
      listener.databases.emplace(name, std::move(*upstream));
    }
  }
}

void read_proxy_networks(const Value& list, Listener& listener) {
  for (const Value& item : list.items()) {
    const auto network = item.network();
    if (!network) continue;
    if (network->base.is_unix != listener.listen.is_unix()) {
      item.refuse("no client of this listener has an address in \"" + policy::to_string(*network) + "\"",
                  "\"unix\" is for a Unix-domain socket, and nothing else is");
    }
    listener.proxy_protocol_networks.push_back(*network);
  }
}

/// The path of a file that can be read.
std::string read_path(const std::optional<Value>& value) {
  const auto path = value ? value->path() : std::nullopt;
  if (!path) return {};
  if (const auto file = read_text_file(*path); !file.value) value->refuse(*path + ": " + file.error);
  return *path;
}

ListenerTls read_tls(const Value& value) {
  const Fields fields = value.fields(tls_keys);
  ListenerTls tls;
  tls.mode = SslMode::prefer;
  if (const auto mode = fields.find("mode")) {
    if (const auto index = mode->word("mode", sslmode_words)) tls.mode = static_cast<SslMode>(*index);
  }
  if (const auto version = fields.find("min_version")) {
    if (const auto index = version->word("TLS version", tls_version_words))
      tls.min_version = tls_version_words[*index];
  }
  const bool wanted = tls.mode != SslMode::disable;
  tls.certificate = read_path(wanted ? fields.required("certificate") : fields.find("certificate"));
  tls.key = read_path(wanted ? fields.required("key") : fields.find("key"));
  tls.client_ca =
      read_path(tls.mode >= SslMode::verify_ca ? fields.required("client_ca") : fields.find("client_ca"));
  return tls;
}

std::vector<const Upstream*> upstreams_of(const Listener& listener) {
  std::vector<const Upstream*> all;
  if (listener.upstream) all.push_back(&*listener.upstream);
  for (const auto& [name, upstream] : listener.databases) all.push_back(&upstream);
  return all;
}

/// Of key_passthrough: as it is said or, where every upstream's URL has who can ask, the default.
void read_auth_query(const Fields& fields, Listener& listener) {
  const auto query = fields.find("auth_query");
  const auto upstreams = upstreams_of(listener);
  const auto has_user = [](const Upstream* upstream) { return !upstream->user.empty(); };
  const auto can_ask = [](const Upstream* upstream) {
    return !upstream->user.empty() && !upstream->password.empty();
  };
  if (listener.auth.mode != AuthMode::key_passthrough) {
    if (query) query->refuse("\"auth_query\" has a meaning with \"auth: key_passthrough\" only");
  } else if (query) {
    listener.auth.query = query->prose().value_or("");
    if (listener.auth.query.find("$1") == std::string::npos) {
      query->refuse("\"auth_query\" does not ask for $1, the user's name");
    } else if (!std::all_of(upstreams.begin(), upstreams.end(), has_user)) {
      query->refuse("an upstream's URL does not say as which user pgwarden asks \"auth_query\"",
                    "write postgres://USER@HOST/DATABASE, and the password into \"password_file\" or "
                    "\"password_env\" beside \"url\"");
    }
  } else if (std::all_of(upstreams.begin(), upstreams.end(), can_ask)) {
    listener.auth.query = default_auth_query;
  }
}

Listener read_listener(const Value& value) {
  const Fields fields = value.fields(listener_keys);
  Listener listener;
  if (const auto listen = fields.required("listen")) {
    if (const auto text = listen->text()) {
      auto parsed = parse_listen(*text);
      if (parsed.value) {
        listener.listen = std::move(*parsed.value);
      } else {
        listen->refuse(parsed.error, parsed.hint);
      }
    }
  }
  if (const auto auth = fields.find("auth")) {
    if (const auto index = auth->word("auth", auth_words)) {
      listener.auth.mode = static_cast<AuthMode>(*index);
    }
  }
  const auto upstream = fields.find("upstream");
  const auto databases = fields.find("databases");
  if (upstream) listener.upstream = read_upstream(*upstream, listener.auth.mode);
  if (databases) read_databases(*databases, listener);
  read_auth_query(fields, listener);
  if (const auto networks = fields.find("proxy_protocol_networks")) read_proxy_networks(*networks, listener);
  if (const auto tls = fields.find("tls")) {
    listener.tls = read_tls(*tls);
    if (listener.listen.is_unix()) tls->refuse("a Unix-domain socket has no TLS", "remove \"tls\"");
  }
  if (!upstream && !databases && value.is_map()) {
    value.refuse("the listener leads nowhere", "add \"upstream\" or \"databases\"");
  }
  if (upstream && listener.databases.contains(std::string(fallback))) {
    upstream->refuse("\"upstream\" and the \"*\" of \"databases\" are for the same databases",
                     "remove one of them");
  }
  return listener;
}

}  // namespace

std::vector<Listener> read_listeners(const Value& list) {
  std::vector<Listener> listeners;
  const auto items = list.items();
  if (items.empty() && list.is_list()) list.refuse("\"listeners\" is an empty list");
  for (const Value& item : items) {
    Listener listener = read_listener(item);
    const auto same = [&](const Listener& other) { return other.listen == listener.listen; };
    const auto first = std::find_if(listeners.begin(), listeners.end(), same);
    const bool chosen_by_system = listener.listen.port == 0;
    if (!listener.listen.host.empty() && !chosen_by_system && first != listeners.end()) {
      item.refuse("two listeners on " + to_string(listener.listen),
                  "the first is on line " +
                      std::to_string(items[static_cast<std::size_t>(first - listeners.begin())].at().line));
    }
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

void check_logins(const Value& list, const Config& config) {
  bool asks_for_certificates = false;
  bool logs_in = false;
  bool keys_only = true;
  const auto items = list.items();
  for (std::size_t i = 0; i < items.size(); ++i) {
    const Listener& listener = config.listeners[i];
    if (listener.auth.mode == AuthMode::passthrough) continue;
    logs_in = true;
    keys_only = keys_only && listener.auth.mode == AuthMode::key_passthrough;
    asks_for_certificates = asks_for_certificates || listener.tls.asks_for_certificate();
    if (config.users.empty() && listener.auth.query.empty()) {
      items[i].refuse("nobody can log in to this listener",
                      listener.auth.mode == AuthMode::managed
                          ? "add \"users\" or \"users_file\""
                          : "add \"users\" or \"users_file\", or a user with a password to the upstream's "
                            "URL, as whom pgwarden can ask the server");
    }
  }
  if (!logs_in) return;
  for (const auto& [name, user] : config.users) {
    if (!user.certificates.empty() && !asks_for_certificates) {
      list.refuse("user \"" + name + "\" has to show a certificate, and no listener asks for one",
                  "add \"client_ca\" to the \"tls\" of a listener with \"auth\"");
    }
    if (keys_only && !user.fits_key_passthrough()) {
      list.refuse("user \"" + name + "\" cannot log in with \"auth: key_passthrough\"",
                  "that takes a \"password\", which the server has, too, and no other \"user\" or password "
                  "upstream");
    }
  }
}

std::vector<ProtectedHost> protected_hosts(const Config& config) {
  std::vector<ProtectedHost> found;
  const auto add = [&](const Upstream& upstream) {
    for (const Host& host : upstream.hosts) {
      const std::string& name = host.endpoint.host;
      if (config.policy->protects(name)) found.push_back({name, &upstream});
    }
  };
  for (const Listener& listener : config.listeners) {
    if (listener.upstream) add(*listener.upstream);
    for (const auto& [name, upstream] : listener.databases) add(upstream);
  }
  return found;
}

const Upstream* Listener::route(const std::string& database) const {
  for (const std::string& name : {database, std::string("*")}) {
    if (const auto found = databases.find(name); found != databases.end()) return &found->second;
  }
  return upstream ? &*upstream : nullptr;
}

bool Listener::is_proxy(const policy::Address& peer) const {
  return std::any_of(proxy_protocol_networks.begin(), proxy_protocol_networks.end(),
                     [&](const policy::Network& network) { return network.contains(peer); });
}

}  // namespace pgwarden::config
