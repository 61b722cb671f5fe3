#include "config/listeners.h"

#include <algorithm>
#include <string>

#include "config/endpoint.h"
#include "config/keys.h"
#include "config/text_file.h"
#include "config/upstream_url.h"

namespace pgwarden::config {

namespace {

constexpr std::string_view fallback = "*";

std::optional<Upstream> read_upstream(const Value& value) {
  const auto url = value.text();
  if (!url) return std::nullopt;
  auto parsed = parse_upstream_url(*url, UnknownParameters::refuse);
  if (!parsed.value) value.refuse(parsed.error, parsed.hint);
  return std::move(parsed.value);
}

void read_databases(const Value& value, Listener& listener) {
  const auto entries = value.entries();
  if (entries.empty()) value.refuse("\"databases\" names no database", "\"*\" stands for every database");
  for (const Value& entry : entries) {
    const std::string name(entry.name());
    if (name != fallback && name.find('*') != std::string::npos) {
      entry.refuse("\"" + name + "\" is not a database name",
                   "patterns are not supported here, only \"*\" for all others");
    } else if (auto upstream = read_upstream(entry)) {
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
  const auto path = value ? value->text() : std::nullopt;
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
  const auto upstream = fields.find("upstream");
  const auto databases = fields.find("databases");
  if (upstream) listener.upstream = read_upstream(*upstream);
  if (databases) read_databases(*databases, listener);
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
