#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/parse.h"

namespace pgwarden::cli {

namespace {

struct UrlOptions {
  std::string url;
  std::string listen = default_listen;
  bool reveal = false;
};

}  // namespace

void add_url(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("url", "Print the DATABASE_URL that goes through pgwarden");
  auto options = std::make_shared<UrlOptions>();
  command->add_option("URL", options->url, "postgres://user:password@host:port/database")->required();
  command->add_option("--listen", options->listen, "Where pgwarden listens")
      ->envname("PGWARDEN_LISTEN")
      ->capture_default_str();
  command->add_flag("--reveal", options->reveal, "Show the password");
  command->callback([options, &exit_code] {
    upstream(options->url, config::LoginDemands::ignore);  // says what is wrong with it
    std::cout << config::rewritten_url(options->url, listen_address(options->listen), options->reveal)
              << '\n';
    exit_code = ok;
  });
}

}  // namespace pgwarden::cli
