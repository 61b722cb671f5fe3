#include "proxy/net/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <set>
#include <thread>

#include "config/endpoint.h"
#include "proxy/net/connection.h"

namespace pgwarden::net {

namespace {

using audit::Level;
/// How often a draining server looks whether its last session has ended.
constexpr std::chrono::milliseconds end_check_interval{20};

unsigned worker_count(unsigned configured) {
  return configured > 0 ? configured : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Server::Server(std::shared_ptr<const config::Config> config, const audit::Log& log)
    : config_(std::move(config)), log_(log) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto tls = std::make_shared<const TlsContexts>(*config_);
  for (std::size_t i = 0; i < config_->listeners.size(); ++i) {
    listeners_.push_back(std::make_unique<Listener>(context_, config_->listeners[i].listen, i, log_));
  }
  const Shared shared{log_, cancel_keys_, guard_, derived_keys_, parsers_};
  for (unsigned i = 0; i < worker_count(config_->workers); ++i) {
    workers_.push_back(std::make_unique<Worker>(shared, config_, tls));
  }
}

Server::~Server() {
  for (const auto& worker : workers_) worker->context.stop();
  parsers_.stop();
  threads_.clear();
}

void Server::run() {
  for (const auto& worker : workers_) {
    threads_.push_back(std::make_unique<Thread>([&context = worker->context] { context.run(); }));
  }
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
  log_.write(Level::info, "stopped");
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

bool Server::reload(std::shared_ptr<const config::Config> config) {
  const auto same_address = [](const config::Listener& a, const config::Listener& b) {
    return a.listen == b.listen;
  };
  if (!std::equal(config->listeners.begin(), config->listeners.end(), config_->listeners.begin(),
                  config_->listeners.end(), same_address)) {
    log_.write(Level::error, "reload failed: changed listeners need a restart");
    return false;
  }
  std::shared_ptr<const TlsContexts> tls;
  try {
    tls = std::make_shared<const TlsContexts>(*config);
  } catch (const std::runtime_error& error) {
    log_.write(Level::error, "reload failed", {{"reason", error.what()}});
    return false;
  }
  config_ = std::move(config);
  on_every_worker([fresh = config_, tls](Worker& worker) {
    worker.config = fresh;
    worker.tls = tls;
  });
  log_.write(Level::info, "reloaded", {{"policy_version", config_->policy->version}});
  log_upstreams();
  return true;
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
    const auto connections = worker.connections;  // ending one changes the set
    for (Connection* connection : connections) connection->drain();
  });
  watch_end();
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

/// Stops the server when no worker has a connection any more.
void Server::watch_end() {
  asio::co_spawn(
      context_,
      [this]() -> asio::awaitable<void> {
        asio::steady_timer pause(context_);
        for (;;) {
          std::size_t open = 0;
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
