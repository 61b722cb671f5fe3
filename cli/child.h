// The command that `pgwarden run URL -- COMMAND` starts.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace pgwarden::cli {

/// Where the command finds its database, and what it must not find any more.
struct ChildDatabase {
  std::string url;       ///< becomes DATABASE_URL
  std::string host;      ///< becomes PGHOST
  std::string port;      ///< becomes PGPORT
  std::string original;  ///< the URL that pgwarden was given
  std::vector<std::string> original_hosts;
};

/// The environment for the command: `environment` ("NAME=value") with the database rewritten. Every variable
/// that leads to the original goes: the URL itself, any other URL to one of its hosts, and what libpq would
/// prefer to PGHOST.
std::vector<std::string> child_environment(const std::vector<std::string>& environment,
                                           const ChildDatabase& database);

/// Starts the command; it keeps this process's standard streams and group. Throws std::system_error when it
/// cannot be started.
pid_t start_child(const std::vector<std::string>& command, const std::vector<std::string>& environment);

/// The exit code of a child that has ended, as a shell gives it (128 + signal); nullopt while it runs. Does
/// not wait.
std::optional<int> child_exit_code(pid_t child);

}  // namespace pgwarden::cli
