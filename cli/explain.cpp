#include <CLI/CLI.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/judged.h"
#include "cli/policy_options.h"
#include "cli/psql_message.h"
#include "cli/statement_json.h"
#include "cli/statement_tree.h"

namespace pgwarden::cli {

namespace {

struct ExplainOptions {
  std::string sql;
  PolicyOptions policy;
  std::string format = "text";
  config::Sender sender;
};

std::string text_of(const ExplainOptions& options) {
  if (options.sql != "-") return options.sql;
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

void print_text(const Judged& judged, const policy::Policy& policy, const policy::Principal& who,
                std::string_view sql) {
  std::cout << tree_text(judged.reading, policy, who, sql) << '\n';
  if (!judged.protected_host) {
    std::cout << "allowed: host \"" << who.host << "\" is not protected\n";
  } else if (judged.effect() != policy::Effect::deny) {
    std::cout << "allowed\n";
  }
  const auto refusal = refusal_of(judged, who.host);
  if (refusal && !judged.protected_host) std::cout << "on a protected host:\n";
  if (refusal) std::cout << psql_message(*refusal, judged.verdict.effect, sql);
}

int explain(const ExplainOptions& options) {
  const auto config = load_policy(options.policy);
  if (!config) return usage;
  const std::string sql = text_of(options);
  const policy::Policy& policy = *config->policy;
  const policy::Principal who = principal(options.sender, *config);
  const Judged judged = judge(policy, who, sql);
  if (options.format == "json") {
    std::cout << boost::json::serialize(to_json(judged, policy, who, sql)) << '\n';
  } else {
    print_text(judged, policy, who, sql);
  }
  return judged.effect() == policy::Effect::deny ? failed : ok;
}

}  // namespace

void add_explain(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("explain", "Show what a statement does, which rules answer, and the message");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("SQL", options->sql, "The statements; \"-\" reads them from standard input")
      ->required();
  add_policy_options(*command, options->policy);
  command->add_option("--user", options->sender.user, "Who the client logs in as");
  command->add_option("--label", options->sender.label,
                      "The label of this user [what the configuration says]");
  command->add_option("--certificate", options->sender.certificate, "A name in the client's certificate");
  command->add_option("--database", options->sender.database, "The database it asks for [the user's name]");
  command->add_option("--application", options->sender.application, "Its application_name");
  command->add_option("--client", options->sender.client, "Its IP address, or unix [127.0.0.1]");
  command->add_option("--host", options->sender.host, "The upstream host [where the configuration leads]");
  command->add_option("--format", options->format, "For people or for programs")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->footer(
      "The message is what psql shows, but for the decision id. Exit code: 0 allowed, 1 denied, 2 usage.\n"
      "Examples:\n"
      "  pgwarden explain 'DROP TABLE product CASCADE'\n"
      "  pgwarden explain --config pgwarden.yaml --user migrator --client 10.1.2.3 - < migration.sql\n");
  command->callback([options, &exit_code] { exit_code = explain(*options); });
}

}  // namespace pgwarden::cli
