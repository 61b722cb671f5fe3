// Which policy a tool asks.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"

namespace CLI {
class App;
}

namespace pgwarden::cli {

struct PolicyOptions {
  std::string config;  ///< the path of a configuration
  std::string preset;  ///< in its place
};

/// Adds --config and --preset. `options` must live as long as `command`.
void add_policy_options(CLI::App& command, PolicyOptions& options);

/// The configuration with the policy: the one of the options or, when they name none, of PGWARDEN_CONFIG;
/// else one without listeners that has the preset, `guarded` unless told otherwise, for every host. nullopt
/// when it is bad: the problems are on stderr.
std::optional<config::Config> load_policy(const PolicyOptions& options);

}  // namespace pgwarden::cli
