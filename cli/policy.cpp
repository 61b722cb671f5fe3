#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "config/presets.h"

namespace pgwarden::cli {

void add_policy(CLI::App& app, int& exit_code) {
  CLI::App* policy = app.add_subcommand("policy", "Show what pgwarden denies");
  policy->require_subcommand(1);
  CLI::App* show = policy->add_subcommand("show", "Print a preset: a policy file carried in the program");
  auto preset = std::make_shared<std::string>("guarded");
  show->add_option("PRESET", *preset, "Which one")
      ->check(CLI::IsMember({"observe", "guarded", "append_only", "read_only"}))
      ->capture_default_str();
  show->callback([preset, &exit_code] {
    std::cout << config::preset_text(*preset);
    exit_code = ok;
  });
}

}  // namespace pgwarden::cli
