#include "cli/child.h"

#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string_view>
#include <system_error>

namespace pgwarden::cli {

namespace {

bool leads_to_original(std::string_view name, std::string_view value, const ChildDatabase& database) {
  constexpr std::array<std::string_view, 10> replaced{
      "DATABASE_URL", "PGHOST",           "PGPORT",           "PGHOSTADDR",        "PGSERVICE",
      "PGSSLMODE",    "PGCHANNELBINDING", "PGSSLNEGOTIATION", "PGWARDEN_UPSTREAM", "PGREQUIRESSL"};
  if (std::find(replaced.begin(), replaced.end(), name) != replaced.end()) return true;
  if (value == database.original) return true;
  const bool is_url = value.find("postgres://") != std::string_view::npos ||
                      value.find("postgresql://") != std::string_view::npos;  // also behind "jdbc:"
  const auto is_named = [&](const std::string& host) { return value.find(host) != std::string_view::npos; };
  return is_url && std::any_of(database.original_hosts.begin(), database.original_hosts.end(), is_named);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (const std::string& text : texts) all.push_back(const_cast<char*>(text.c_str()));
  all.push_back(nullptr);
  return all;
}

}  // namespace

std::vector<std::string> child_environment(const std::vector<std::string>& environment,
                                           const ChildDatabase& database) {
  std::vector<std::string> result;
  for (const std::string& variable : environment) {
    const std::size_t equals = std::min(variable.find('='), variable.size());
    const std::string_view name = std::string_view(variable).substr(0, equals);
    const std::string_view value = std::string_view(variable).substr(std::min(equals + 1, variable.size()));
    if (!leads_to_original(name, value, database)) result.push_back(variable);
  }
  result.push_back("DATABASE_URL=" + database.url);
  result.push_back("PGHOST=" + database.host);
  result.push_back("PGPORT=" + database.port);
  result.emplace_back("PGSSLMODE=disable");
  return result;
}

pid_t start_child(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  // pgwarden itself ignores SIGPIPE; the command should find the default.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = posix_spawnp(&child, command.front().c_str(), nullptr, &attributes,
                                 pointers(command).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "cannot start \"" + command.front() + "\"");
  return child;
}

std::optional<int> child_exit_code(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, WNOHANG) != child) return std::nullopt;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace pgwarden::cli
