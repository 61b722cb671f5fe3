#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "cli/check/report.h"
#include "cli/commands.h"
#include "cli/judged.h"
#include "cli/policy_options.h"

namespace pgwarden::cli {

namespace {

namespace fs = std::filesystem;

struct CheckOptions {
  std::vector<std::string> files;
  PolicyOptions policy;
  config::Sender sender;
  std::string format = "human";
  std::string color = "auto";
};

/// Where nothing is said of it: the only protected upstream host.
void add_host(policy::Principal& who, const config::Config& config) {
  std::set<std::string> hosts;
  std::set<std::string> databases;
  for (const config::ProtectedHost& host : config::protected_hosts(config)) {
    hosts.insert(host.name);
    databases.insert(host.upstream->database);
  }
  if (hosts.size() != 1) {
    throw std::runtime_error("the configuration protects " + std::string(hosts.empty() ? "none" : "several") +
                             " of its upstream hosts; say with --host or --database which one is meant");
  }
  who.host = *hosts.begin();
  if (databases.size() == 1 && !databases.begin()->empty()) who.database = *databases.begin();
}

/// Who runs the scripts, on a host that is protected: the one said, the one that the database is routed to,
/// or the only one.
policy::Principal protected_principal(const config::Sender& sender, const config::Config& config) {
  const bool routed = sender.host || sender.database;
  config::Config known = config;
  if (!routed) known.listeners.clear();
  policy::Principal who = principal(sender, known);
  if (!routed && !config.listeners.empty()) add_host(who, config);
  if (!config.policy->protects(who.host)) {
    throw std::runtime_error("the configuration does not protect \"" + who.host +
                             "\"; nothing is denied there");
  }
  return who;
}

/// A rule for some users, databases, ... may not match when it is not said who runs the scripts, and from
/// where.
void warn_of_missing(const policy::Policy& policy, const policy::Principal& who,
                     const config::Sender& sender) {
  const auto warn = [&](bool given, const char* option, const auto& list) {
    const bool needed = std::any_of(policy.rules.begin(), policy.rules.end(),
                                    [&](const policy::Rule& rule) { return !list(rule.match).empty(); });
    if (!given && needed) {
      std::cerr << "pgwarden: warning: rules depend on " << option << ", which was not given\n";
    }
  };
  using policy::Match;
  warn(
      sender.user.has_value(), "--user", [](const Match& match) -> const auto& { return match.users; });
  warn(
      sender.label || sender.user, "--label", [](const Match& match) -> const auto& { return match.labels; });
  warn(
      sender.certificate.has_value(), "--certificate",
      [](const Match& match) -> const auto& { return match.certificates; });
  warn(
      sender.database || who.database != who.user, "--database",
      [](const Match& match) -> const auto& { return match.databases; });
  warn(
      sender.application.has_value(), "--application",
      [](const Match& match) -> const auto& { return match.applications; });
  warn(
      sender.client.has_value(), "--client",
      [](const Match& match) -> const auto& { return match.networks; });
}

ScriptReport unreadable(std::string name, std::string why) {
  ScriptReport report;
  report.name = std::move(name);
  report.unreadable = std::move(why);
  return report;
}

ScriptReport check_stream(const CheckContext& context, const std::string& name, std::istream& stream) {
  std::string text;
  std::array<char, 65'536> chunk;
  errno = 0;
  while (stream) {
    stream.read(chunk.data(), chunk.size());
    text.append(chunk.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (stream.eof()) return check_script(context, name, text);
  return unreadable(name, errno == 0 ? "cannot be read" : std::generic_category().message(errno));
}

ScriptReport check_file(const CheckContext& context, const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return unreadable(path, std::generic_category().message(errno));
  return check_stream(context, path, file);
}

/// All *.sql in a folder and those below it, sorted.
std::vector<std::string> scripts_in(const std::string& folder) {
  std::vector<std::string> paths;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".sql" && !entry.is_directory()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void check_path(const CheckContext& context, const std::string& path, Reports& reports) {
  std::error_code error;
  if (path == "-") {
    reports.push_back(check_stream(context, "<stdin>", std::cin));
  } else if (!fs::is_directory(path, error)) {
    reports.push_back(check_file(context, path));
  } else {
    try {
      const std::vector<std::string> scripts = scripts_in(path);
      if (scripts.empty()) reports.push_back(unreadable(path, "no *.sql in this folder"));
      for (const std::string& script : scripts) reports.push_back(check_file(context, script));
    } catch (const fs::filesystem_error& failure) {
      reports.push_back(unreadable(path, failure.code().message()));
    }
  }
}

bool coloured(const std::string& color) {
  if (color != "auto") return color == "always";
  const char* const no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && ::isatty(STDOUT_FILENO) == 1;
}

void write(const CheckOptions& options, const Reports& reports) {
  for (const ScriptReport& report : reports) {
    if (report.unreadable.empty()) continue;
    std::cerr << "pgwarden: " << report.name << ": " << report.unreadable << '\n';
  }
  if (options.format == "json") {
    write_json(std::cout, reports);
  } else if (options.format == "sarif") {
    write_sarif(std::cout, reports, PGWARDEN_VERSION);
  } else if (options.format == "github") {
    write_github(std::cout, reports);
  } else {
    write_human(std::cout, reports, coloured(options.color));
  }
}

int check(const CheckOptions& options) {
  const auto config = load_policy(options.policy);
  if (!config) return usage;
  const policy::Principal who = protected_principal(options.sender, *config);
  warn_of_missing(*config->policy, who, options.sender);
  const CheckContext context{*config->policy, who};
  Reports reports;
  for (const std::string& path : options.files) check_path(context, path, reports);
  write(options, reports);
  const Summary summary = summary_of(reports);
  if (summary.denied + summary.malformed > 0) return failed;
  return summary.unreadable > 0 ? usage : ok;
}

constexpr const char* help = R"(Examples:
  pgwarden check migrations/
  pgwarden check --config pgwarden.yaml --host db.example.com --user deploy migrations/0042_cleanup.sql
  pg_dump --schema-only app | pgwarden check -
  pgwarden check --format sarif migrations/ > pgwarden.sarif

Exit code: 0 nothing is denied, 1 something is or an exception is malformed, 2 something could not be read.

A comment in front of a statement, or behind it on its last line, excepts one kind of denial:
  -- pgwarden: allow drop-table the table was emptied in 0041
Exceptions exist here only: the proxy does not know them.
)";

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("check", "Check SQL scripts as the proxy would judge them");
  auto options = std::make_shared<CheckOptions>();
  command->add_option("FILE", options->files, "Scripts for psql, folders of *.sql, or - for standard input")
      ->required();
  add_policy_options(*command, options->policy);
  command->add_option("--user", options->sender.user, "Who runs the scripts");
  command->add_option("--label", options->sender.label,
                      "The label of this user; what the configuration says if not given");
  command->add_option("--certificate", options->sender.certificate, "A name in the client's certificate");
  command->add_option("--database", options->sender.database,
                      "In which database; the user's name if not given");
  command->add_option("--application", options->sender.application, "As which application_name");
  command->add_option("--client", options->sender.client,
                      "From which address, or unix; 127.0.0.1 if not given");
  command->add_option("--host", options->sender.host, "On which host; one that the configuration protects");
  command->add_option("--format", options->format, "How to report")
      ->check(CLI::IsMember({"human", "json", "sarif", "github"}))
      ->capture_default_str();
  command->add_option("--color", options->color, "Colours in the report for people")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  command->footer(help);
  command->callback([options, &exit_code] { exit_code = check(*options); });
}

}  // namespace pgwarden::cli
