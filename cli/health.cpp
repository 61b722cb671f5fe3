#include "cli/health.h"

#include <CLI/CLI.hpp>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <type_traits>

#include "cli/commands.h"
#include "cli/parse.h"
#include "config/load.h"
#include "protocol/frame_writer.h"
#include "protocol/proxy_header.h"
#include "protocol/tags.h"

namespace pgwarden::cli {

namespace {

namespace asio = boost::asio;
constexpr std::chrono::seconds deadline{3};

struct HealthOptions {
  std::string listen = default_listen;
  std::string config;
};

config::Listener listener_to_ask(const HealthOptions& options) {
  if (options.config.empty()) {
    config::Listener listener;
    listener.listen = listen_address(options.listen);
    return listener;
  }
  config::Loaded loaded = config::load_file(options.config);
  if (!loaded.config) throw std::runtime_error(options.config + ": not a valid configuration");
  return std::move(loaded.config->listeners.front());
}

/// As the listener knows this end.
template <typename Socket>
policy::Address own_address(const Socket& socket) {
  if constexpr (std::is_same_v<Socket, asio::ip::tcp::socket>) {
    boost::system::error_code ignored;
    return policy::parse_address(socket.local_endpoint(ignored).address().to_string())
        .value_or(policy::Address{});
  }
  return {};
}

template <typename Socket, typename Connect>
bool answers(const config::Listener& listener, Connect connect) {
  asio::io_context context;
  Socket socket(context);
  bool answered = false;
  std::string request = std::move(protocol::FrameWriter('\0').u32(protocol::startup_code::gssenc)).finish();
  std::array<char, 1> answer{};
  connect(socket, [&](const boost::system::error_code& error) {
    if (error) return;
    if (listener.is_proxy(own_address(socket))) request.insert(0, protocol::encode_local_proxy_header());
    asio::async_write(socket, asio::buffer(request),
                      [&](const boost::system::error_code& write_error, std::size_t) {
                        if (write_error) return;
                        asio::async_read(socket, asio::buffer(answer),
                                         [&](const boost::system::error_code& read_error, std::size_t) {
                                           answered = !read_error && answer[0] == 'N';
                                         });
                      });
  });
  context.run_for(deadline);
  return answered;
}

}  // namespace

bool is_healthy(const config::Listener& listener) {
  const config::Endpoint& address = listener.listen;
  if (address.is_unix()) {
    using Protocol = asio::local::stream_protocol;
    return answers<Protocol::socket>(listener, [&](Protocol::socket& socket, auto then) {
      socket.async_connect(Protocol::endpoint(address.host), then);
    });
  }
  using Protocol = asio::ip::tcp;
  return answers<Protocol::socket>(listener, [&](Protocol::socket& socket, auto then) {
    Protocol::resolver resolver(socket.get_executor());
    // A server that listens on every address is asked on the local one.
    const bool any = address.host == "0.0.0.0" || address.host == "::";
    boost::system::error_code error;
    const auto found =
        resolver.resolve(any ? "localhost" : address.host, std::to_string(address.port), error);
    asio::async_connect(
        socket, found,
        [then](const boost::system::error_code& result, const Protocol::endpoint&) { then(result); });
  });
}

void add_health(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand("health", "Ask a running pgwarden whether it accepts connections");
  auto options = std::make_shared<HealthOptions>();
  command->add_option("--listen", options->listen, "Where it listens")
      ->envname("PGWARDEN_LISTEN")
      ->capture_default_str();
  command->add_option("--config", options->config, "Take the address of the first listener in this file")
      ->envname("PGWARDEN_CONFIG");
  command->callback([options, &exit_code] {
    const config::Listener listener = listener_to_ask(*options);
    const bool healthy = is_healthy(listener);
    std::cout << config::to_string(listener.listen) << (healthy ? ": healthy\n" : ": no answer\n");
    exit_code = healthy ? ok : failed;
  });
}

}  // namespace pgwarden::cli
