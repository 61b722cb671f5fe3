#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/judged.h"
#include "cli/psql_message.h"
#include "config/keys.h"
#include "policy/answer.h"

namespace pgwarden::cli {

namespace {

struct TestOptions {
  std::vector<std::string> files;
  std::string config;
  unsigned coverage_min = 0;  ///< percent
};

/// A policy, and which of its rules have decided a statement of a test.
struct Tested {
  config::Config config;
  std::set<const policy::Rule*> deciding;
};

std::string indented(std::string_view lines) {
  std::string text;
  for (const char c : lines) text += c == '\n' ? std::string("\n      ") : std::string(1, c);
  return text.substr(0, text.find_last_not_of(" \n") + 1) + "\n";
}

/// The names of the rules whose answer became the statement's; the one in the message comes first.
std::vector<std::string> deciding_rules(const Judged& judged, const policy::Principal& who, Tested& tested) {
  std::vector<std::string> names;
  for (const policy::Fact& fact : judged.reading.facts) {
    const policy::Answer answer = policy::answer_for(*tested.config.policy, who, fact);
    if (answer.effect != judged.verdict.effect) continue;
    if (answer.rule != nullptr) tested.deciding.insert(answer.rule);
    names.push_back(policy::finding_of(fact, answer, *tested.config.policy).rule);
  }
  return names;
}

/// Runs tests and counts.
class Runner {
 public:
  /// False when a file or its configuration is bad.
  bool run_file(const std::string& path, const std::string& config_option) {
    const config::LoadedTests loaded = config::load_tests(read_file(path), path);
    print(loaded.diagnostics);
    if (!loaded.file) return false;
    std::filesystem::path config_path = config_option;
    if (config_option.empty()) {
      if (loaded.file->config.empty()) {
        throw std::runtime_error(path +
                                 ": no configuration to test: say \"config\" in the file, or --config");
      }
      config_path = std::filesystem::path(path).parent_path() / loaded.file->config;
    }
    Tested* tested = policy_at(config_path.lexically_normal().string());
    if (tested == nullptr) return false;
    for (const config::Expectation& test : loaded.file->tests) run_test(path, test, *tested);
    return true;
  }

  /// Prints which rules decided; true when all went well.
  bool report(unsigned coverage_min) const {
    bool covered = true;
    for (const auto& [path, tested] : policies_) {
      const policy::Rules& rules = tested.config.policy->rules;
      std::cout << path << ": " << tested.deciding.size() << " of " << rules.size()
                << " rules decided a statement\n";
      for (const policy::Rule& rule : rules) {
        if (tested.deciding.contains(&rule)) continue;
        std::cout << "  never: " << rule.name << " (" << rule.file << ":" << rule.line << ")\n";
      }
      covered = covered && tested.deciding.size() * 100 >= rules.size() * coverage_min;
    }
    if (!covered) std::cout << "less than " << coverage_min << "% of the rules decided a statement\n";
    std::cout << passed_ << " passed, " << failed_ << " failed\n";
    return failed_ == 0 && covered;
  }

 private:
  Tested* policy_at(const std::string& path) {
    if (const auto known = policies_.find(path); known != policies_.end()) return &known->second;
    auto config = load_config(path);
    if (!config) return nullptr;
    return &policies_.emplace(path, Tested{std::move(*config), {}}).first->second;
  }

  void run_test(const std::string& path, const config::Expectation& test, Tested& tested) {
    const policy::Principal who = principal(test.who, tested.config);
    const Judged judged = judge(*tested.config.policy, who, test.statement);
    std::vector<std::string> rules;
    if (judged.protected_host) rules = deciding_rules(judged, who, tested);
    // A message names one rule; what is allowed may be so by several.
    if (judged.effect() != policy::Effect::allow) rules.resize(1);
    const bool rule_fits = !test.rule || std::find(rules.begin(), rules.end(), *test.rule) != rules.end();
    if (judged.effect() == test.effect && rule_fits) {
      ++passed_;
      return;
    }
    ++failed_;
    const auto by = [](const std::string& rule) { return rule.empty() ? "" : " by rule \"" + rule + "\""; };
    std::cout << path << ":" << test.at.line << ":" << test.at.column
              << ": failed: " << indented(test.statement) << "    - expected: " << config::word(test.effect)
              << by(test.rule.value_or("")) << "\n    + got: " << config::word(judged.effect())
              << by(rules.empty() ? "" : rules.front()) << "\n";
    if (!judged.protected_host) {
      std::cout << "      host \"" << who.host << "\" is not protected\n";
    } else if (const auto refusal = refusal_of(judged, who.host)) {
      std::cout << "      " << indented(psql_message(*refusal, judged.verdict.effect, test.statement));
    }
  }

  std::map<std::string, Tested> policies_;  ///< by the path of the configuration
  unsigned passed_ = 0;
  unsigned failed_ = 0;
};

int test(const TestOptions& options) {
  Runner runner;
  bool sound = true;
  for (const std::string& file : options.files) sound = runner.run_file(file, options.config) && sound;
  if (!sound) return usage;
  return runner.report(options.coverage_min) ? ok : failed;
}

}  // namespace

void add_test(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("test", "Run tests of a policy");
  auto options = std::make_shared<TestOptions>();
  command->add_option("FILE", options->files, "Files with tests")->required();
  command->add_option("--config", options->config,
                      "Configuration to test in place of the one that the files name");
  command
      ->add_option("--coverage-min", options->coverage_min,
                   "Percent of the rules that must decide a statement")
      ->check(CLI::Range(0, 100));
  command->footer(
      "Exit code: 0 all passed, 1 some failed, 2 a file is bad.\n"
      "Examples:\n"
      "  pgwarden test rules.test.yaml\n"
      "  pgwarden test --config staging.yaml tests/*.yaml\n"
      "A file:\n"
      "  config: pgwarden.yaml\n"
      "  tests:\n"
      "    - statement: DROP TABLE product\n"
      "      who: {user: app, client: 10.1.2.3}\n"
      "      expect: deny\n"
      "      rule: no-drop\n");
  command->callback([options, &exit_code] { exit_code = test(*options); });
}

}  // namespace pgwarden::cli
