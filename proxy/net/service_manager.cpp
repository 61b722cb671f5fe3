#include "proxy/net/service_manager.h"

#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <stdexcept>
#include <system_error>

namespace pgwarden::net {

namespace {

bool listens_at(int socket, const Protocol::endpoint& address) {
  if (address.protocol().family() == AF_UNIX) {
    const auto* path = reinterpret_cast<const sockaddr_un*>(address.data())->sun_path;
    return sd_is_socket_unix(socket, SOCK_STREAM, 1, path, 0) > 0;
  }
  return sd_is_socket_sockaddr(socket, SOCK_STREAM, address.data(), static_cast<unsigned>(address.size()),
                               1) > 0;
}

/// That a manager which has gone does not hear of it is nobody's business.
void notify(const std::string& state) { sd_notify(0, state.c_str()); }

}  // namespace

PassedSockets PassedSockets::of_this_process() {
  const int count = sd_listen_fds(1);
  if (count < 0) {
    throw std::runtime_error(std::string("cannot take the sockets of LISTEN_FDS: ") +
                             std::generic_category().message(-count));
  }
  PassedSockets passed;
  for (int i = 0; i < count; ++i) passed.sockets_.push_back(SD_LISTEN_FDS_START + i);
  return passed;
}

std::optional<int> PassedSockets::take(const Protocol::endpoint& address) {
  for (auto socket = sockets_.begin(); socket != sockets_.end(); ++socket) {
    if (!listens_at(*socket, address)) continue;
    const int taken = *socket;
    sockets_.erase(socket);
    return taken;
  }
  return std::nullopt;
}

void PassedSockets::check_all_taken() const {
  if (sockets_.empty()) return;
  throw std::runtime_error("file descriptor " + std::to_string(sockets_.front()) +
                           " of LISTEN_FDS is no listening stream socket with the address of a listener");
}

void notify_ready(const std::string& status) { notify("READY=1\nSTATUS=" + status); }

void notify_reloading() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();  // CLOCK_MONOTONIC
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

void notify_status(const std::string& status) { notify("STATUS=" + status); }

void notify_stopping(const std::string& status, std::chrono::microseconds time_max) {
  notify("STOPPING=1\nSTATUS=" + status + "\nEXTEND_TIMEOUT_USEC=" + std::to_string(time_max.count()));
}

std::optional<std::chrono::microseconds> watchdog_period() {
  std::uint64_t microseconds = 0;
  if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
  return std::chrono::microseconds(microseconds);
}

void notify_alive() { notify("WATCHDOG=1"); }

}  // namespace pgwarden::net
