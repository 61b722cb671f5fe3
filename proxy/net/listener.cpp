#include "proxy/net/listener.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <stdexcept>

#include "proxy/net/connection.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

/// Out of descriptors or memory: others must close before accepting again makes sense.
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds recovery{1};

std::uint64_t next_connection_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

ino_t inode_of(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/// A socket that nobody listens on was left by a process that did not end well.
void remove_stale_file(const std::string& path) {
  if (inode_of(path) == 0) return;
  asio::io_context context;
  asio::local::stream_protocol::socket probe(context);
  error_code error;
  probe.connect(path, error);
  if (error == asio::error::connection_refused) ::unlink(path.c_str());
}

}  // namespace

Listener::Listener(asio::io_context& context, const config::Endpoint& address, std::size_t index,
                   const audit::Log& log)
    : acceptor_(context), pause_(context), index_(index), log_(log) {
  try {
    open(address);
  } catch (const boost::system::system_error& error) {
    const std::string where =
        address.is_unix() ? address.host : address.host + ":" + std::to_string(address.port);
    throw std::runtime_error("cannot listen on " + where + ": " + error.code().message());
  }
}

Listener::~Listener() { remove_file(); }

void Listener::open(const config::Endpoint& address) {
  if (address.is_unix()) {
    remove_stale_file(address.host);
    acceptor_.open(Protocol(AF_UNIX, 0));
    acceptor_.bind(asio::local::stream_protocol::endpoint(address.host));
    unix_ = address;
    inode_ = inode_of(address.host);
    ::chmod(address.host.c_str(), 0777);  // who may log in is the server's to say, as with its own socket
  } else {
    asio::ip::tcp::resolver resolver(acceptor_.get_executor());
    const asio::ip::tcp::endpoint endpoint =
        *resolver.resolve(address.host, std::to_string(address.port), asio::ip::tcp::resolver::passive);
    acceptor_.open(Protocol(endpoint.protocol().family(), IPPROTO_TCP));
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint);
  }
  acceptor_.listen();
}

asio::awaitable<void> Listener::accept(NextWorker next_worker) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> failed;  // until it has gone well for a while
  while (acceptor_.is_open()) {
    Worker& worker = next_worker();
    auto [error, socket] = co_await acceptor_.async_accept(worker.context, use_tuple);
    if (error == asio::error::operation_aborted) break;
    if (error) {
      if (!failed) log_.write(audit::Level::error, "cannot accept connections", {{"error", error.message()}});
      failed = Clock::now();
      pause_.expires_after(accept_pause);
      co_await pause_.async_wait(use_tuple);
      continue;
    }
    if (failed && Clock::now() - *failed > recovery) {
      log_.write(audit::Level::info, "accepting connections again");
      failed.reset();
    }
    asio::post(worker.context, [&worker, index = index_, client = Socket(std::move(socket))]() mutable {
      std::make_shared<Connection>(worker, std::move(client), index, next_connection_number())->start();
    });
  }
}

void Listener::close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  remove_file();
}

void Listener::remove_file() noexcept {
  // Another process may have put its own socket there in the meantime.
  if (unix_ && inode_of(unix_->host) == inode_) ::unlink(unix_->host.c_str());
  unix_.reset();
}

config::Endpoint Listener::address() const {
  if (unix_) return *unix_;
  config::Endpoint address;
  error_code ignored;
  const auto endpoint = acceptor_.local_endpoint(ignored);
  asio::ip::tcp::endpoint tcp;
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  address.host = tcp.address().to_string();
  address.port = tcp.port();
  return address;
}

}  // namespace pgwarden::net
