#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "cli/child.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/parse.h"
#include "proxy/audit/log.h"
#include "proxy/net/server.h"
#include "proxy/net/service_manager.h"
#include "proxy/net/thread.h"

namespace pgwarden::cli {

namespace {

namespace asio = boost::asio;
using ConfigPtr = std::shared_ptr<const config::Config>;

struct RunOptions {
  std::string url;
  std::string listen;
  std::string config;
  bool take_over = false;
};

/// The file's configuration with the policy's version set; nullptr when it is bad: the problems are on
/// stderr.
ConfigPtr load(const std::string& path, std::uint64_t version) {
  auto config = load_config(path);
  if (!config) return nullptr;
  auto policy = std::make_shared<policy::Policy>(*config->policy);
  policy->version = version;
  config->policy = std::move(policy);
  return std::make_shared<const config::Config>(std::move(*config));
}

ConfigPtr initial_config(const RunOptions& options) {
  if (!options.config.empty()) return load(options.config, 1);
  const std::string listen = options.listen.empty() ? default_listen : options.listen;
  return std::make_shared<const config::Config>(
      config::zero_config(upstream(options.url), listen_address(listen)));
}

std::vector<std::string> current_environment() {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) all.emplace_back(*variable);
  return all;
}

/// How long sessions may take to end once they have to.
constexpr std::chrono::seconds last_words{10};
/// How long the process may take to end when they have.
constexpr std::chrono::seconds end_max{5};

/// One run of the server: its signals, and the command around which it was started, if any.
class Run {
 public:
  Run(RunOptions options, const std::vector<std::string>& command, ConfigPtr config)
      : options_(std::move(options)),
        command_(command),
        log_(config->log),
        drain_timeout_(config->limits.drain_timeout),
        server_(std::move(config), log_, options_.take_over),
        signals_(server_.context(), SIGTERM, SIGINT, SIGHUP) {
    signals_.add(SIGUSR1);
  }

  int operator()() {
    if (!command_.empty()) {
      for (const int signal : {SIGQUIT, SIGUSR2, SIGCHLD}) signals_.add(signal);
      try {
        start_command();
      } catch (const std::system_error& error) {
        std::cerr << "pgwarden: " << error.what() << '\n';
        return command_not_found;
      }
    } else if (!options_.url.empty()) {
      print_url();
    }
    asio::co_spawn(server_.context(), take_signals(), asio::detached);
    asio::co_spawn(server_.context(), feed_watchdog(), asio::detached);
    net::notify_ready(in_force());
    server_.run();
    end_in_time();
    return exit_code_;
  }

 private:
  /// All is done and said, but a name server may still hold up a thread that would be waited for. A signal
  /// that comes now changes nothing.
  void end_in_time() const {
    const sigset_t no_more = net::signals_to_the_process();
    pthread_sigmask(SIG_BLOCK, &no_more, nullptr);
    try {
      std::thread([code = exit_code_] {
        std::this_thread::sleep_for(end_max);
        std::_Exit(code);
      }).detach();
    } catch (const std::system_error&) {  // no thread to be had: then it is waited for
    }
  }

  config::Endpoint address() const { return server_.addresses().front(); }

  void print_url() const {
    std::cout << "pgwarden protects ";
    for (const char* separator = ""; const config::Host& host : upstream(options_.url).hosts) {
      std::cout << std::exchange(separator, ", ") << config::to_string(host.endpoint);
    }
    std::cout << " with the preset \"guarded\"\n"
              << "DATABASE_URL=" << config::rewritten_url(options_.url, address(), false) << std::endl;
  }

  void start_command() {
    const config::Endpoint here = address();
    // libpq finds a Unix-domain socket by its directory and port.
    const std::string host = here.is_unix() ? here.host.substr(0, here.host.rfind('/')) : here.host;
    ChildDatabase database{
        config::rewritten_url(options_.url, here, true), host, std::to_string(here.port), options_.url, {}};
    for (const config::Host& server : upstream(options_.url).hosts) {
      database.original_hosts.push_back(server.endpoint.host);
    }
    child_ = start_child(command_, child_environment(current_environment(), database));
  }

