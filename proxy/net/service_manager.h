// What systemd gives to a service that it starts, and what it is told. Nothing happens where something else
// has started pgwarden.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "proxy/net/socket.h"

namespace pgwarden::net {

/// The listening sockets that this process has been started with (sd_listen_fds(3)), each for the listener
/// whose address it has.
class PassedSockets {
 public:
  /// Takes them out of the environment, so that no child process believes that they are its own. Throws
  /// std::runtime_error.
  static PassedSockets of_this_process();

  /// The socket that listens there, which is the caller's from now on.
  std::optional<int> take(const Protocol::endpoint& address);
  /// Throws std::runtime_error when there is a socket that nobody has taken: its clients would wait for ever.
  void check_all_taken() const;

 private:
  std::vector<int> sockets_;
};

// The following are sd_notify(3)'s; `status` is a line for people.

void notify_ready(const std::string& status);
/// Until the next notify_ready().
void notify_reloading();
void notify_status(const std::string& status);
/// The end may take as long as this.
void notify_stopping(const std::string& status, std::chrono::microseconds time_max);

/// Within which notify_alive() is expected again and again; nullopt when nobody waits for it
/// (sd_watchdog_enabled(3)).
std::optional<std::chrono::microseconds> watchdog_period();
void notify_alive();

}  // namespace pgwarden::net
