#include "proxy/net/listener.h"

#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdio>
#include <stdexcept>

#include "config/endpoint.h"
#include "proxy/net/connection.h"
#include "proxy/net/use_tuple.h"

namespace pgwarden::net {

namespace {

/// Out of descriptors or memory: others must close before accepting again makes sense.
constexpr std::chrono::milliseconds accept_pause{100};
constexpr std::chrono::seconds recovery{1};
constexpr int accepted_at_once_max = 64;
/// How long connections may be on their way to a socket that gets no new ones: the handshake of TCP, with one
/// packet of it lost.
constexpr std::chrono::seconds under_way_max{2};

std::uint64_t next_connection_number() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

ino_t inode_of(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) ? status.st_ino : 0;
}

/// Whether there is anything but a socket that nobody listens on: that was left by a process that did not end
/// well.
bool is_in_use(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return false;
  if (inode_of(path) == 0) return true;
  asio::io_context context;
  asio::local::stream_protocol::socket probe(context);
  error_code error;
  probe.connect(path, error);
  return error != asio::error::connection_refused;
}

void allow_others(int socket) {
  const int on = 1;
  if (::setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    throw boost::system::system_error(errno, boost::system::system_category());
  }
}

bool has_queue(int socket) {
  pollfd poll_fd{socket, POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

}  // namespace

Listener::Listener(asio::io_context& context, const config::Endpoint& address, std::size_t index,
                   const audit::Log& log, Inheritance& inheritance)
    : acceptor_(context), pause_(context), pause_handing_over_(context), index_(index), log_(log) {
  try {
    open(address, inheritance);
  } catch (const boost::system::system_error& error) {
    const std::string where =
        address.is_unix() ? address.host : address.host + ":" + std::to_string(address.port);
    throw std::runtime_error("cannot listen on " + where + ": " + error.code().message());
  }
}

Listener::~Listener() { remove_file(); }

void Listener::open(const config::Endpoint& address, Inheritance& inheritance) {
  Protocol::endpoint endpoint;
  if (address.is_unix()) {
    endpoint = asio::local::stream_protocol::endpoint(address.host);
    unix_ = address;
  } else {
    asio::ip::tcp::resolver resolver(acceptor_.get_executor());
    endpoint = resolver.resolve(address.host, std::to_string(address.port), asio::ip::tcp::resolver::passive)
                   ->endpoint();
  }
  const int family = endpoint.protocol().family();
  const Protocol protocol(family, address.is_unix() ? 0 : IPPROTO_TCP);
  if (const auto socket = inheritance.passed.take(endpoint)) {
    acceptor_.assign(protocol, *socket);
    passed_ = true;
  } else {
    acceptor_.open(protocol);
    if (address.is_unix()) {
      bind_unix(address.host, inheritance.take_over);
    } else {
      bind_tcp(endpoint, inheritance.take_over);
    }
  }
  prepare(acceptor_);
  // Else accept() would wait for the next one behind a connection that has been aborted.
  acceptor_.set_option(asio::socket_base::enable_connection_aborted(true));
}

/// A socket that may share its port shares it with whoever may, too. So that no second pgwarden gets in by
/// mistake, only a successor says so before it has the port: all others find it taken.
void Listener::bind_tcp(const Protocol::endpoint& endpoint, bool take_over) {
  acceptor_.set_option(asio::socket_base::reuse_address(true));
  if (take_over) allow_others(acceptor_.native_handle());
  acceptor_.bind(endpoint);
  if (!take_over) allow_others(acceptor_.native_handle());
}

/// Under another name first, which listen() takes away: so the path leads to a socket that is listened on at
/// every moment.
void Listener::bind_unix(const std::string& path, bool take_over) {
  const bool may_replace = take_over && inode_of(path) != 0;
  if (!may_replace && is_in_use(path)) throw boost::system::system_error(asio::error::address_in_use);
  const std::string new_path = path.substr(0, path.rfind('/')) + "/.new." + std::to_string(::getpid());
  ::unlink(new_path.c_str());
  acceptor_.bind(asio::local::stream_protocol::endpoint(new_path));
  new_path_ = new_path;
  ::chmod(new_path.c_str(), 0777);  // who may log in is the server's to say, as with its own socket
}

void Listener::listen() {
  if (passed_) return;
  error_code error;
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error && unix_) {
    inode_ = inode_of(new_path_);
    if (std::rename(new_path_.c_str(), unix_->host.c_str()) != 0) {
      error.assign(errno, boost::system::system_category());
    } else {
      new_path_.clear();
    }
  }
  if (error)
    throw std::runtime_error("cannot listen on " + config::to_string(address()) + ": " + error.message());
  // What the last one but this has left of steer_to_successor(). Fails when there is nothing.
  const int unused = 0;
  ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_DETACH_REUSEPORT_BPF, &unused, sizeof unused);
}

