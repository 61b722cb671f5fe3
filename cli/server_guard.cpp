#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string_view>

#include "cli/commands.h"

namespace pgwarden::cli {

// The SQL scripts in cli/server_guard, carried in the program.
extern const std::string_view server_guard_install;
extern const std::string_view server_guard_uninstall;

void add_server_guard(CLI::App& app, int& exit_code) {
  CLI::App* guard = app.add_subcommand(
      "server-guard",
      "Print SQL for psql that makes the server refuse DDL, also from functions and past the proxy");
  auto uninstall = std::make_shared<bool>(false);
  guard->add_flag("--uninstall", *uninstall, "Print the SQL that removes it again");
  guard->callback([uninstall, &exit_code] {
    std::cout << (*uninstall ? server_guard_uninstall : server_guard_install);
    exit_code = ok;
  });
}

}  // namespace pgwarden::cli
