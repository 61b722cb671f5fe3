// From a YAML file to a Config, or to everything that is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/diagnostic.h"

namespace pgwarden::config {

/// The configuration when there is nothing wrong with it, else all problems in the order of the file.
struct Loaded {
  std::optional<Config> config;
  std::vector<Diagnostic> diagnostics;
};

/// Reads a file. One that cannot be read is a diagnostic without a line.
Loaded load_file(const std::string& path);

/// Reads a text; diagnostics and rules carry `file_name`.
Loaded load_text(std::string_view text, const std::string& file_name);

}  // namespace pgwarden::config
