#include "cli/policy_options.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/files.h"
#include "config/keys.h"
#include "config/presets.h"

namespace pgwarden::cli {

void add_policy_options(CLI::App& command, PolicyOptions& options) {
  CLI::Option* config =
      command.add_option("--config", options.config, "The policy of this configuration [PGWARDEN_CONFIG]");
  command.add_option("--preset", options.preset, "In its place this preset, on a protected host [guarded]")
      ->check(CLI::IsMember(config::preset_names))
      ->excludes(config);
}

std::optional<config::Config> load_policy(const PolicyOptions& options) {
  const bool said = !options.config.empty() || !options.preset.empty();
  if (const std::string path = said ? options.config : config_of_environment(); !path.empty()) {
    return load_config(path);
  }
  config::Config config;
  const std::string preset = options.preset.empty() ? "guarded" : options.preset;
  config.policy = std::make_shared<policy::Policy>(config::preset_policy(preset));
  return config;
}

}  // namespace pgwarden::cli
