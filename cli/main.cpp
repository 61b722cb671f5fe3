// pgwarden: a firewall between PostgreSQL clients and servers.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "policy/grammar_version.h"
#include "protocol/secret.h"

namespace {

using namespace pgwarden;

constexpr const char* examples = R"(Examples:
  pgwarden run postgres://user@db.example.com:5432/app
  pgwarden run --config pgwarden.yaml
  pgwarden run "$DATABASE_URL" -- npm run dev
  pgwarden doctor --config pgwarden.yaml
  pgwarden explain 'DROP TABLE product CASCADE'
  pgwarden check migrations/
)";

int run(const std::vector<std::string>& arguments) {
  // What follows "--" belongs to the command, options included.
  const auto separator = std::find(arguments.begin(), arguments.end(), "--");
  const std::vector<std::string> command(separator == arguments.end() ? separator : std::next(separator),
                                         arguments.end());
  CLI::App app(
      "PostgreSQL firewall: blocks raw DDL, DROP and other destruction, and passes the rest untouched.",
      "pgwarden");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("pgwarden ") + PGWARDEN_VERSION + " (PostgreSQL " +
                                        std::string(policy::grammar_version()) + " grammar)");
  int exit_code = cli::ok;
  cli::add_run(app, command, exit_code);
  cli::add_url(app, exit_code);
  cli::add_explain(app, exit_code);
  cli::add_test(app, exit_code);
  cli::add_policy(app, exit_code);
  cli::add_server_guard(app, exit_code);
  cli::add_check(app, exit_code);
  cli::add_doctor(app, exit_code);
  cli::add_hash_password(app, exit_code);
  cli::add_health(app, exit_code);
  app.footer(examples);  // last: subcommands would inherit it
  try {
    // CLI11 takes the arguments in reverse order.
    app.parse(std::vector<std::string>(std::make_reverse_iterator(separator),
                                       std::make_reverse_iterator(arguments.begin())));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? cli::ok : cli::usage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  protocol::prepare_secure_heap();
  try {
    return run(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::cerr << "pgwarden: " << error.what() << '\n';
    return pgwarden::cli::usage;
  }
}
