#include "config/endpoint.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>

#include "policy/letters.h"
#include "policy/network.h"

namespace pgwarden::config {

namespace {

constexpr std::string_view socket_prefix = ".s.PGSQL.";
constexpr std::size_t host_bytes_max = 253;
constexpr std::size_t socket_path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

/// Texts that a resolver may take for an IPv4 address in an old notation ("10.1", "0x0a000001").
bool looks_like_number(std::string_view host) {
  const std::string_view last =
      host.substr(host.rfind('.') == std::string_view::npos ? 0 : host.rfind('.') + 1);
  return last.starts_with("0x") || last.find_first_not_of("0123456789") == std::string_view::npos;
}

Parsed<Endpoint> parse_socket(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  const auto port = parse_port(file.substr(std::min(file.size(), socket_prefix.size())));
  if (!file.starts_with(socket_prefix) || !port.value) {
    return {
        {},
        "the socket's file is not named " + std::string(socket_prefix) + "PORT, where clients look for it",
        "write " + std::string(path.substr(0, path.rfind('/'))) + "/" + std::string(socket_prefix) + "6432"};
  }
  if (path.size() > socket_path_bytes_max) {
    return {{}, "a socket's path has at most " + std::to_string(socket_path_bytes_max) + " bytes", ""};
  }
  return {Endpoint{std::string(path), *port.value}, "", ""};
}

}  // namespace

Parsed<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) {
    return {{}, "\"" + std::string(text) + "\" is not a port", "a number from 1 to 65535"};
  }
  return {port, "", ""};
}

Parsed<std::string> parse_host(std::string_view text) {
  const auto is_bad = [](char c) {
    return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_');
  };
  std::string host = policy::lower(text);
  if (policy::parse_address(host)) return {host, "", ""};
  if (host.ends_with('.')) host.pop_back();
  if (host.empty() || host.size() > host_bytes_max || std::any_of(host.begin(), host.end(), is_bad)) {
    return {{}, "\"" + host + "\" is not a host name or an IP address", ""};
  }
  if (looks_like_number(host)) {
    return {{}, "\"" + host + "\" is not an IP address", "write all four numbers, each from 0 to 255"};
  }
  return {host, "", ""};
}

Parsed<Endpoint> parse_listen(std::string_view text) {
  constexpr std::string_view example = "write HOST:PORT, for example 127.0.0.1:6432";
  if (text.starts_with('/')) return parse_socket(text);
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const std::size_t bracket = text.find("]:");
  if (colon == std::string_view::npos || (bracketed && bracket != colon - 1)) {
    return {{}, "\"" + std::string(text) + "\" names no port", std::string(example)};
  }
  const std::string_view host_text = bracketed ? text.substr(1, bracket - 1) : text.substr(0, colon);
  if (host_text.empty() || host_text == "*") {
    return {{},
            "\"" + std::string(text) + "\" names no host",
            "127.0.0.1 for this machine only, 0.0.0.0 for every IPv4 address, [::] for every address"};
  }
  if (!bracketed && host_text.find(':') != std::string_view::npos) {
    return {{}, "an IPv6 address needs brackets", "write [::1]:6432"};
  }
  const auto host = parse_host(host_text);
  if (!host.value) return {{}, host.error, host.hint.empty() ? std::string(example) : host.hint};
  const auto port = parse_port(text.substr(colon + 1));
  if (!port.value) return {{}, port.error, port.hint};
  return {Endpoint{*host.value, *port.value}, "", ""};
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return endpoint.host;
  const bool is_v6 = endpoint.host.find(':') != std::string::npos;
  return (is_v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" + std::to_string(endpoint.port);
}

}  // namespace pgwarden::config
