#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/doctor/listeners.h"
#include "cli/doctor/report.h"
#include "cli/doctor/upstreams.h"
#include "cli/files.h"
#include "cli/parse.h"

namespace pgwarden::cli {

namespace {

struct DoctorOptions {
  std::string url;
  std::string listen = default_listen;
  std::string config;
  std::string user;
  std::string format = "text";
};

std::optional<config::Config> config_of(const DoctorOptions& options) {
  if (!options.config.empty()) return load_config(options.config);
  return config::zero_config(upstream(options.url), listen_address(options.listen));
}

bool holds_a_password(const config::Config& config) {
  const auto has = [](const config::Upstream& upstream) {
    return !upstream.password.empty() || !upstream.tls.key_password.empty();
  };
  return std::any_of(config.listeners.begin(), config.listeners.end(), [&](const config::Listener& listener) {
    return (listener.upstream && has(*listener.upstream)) ||
           std::any_of(listener.databases.begin(), listener.databases.end(),
                       [&](const auto& entry) { return has(entry.second); });
  });
}

doctor::Report examine(const DoctorOptions& options, const config::Config& config) {
  doctor::Report report;
  if (!options.config.empty()) {
    report.begin(options.config);
    report.ok("is a valid configuration");
    if (holds_a_password(config)) doctor::check_secret_file(report, options.config);
  }
  for (const config::Listener& listener : config.listeners) {
    report.begin("listener " + config::to_string(listener.listen));
    doctor::check_listener(report, listener);
    if (listener.upstream) {
      doctor::check_upstream(report, config, listener, *listener.upstream, options.user, "");
    }
    for (const auto& [name, upstream] : listener.databases) {
      doctor::check_upstream(report, config, listener, upstream, options.user, name == "*" ? "" : name);
    }
  }
  return report;
}

int examine(const DoctorOptions& options) {
  if (options.url.empty() == options.config.empty()) {
    throw std::runtime_error("doctor takes the URL of a server or --config FILE, as run does");
  }
  const auto config = config_of(options);
  if (!config) return usage;
  const doctor::Report report = examine(options, *config);
  if (options.format == "json") {
    doctor::write_json(std::cout, report);
  } else {
    doctor::write_text(std::cout, report);
  }
  return report.count(doctor::Level::problem) > 0 ? failed : ok;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("doctor", "Check what could go wrong between clients, pgwarden and servers");
  auto options = std::make_shared<DoctorOptions>();
  command->add_option("URL", options->url, "The server, as for run: postgres://user@host:port/database")
      ->envname("PGWARDEN_UPSTREAM");
  command->add_option("--listen", options->listen, "Where run with this URL would listen")
      ->envname("PGWARDEN_LISTEN")
      ->capture_default_str();
  command->add_option("--config", options->config, "A configuration in place of a URL")
      ->envname("PGWARDEN_CONFIG");
  command->add_option("--user", options->user, "Who logs in [the URL's user]");
  command->add_option("--format", options->format, "For people or for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "It connects to every server as the proxy would, and asks how the user is to log in. With the password "
      "of\n"
      "the URL it logs in, and looks at what the role may do. Nothing is changed.\n"
      "Exit code: 0 no problem (warnings perhaps), 1 a problem, 2 usage or a bad configuration.\n"
      "Examples:\n"
      "  pgwarden doctor \"$DATABASE_URL\"\n"
      "  pgwarden doctor --config pgwarden.yaml --user app\n");
  command->callback([options, &exit_code] { exit_code = examine(*options); });
}

}  // namespace pgwarden::cli
