#include "cli/files.h"

#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "config/load.h"
#include "config/text_file.h"

namespace pgwarden::cli {

void print(const std::vector<config::Diagnostic>& problems) {
  for (const config::Diagnostic& problem : problems) std::cerr << config::format(problem) << '\n';
}

std::optional<config::Config> load_config(const std::string& path) {
  config::Loaded loaded = config::load_file(path);
  print(loaded.diagnostics);
  return std::move(loaded.config);
}

std::string config_of_environment() {
  const char* const path = std::getenv("PGWARDEN_CONFIG");
  return path == nullptr ? "" : path;
}

std::string read_file(const std::string& path) {
  auto text = config::read_text_file(path);
  if (!text.value) throw std::runtime_error(path + ": " + text.error);
  return std::move(*text.value);
}

}  // namespace pgwarden::cli
