// Files named on the command line; what is wrong with them goes to stderr.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"

namespace pgwarden::cli {

void print(const std::vector<config::Diagnostic>& problems);

/// The configuration that PGWARDEN_CONFIG names; empty when it is not set. Stands in for --config where the
/// command line does not say which policy is meant.
std::string config_of_environment();

/// nullopt when the configuration is bad.
std::optional<config::Config> load_config(const std::string& path);

/// The contents of a file; throws std::runtime_error when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace pgwarden::cli