  /// One at a time: a reload is over before the next signal counts.
  asio::awaitable<void> take_signals() {
    for (;;) {
      const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (error) co_return;
      if (child_) {
        on_signal_with_command(signal);
      } else if (signal == SIGHUP) {
        net::notify_reloading();
        const bool reloaded = co_await reload();
        net::notify_ready(reloaded ? in_force() : "the new configuration is bad; " + in_force());
      } else if (signal == SIGUSR1) {
        net::notify_status("handing over: sessions may go on until their clients leave");
        server_.hand_over();
      } else {
        net::notify_stopping("draining: running transactions may end", drain_timeout_ + last_words);
        server_.stop();
      }
    }
  }

  /// A thread that hangs keeps the answer from coming.
  asio::awaitable<void> feed_watchdog() {
    const auto period = net::watchdog_period();
    if (!period) co_return;
    for (asio::steady_timer pause(server_.context());;) {
      co_await server_.workers_come_round();
      net::notify_alive();
      pause.expires_after(*period / 2);
      co_await pause.async_wait(asio::use_awaitable);
    }
  }

  std::string in_force() const { return "policy version " + std::to_string(version_) + " is in force"; }

  void on_signal_with_command(int signal) {
    if (signal == SIGCHLD) {
      if (const auto code = child_exit_code(*child_)) {
        exit_code_ = *code;
        server_.stop();
        server_.stop();  // nobody is left to wait for
      }
      return;
    }
    // The terminal has given its own signals to the command already.
    const bool from_terminal =
        (signal == SIGINT || signal == SIGQUIT) && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
    if (!from_terminal) ::kill(*child_, signal);
  }

  /// False when the old configuration stays in force.
  asio::awaitable<bool> reload() {
    if (options_.config.empty()) co_return true;
    const ConfigPtr fresh = load(options_.config, version_ + 1);
    if (fresh == nullptr) {
      log_.write(audit::Level::error, "reload failed",
                 {{"reason", "the file is bad; the old one stays in force"}});
      co_return false;
    }
    if (!co_await server_.reload(fresh)) co_return false;
    ++version_;
    drain_timeout_ = fresh->limits.drain_timeout;
    co_return true;
  }

  const RunOptions options_;
  const std::vector<std::string>& command_;
  audit::Log log_;
  std::chrono::milliseconds drain_timeout_;
  net::Server server_;
  boost::asio::signal_set signals_;
  std::optional<pid_t> child_;
  std::uint64_t version_ = 1;
  int exit_code_ = ok;
};

int run(const RunOptions& options, const std::vector<std::string>& command) {
  if (options.url.empty() == options.config.empty()) {
    const std::string choice =
        "the URL of a server (or PGWARDEN_UPSTREAM) or --config FILE (or PGWARDEN_CONFIG)";
    throw std::runtime_error(options.url.empty() ? "run needs " + choice
                                                 : "run takes " + choice + ", not both");
  }
  if (!command.empty() && options.url.empty())
    throw std::runtime_error("run -- COMMAND needs the URL of a server");
  const ConfigPtr config = initial_config(options);
  if (config == nullptr) return usage;
  return Run(options, command, config)();
}

}  // namespace

void add_run(CLI::App& app, const std::vector<std::string>& command, int& exit_code) {
  CLI::App* subcommand = app.add_subcommand("run", "Run the proxy");
  auto options = std::make_shared<RunOptions>();
  subcommand->add_option("URL", options->url, "The server to protect: postgres://user@host:port/database")
      ->envname("PGWARDEN_UPSTREAM");
  subcommand
      ->add_option("--listen", options->listen,
                   std::string("HOST:PORT or a socket's path [") + default_listen + "]")
      ->envname("PGWARDEN_LISTEN");
  subcommand
      ->add_option("--config", options->config,
                   "Configuration file; it names the addresses, --listen is not used")
      ->envname("PGWARDEN_CONFIG");
  subcommand->add_flag("--take-over", options->take_over,
                       "Listen where another pgwarden does, which is then to be told to leave (SIGUSR1)");
  subcommand->footer(
      "With \"-- COMMAND\" the command is started with DATABASE_URL, PGHOST and PGPORT leading to pgwarden;\n"
      "signals are passed on to it and its exit code becomes pgwarden's.\n"
      "SIGHUP reads the configuration again; SIGTERM lets running transactions end, a second one does not "
      "wait.\n"
      "SIGUSR1 leaves the addresses to a pgwarden started with --take-over and waits until all clients have "
      "left.\n");
  subcommand->callback([options, &command, &exit_code] { exit_code = run(*options, command); });
}

}  // namespace pgwarden::cli