asio::awaitable<void> Listener::accept(NextWorker next_worker) {
  using Clock = std::chrono::steady_clock;
  std::optional<Clock::time_point> failed;  // until it has gone well for a while
  for (Worker* worker = &next_worker(); acceptor_.is_open();) {
    if (const error_code error = accept_some(worker, next_worker)) {
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
    co_await acceptor_.async_wait(Acceptor::wait_read, use_tuple);
  }
}

/// Gives those who are here to the workers in turn, from `worker` on. A flood leaves the thread to others now
/// and then.
error_code Listener::accept_some(Worker*& worker, const NextWorker& next_worker) {
  for (int left = accepted_at_once_max; left > 0; --left) {
    error_code error;
    Protocol::endpoint address;
    Socket client = acceptor_.accept(worker->context, address, error);
    if (error == asio::error::would_block) break;
    if (error == asio::error::connection_aborted) continue;
    if (error) return error;
    asio::post(worker->context, [worker, index = index_, client = std::move(client), address]() mutable {
      std::make_shared<Connection>(*worker, std::move(client), index, next_connection_number())
          ->start(address);
    });
    worker = &next_worker();
  }
  return {};
}

/// To close at once would reset the connections that have been made and not been accepted.
asio::awaitable<void> Listener::hand_over() {
  if (!passed_) {  // else they stay with the socket, for whom it is passed to next
    if (!unix_) steer_to_successor();
    do {
      pause_handing_over_.expires_after(under_way_max);
      co_await pause_handing_over_.async_wait(use_tuple);
    } while (acceptor_.is_open() && has_queue(acceptor_.native_handle()));
  }
  close();
}

/// Where several sockets share a port, Linux gives each new connection to any of them. A program of the first
/// can say to which: it numbers them in the order in which they began to listen, so the successor is 1. Where
/// there is none, the answer is void (socket(7), SO_ATTACH_REUSEPORT_CBPF).
void Listener::steer_to_successor() {
  sock_filter to_successor[] = {{BPF_RET | BPF_K, 0, 0, 1}};
  const sock_fprog program{1, to_successor};
  ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

void Listener::close() {
  remove_file();
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  pause_handing_over_.cancel();
}

void Listener::remove_file() noexcept {
  // A successor may have put its own socket there. As long as this one is open, the number is no other
  // file's.
  if (unix_ && inode_ != 0 && inode_of(unix_->host) == inode_) ::unlink(unix_->host.c_str());
  inode_ = 0;
  if (!new_path_.empty()) ::unlink(new_path_.c_str());
  new_path_.clear();
}

config::Endpoint Listener::address() const {
  if (unix_) return *unix_;
  config::Endpoint address;
  error_code ignored;
  if (const auto tcp = as_tcp(acceptor_.local_endpoint(ignored))) {
    address.host = tcp->address().to_string();
    address.port = tcp->port();
  }
  return address;
}

}  // namespace pgwarden::net
