#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/files.h"
#include "config/keys.h"
#include "config/lint.h"
#include "config/policy_yaml.h"
#include "config/presets.h"

namespace pgwarden::cli {

namespace {

int show(const std::string& preset, std::string config_path) {
  if (config_path.empty() && preset.empty()) config_path = config_of_environment();
  if (config_path.empty()) {
    std::cout << config::preset_text(preset.empty() ? "guarded" : preset);
    return ok;
  }
  const auto config = load_config(config_path);
  if (!config) return usage;
  std::cout << "# The policy of " << config_path << ": the first rule that matches answers.\n"
            << "# With \"listeners\" in front it is a configuration again.\n"
            << config::to_yaml(*config->policy);
  return ok;
}

int lint(const std::string& config_path) {
  const auto problems = config::lint_text(read_file(config_path), config_path);
  print(problems);
  if (problems.empty()) return ok;
  return problems.front().severity == config::Severity::error ? usage : failed;
}

void add_show(CLI::App& policy, int& exit_code) {
  CLI::App* command =
      policy.add_subcommand("show", "Print a preset, or all rules that a configuration comes to");
  auto preset = std::make_shared<std::string>();
  auto path = std::make_shared<std::string>();
  CLI::Option* config = command->add_option(
      "--config", *path, "This configuration: its rules, then its preset's [PGWARDEN_CONFIG]");
  command->add_option("PRESET", *preset, "Which preset [guarded]")
      ->check(CLI::IsMember(config::preset_names))
      ->excludes(config);
  command->footer(
      "Examples:\n"
      "  pgwarden policy show read_only\n"
      "  pgwarden policy show --config pgwarden.yaml\n");
  command->callback([preset, path, &exit_code] { exit_code = show(*preset, *path); });
}

void add_lint(CLI::App& policy, int& exit_code) {
  CLI::App* command =
      policy.add_subcommand("lint", "Find what is wrong with a configuration, or hardly meant");
  auto path = std::make_shared<std::string>();
  command->add_option("--config", *path, "The configuration")->required()->envname("PGWARDEN_CONFIG");
  command->footer(
      "Exit code: 0 nothing found, 1 warnings, 2 errors.\n"
      "Example:\n"
      "  pgwarden policy lint --config pgwarden.yaml\n");
  command->callback([path, &exit_code] { exit_code = lint(*path); });
}

void add_schema(CLI::App& policy, int& exit_code) {
  CLI::App* command = policy.add_subcommand("schema", "Print the JSON Schema of configurations, for editors");
  command->footer(
      "Example:\n"
      "  pgwarden policy schema > pgwarden.schema.json\n");
  command->callback([&exit_code] {
    std::cout << config::schema_text();
    exit_code = ok;
  });
}

}  // namespace

void add_policy(CLI::App& app, int& exit_code) {
  CLI::App* policy = app.add_subcommand("policy", "Show and check what pgwarden denies");
  policy->require_subcommand(1);
  policy->footer(
      "Examples:\n"
      "  pgwarden policy show\n"
      "  pgwarden policy lint --config pgwarden.yaml\n");
  add_show(*policy, exit_code);
  add_lint(*policy, exit_code);
  add_schema(*policy, exit_code);
}

}  // namespace pgwarden::cli
