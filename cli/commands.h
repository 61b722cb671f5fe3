// The subcommands: each adds itself to the command line and runs when it was named.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace pgwarden::cli {

/// Exit codes: 0 well, 1 the answer is no, 2 usage or configuration; `run -- COMMAND` gives the command's
/// own.
enum ExitCode : int { ok = 0, failed = 1, usage = 2, command_not_found = 127 };

// Each sets `exit_code` when its subcommand ran. `command` is what follows `--`.
void add_run(CLI::App& app, const std::vector<std::string>& command, int& exit_code);
void add_url(CLI::App& app, int& exit_code);
void add_explain(CLI::App& app, int& exit_code);
void add_test(CLI::App& app, int& exit_code);
void add_policy(CLI::App& app, int& exit_code);
void add_server_guard(CLI::App& app, int& exit_code);
void add_check(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);
void add_hash_password(CLI::App& app, int& exit_code);
void add_health(CLI::App& app, int& exit_code);

/// The address that `run` listens on unless told otherwise.
inline constexpr const char* default_listen = "127.0.0.1:6432";

}  // namespace pgwarden::cli
