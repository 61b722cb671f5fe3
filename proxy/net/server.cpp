#include "proxy/net/server.h"

#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <fstream>
#include <optional>
#include <set>
#include <thread>

#include "config/endpoint.h"
#include "proxy/net/connection.h"

namespace pgwarden::net {

namespace {

using audit::Level;
/// How often a draining server looks whether its last session has ended.
constexpr std::chrono::milliseconds end_check_interval{20};
constexpr std::chrono::seconds housekeeping_interval{1};

unsigned worker_count(unsigned configured) {
  return configured > 0 ? configured : std::max(1u, std::thread::hardware_concurrency());
}

/// The memory that the process has in use (proc(5), "statm"); nullopt when there is no descriptor to ask
/// with.
std::optional<std::uint64_t> resident_bytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(std::ifstream("/proc/self/statm") >> size >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

/// Sessions have two sockets each, of which shells and service managers allow a process few at first.
void raise_file_limit(std::uint32_t connections_max, const audit::Log& log) {
  constexpr rlim_t others = 64;
  const rlim_t wanted = rlim_t{connections_max} * 3 + others;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return;
  log.write(Level::warning, "too few open files are allowed for max_connections",
            {{"max_connections", connections_max}, {"open_files", limit.rlim_cur}, {"wanted", wanted}});
}

/// This thread, when woken, waits until those that run have done what they are at (sched(7), SCHED_BATCH):
/// more comes together then. Where it is refused, or another policy has been chosen, that stays.
void let_others_finish() noexcept {
  const sched_param none{};
  if (::sched_getscheduler(0) != SCHED_OTHER) return;
  ::sched_setscheduler(0, SCHED_BATCH, &none);
}

}  // namespace

Server::Server(std::shared_ptr<const config::Config> config, const audit::Log& log, bool take_over)
    : config_(std::move(config)), log_(log) {
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  const auto tls = std::make_shared<const TlsContexts>(*config_);
  Inheritance inheritance{PassedSockets::of_this_process(), take_over};
  for (std::size_t i = 0; i < config_->listeners.size(); ++i) {
    listeners_.push_back(
        std::make_unique<Listener>(context_, config_->listeners[i].listen, i, log_, inheritance));
  }
  inheritance.passed.check_all_taken();
  const unsigned count = worker_count(config_->workers);
  const Shared shared{log_,   cancel_keys_,  cancels_, admission_, login_failures_,
                      guard_, derived_keys_, parsers_, count};
  for (unsigned i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(shared, config_, tls));
  }
  for (const auto& listener : listeners_) listener->listen();
}

Server::~Server() {
  for (const auto& worker : workers_) worker->context.stop();
  parsers_.stop();
  threads_.clear();
  for (const auto& worker : workers_) worker->ring.reset();  // what ends from here on is not its business
}

void Server::run() {
  raise_file_limit(config_->limits.max_connections, log_);
  for (const auto& worker : workers_) {
    asio::co_spawn(worker->context, keep_house(*worker), asio::detached);
    threads_.push_back(std::make_unique<Thread>([this, &worker = *worker] {
      let_others_finish();
      if (worker.config->io_uring) open_ring(worker);
      worker.context.run();
    }));
  }
  asio::co_spawn(context_, keep_house(), asio::detached);
  threads_.push_back(std::make_unique<Thread>([this] { parsers_.run(); }));
  const auto next_worker = [this, next = std::size_t{0}]() mutable -> Worker& {
    return *workers_[next++ % workers_.size()];
  };
  for (const auto& listener : listeners_) {
    asio::co_spawn(context_, listener->accept(next_worker), asio::detached);
    log_.write(Level::info, "listening", {{"address", config::to_string(listener->address())}});
  }
  log_upstreams();
  context_.run();
  log_.write_left_out();
  log_.write(Level::info, "stopped");
}

/// Relaying costs less by io_uring; where there is none it goes without.
void Server::open_ring(Worker& worker) {
  try {
    worker.ring = std::make_unique<Ring>(worker.context, worker.handlers_due);
  } catch (const boost::system::system_error& error) {
    std::call_once(without_ring_, [&] {
      log_.write(Level::info, "relaying without io_uring", {{"reason", error.code().message()}});
    });
  }
}

/// Who is idle, or does not read, for too long is found here, so that nobody else needs a timer.
asio::awaitable<void> Server::keep_house(Worker& worker) {
  asio::steady_timer pause(worker.context);
  for (;;) {
    pause.expires_after(housekeeping_interval);
    co_await pause.async_wait(asio::use_awaitable);
    const auto now = Unchanged::Clock::now();
    for (Connection* connection : worker.connections) connection->look(now);
  }
}

asio::awaitable<void> Server::keep_house() {
  asio::steady_timer pause(context_);
  for (bool was_full = false;;) {
    log_.write_left_out();
    const std::uint64_t memory_max = config_->limits.max_memory;
    const bool full = memory_max > 0 && resident_bytes().value_or(was_full ? memory_max + 1 : 0) > memory_max;
    if (full) ::malloc_trim(0);  // or what was freed would count on
    if (full != was_full) {
      log_.write(full ? Level::warning : Level::info,
                 full ? "memory is full: no new sessions" : "memory for new sessions again",
                 {{"max_memory", memory_max}});
    }
    admission_.set_memory_full(full);
    was_full = full;
    pause.expires_after(housekeeping_interval);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

/// A host that was meant to be protected and is misspelt somewhere should be seen here.
void Server::log_upstreams() const {
  std::set<std::string> hosts;
  for (const config::Listener& listener : config_->listeners) {
    const auto add = [&hosts](const config::Upstream& upstream) {
      for (const config::Host& host : upstream.hosts) hosts.insert(host.endpoint.host);
    };
    if (listener.upstream) add(*listener.upstream);
    for (const auto& [name, upstream] : listener.databases) add(upstream);
  }
  for (const std::string& host : hosts) {
    const bool is_protected = config_->policy->protects(host);
    log_.write(Level::info, is_protected ? "protecting" : "only observing",
               {{"host", host}, {"preset", config_->policy->preset}});
  }
}

std::vector<config::Endpoint> Server::addresses() const {
  std::vector<config::Endpoint> all;
  for (const auto& listener : listeners_) all.push_back(listener->address());
  return all;
}

template <typename Action>
void Server::on_every_worker(Action action) {
  for (const auto& worker : workers_) {
    asio::post(worker->context, [&worker = *worker, action] { action(worker); });
  }
}

asio::awaitable<void> Server::workers_come_round() {
  for (const auto& worker : workers_) co_await asio::post(worker->context, asio::use_awaitable);
}

asio::awaitable<bool> Server::reload(std::shared_ptr<const config::Config> config) {
  const auto same_address = [](const config::Listener& a, const config::Listener& b) {
    return a.listen == b.listen;
  };
  if (!std::equal(config->listeners.begin(), config->listeners.end(), config_->listeners.begin(),
                  config_->listeners.end(), same_address)) {
    log_.write(Level::error, "reload failed: changed listeners need a restart");
    co_return false;
  }
  std::shared_ptr<const TlsContexts> tls;
  try {
    tls = std::make_shared<const TlsContexts>(*config);
  } catch (const std::runtime_error& error) {
    log_.write(Level::error, "reload failed", {{"reason", error.what()}});
    co_return false;
  }
  config_ = std::move(config);
  on_every_worker([fresh = config_, tls](Worker& worker) {
    worker.config = fresh;
    worker.tls = tls;
  });
  co_await workers_come_round();
  log_.write(Level::info, "reloaded", {{"policy_version", config_->policy->version}});
  log_upstreams();
  co_return true;
}

void Server::hand_over() {
  if (leaving_) return;
  log_.write(Level::info, "handing over: sessions may go on");
  for (const auto& listener : listeners_) asio::co_spawn(context_, listener->hand_over(), asio::detached);
  leave();
}

void Server::stop() {
  ++stops_;
  if (stops_ == 1) drain();
  if (stops_ == 2) terminate();
}

void Server::drain() {
  log_.write(Level::info, "draining: running transactions may end",
             {{"drain_timeout_ms", config_->limits.drain_timeout.count()}});
  for (const auto& listener : listeners_) listener->close();
  on_every_worker([](Worker& worker) {
    worker.draining = true;
    const auto connections = worker.connections;  // ending one changes the set
    for (Connection* connection : connections) connection->drain();
  });
  leave();
  timer_.expires_after(config_->limits.drain_timeout);
  timer_.async_wait([this](error_code error) {
    if (!error) terminate();
  });
}

void Server::terminate() {
  log_.write(Level::info, "closing the remaining sessions");
  on_every_worker([](Worker& worker) {
    const auto connections = worker.connections;
    for (Connection* connection : connections) connection->terminate();
  });
}

void Server::leave() {
  if (!std::exchange(leaving_, true)) watch_end();
}

/// Stops the server when nothing listens and no worker has a connection any more.
void Server::watch_end() {
  asio::co_spawn(
      context_,
      [this]() -> asio::awaitable<void> {
        asio::steady_timer pause(context_);
        for (;;) {
          auto open = static_cast<std::size_t>(
              std::ranges::count_if(listeners_, [](const auto& listener) { return listener->is_open(); }));
          for (const auto& worker : workers_) {
            open += co_await asio::co_spawn(
                worker->context,
                [&worker]() -> asio::awaitable<std::size_t> { co_return worker->connections.size(); },
                asio::use_awaitable);
          }
          if (open == 0) break;
          pause.expires_after(end_check_interval);
          co_await pause.async_wait(asio::use_awaitable);
        }
        context_.stop();
      },
      asio::detached);
}

}  // namespace pgwarden::net
