// The whole proxy: listeners, workers, reload, end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <vector>

#include "config/config.h"
#include "proxy/audit/log.h"
#include "proxy/net/admission.h"
#include "proxy/net/cancel_keys.h"
#include "proxy/net/cancel_slots.h"
#include "proxy/net/derived_keys.h"
#include "proxy/net/guard.h"
#include "proxy/net/listener.h"
#include "proxy/net/login_failures.h"
#include "proxy/net/thread.h"
#include "proxy/net/worker.h"

namespace pgwarden::net {

/// Listens and gives connections to its workers in turn (D10). Construction binds every listener and throws
/// std::runtime_error with the address when one cannot be bound. With `take_over` another process may have
/// them; it is to be told to hand over.
class Server {
 public:
  Server(std::shared_ptr<const config::Config> config, const audit::Log& log, bool take_over);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Serves until stop() or hand_over() and the end of every session. Blocks; call once.
  void run();

  // The following are called on the thread that runs the server, through context().

  boost::asio::io_context& context() { return context_; }
  /// Leaves the addresses to a successor that listens there already; sessions go on until their clients end
  /// them.
  void hand_over();
  /// The first call lets running transactions end, within `drain_timeout`; the second closes at once.
  void stop();
  /// Running sessions take the new policy with their next statement, new connections everything, certificates
  /// too. When it is over, all threads have it. False, with a record in the log, when listeners have changed
  /// (that needs a restart) or a certificate is bad.
  boost::asio::awaitable<bool> reload(std::shared_ptr<const config::Config> config);
  /// Is over when every worker has done what it had to do at the call.
  boost::asio::awaitable<void> workers_come_round();
  /// The addresses in use, in the configuration's order; a port 0 has become a real one.
  std::vector<config::Endpoint> addresses() const;

 private:
  void log_upstreams() const;
  void leave();
  void drain();
  void terminate();
  void watch_end();
  void open_ring(Worker& worker);
  boost::asio::awaitable<void> keep_house();
  static boost::asio::awaitable<void> keep_house(Worker& worker);
  template <typename Action>
  void on_every_worker(Action action);

  std::shared_ptr<const config::Config> config_;
  const audit::Log& log_;
  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  CancelKeys cancel_keys_;
  DerivedKeys derived_keys_;
  CancelsUnderWay cancels_;
  Admission admission_;
  LoginFailures login_failures_;
  std::vector<std::unique_ptr<Worker>> workers_;
  // Behind workers_: sessions may wait in it.
  boost::asio::io_context parsers_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> parsers_work_{
      parsers_.get_executor()};
  Guard guard_;  ///< behind workers_: what it answers must be there until it has ended
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::once_flag without_ring_;  ///< has been said
  bool leaving_ = false;
  int stops_ = 0;
};

}  // namespace pgwarden::net
