// One listening socket: accepts and hands over.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "config/config.h"
#include "proxy/audit/log.h"
#include "proxy/net/service_manager.h"
#include "proxy/net/socket.h"
#include "proxy/net/worker.h"

namespace pgwarden::net {

/// Where the sockets of listeners come from, if not from themselves.
struct Inheritance {
  PassedSockets passed;
  /// Whether another process may listen at the same addresses: it is to end, and this one is its successor.
  bool take_over = false;
};

/// Accepts connections on one address and gives each to the next worker. Lives on the server's own thread.
class Listener {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol>;
  using NextWorker = std::function<Worker&()>;

  /// Binds, unless a socket has been passed; throws std::runtime_error. `index` is the listener's place in
  /// the configuration.
  Listener(asio::io_context& context, const config::Endpoint& address, std::size_t index,
           const audit::Log& log, Inheritance& inheritance);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  /// From now on clients may come, and a Unix-domain socket's path leads here: to be called when nothing else
  /// can fail, because a process that listens there already loses the path by it. Throws std::runtime_error.
  void listen();
  asio::awaitable<void> accept(NextWorker next_worker);
  /// Leaves new connections to the successor, accepts those that are on their way, and closes.
  asio::awaitable<void> hand_over();
  /// Ends accept(); a Unix-domain socket's file goes with it.
  void close();
  bool is_open() const { return acceptor_.is_open(); }
  config::Endpoint address() const;

 private:
  void open(const config::Endpoint& address, Inheritance& inheritance);
  void bind_tcp(const Protocol::endpoint& endpoint, bool take_over);
  void bind_unix(const std::string& path, bool take_over);
  error_code accept_some(Worker*& worker, const NextWorker& next_worker);
  void steer_to_successor();
  void remove_file() noexcept;

  Acceptor acceptor_;
  asio::steady_timer pause_;               ///< of accept()
  asio::steady_timer pause_handing_over_;  ///< of hand_over()
  const std::size_t index_;
  const audit::Log& log_;
  bool passed_ = false;                   ///< the socket lives on when this process closes it
  std::uint64_t inode_ = 0;               ///< of the socket's file; 0: it is not ours
  std::string new_path_;                  ///< of the socket's file until listen()
  std::optional<config::Endpoint> unix_;  ///< the address, when it is a socket's path
};

}  // namespace pgwarden::net
