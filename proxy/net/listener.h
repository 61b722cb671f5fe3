// One listening socket: accepts and hands over.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <cstdint>
#include <functional>
#include <optional>

#include "config/config.h"
#include "proxy/audit/log.h"
#include "proxy/net/socket.h"
#include "proxy/net/worker.h"

namespace pgwarden::net {

/// Accepts connections on one address and gives each to the next worker. Lives on the server's own thread.
class Listener {
 public:
  using Acceptor = asio::basic_socket_acceptor<Protocol>;
  using NextWorker = std::function<Worker&()>;

  /// Binds; throws std::runtime_error. `index` is the listener's place in the configuration.
  Listener(asio::io_context& context, const config::Endpoint& address, std::size_t index,
           const audit::Log& log);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener();

  asio::awaitable<void> accept(NextWorker next_worker);
  /// Ends accept(); a Unix-domain socket's file goes with it.
  void close();
  config::Endpoint address() const;

 private:
  void open(const config::Endpoint& address);
  void remove_file() noexcept;

  Acceptor acceptor_;
  asio::steady_timer pause_;
  const std::size_t index_;
  const audit::Log& log_;
  std::uint64_t inode_ = 0;               ///< of the socket's file
  std::optional<config::Endpoint> unix_;  ///< the address, when it is a socket's path
};

}  // namespace pgwarden::net
