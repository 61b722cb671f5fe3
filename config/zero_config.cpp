#include "config/config.h"
#include "config/presets.h"

namespace pgwarden::config {

Config zero_config(const Upstream& upstream, const Endpoint& listen) {
  auto policy = std::make_shared<policy::Policy>(preset_policy("guarded"));
  policy->protect.hosts.clear();
  for (const Host& host : upstream.hosts) policy->protect.hosts.push_back(host.endpoint.host);
  Config config;
  Listener& listener = config.listeners.emplace_back();
  listener.listen = listen;
  listener.upstream = upstream;
  config.policy = std::move(policy);
  return config;
}

}  // namespace pgwarden::config
