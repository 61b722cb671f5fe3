#include "config/host_list.h"

#include <algorithm>
#include <boost/url/pct_string_view.hpp>
#include <utility>

#include "config/endpoint.h"
#include "policy/network.h"

namespace pgwarden::config {

namespace {

constexpr std::string_view digits = "0123456789";

std::vector<std::string_view> split(std::string_view list) {
  std::vector<std::string_view> items;
  for (;;) {
    const std::size_t comma = list.find(',');
    items.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

/// The name of a host, or the directory of a socket.
Parsed<std::string> parse_name(std::string_view text) {
  if (!text.starts_with('/')) return parse_host(text);
  while (text.size() > 1 && text.ends_with('/')) text.remove_suffix(1);
  return {std::string(text), "", ""};
}

Parsed<std::uint16_t> parse_server_port(std::string_view text) {
  if (text.empty()) return {Endpoint{}.port, "", ""};
  auto port = parse_port(text);
  if (port.value && *port.value != 0) return port;
  return {{}, "\"" + std::string(text) + "\" is not a port", "a number from 1 to 65535"};
}

/// One of the hosts; `name` or `address` is empty where its list is not there.
Parsed<Host> parse_one(std::string_view name, std::string_view address, std::string_view port) {
  Host host;
  if (!address.empty()) {
    const auto parsed = parse_host(address);
    if (!parsed.value || !policy::parse_address(*parsed.value)) {
      return {{}, "hostaddr \"" + std::string(address) + "\" is not an IP address", "names belong in host"};
    }
    if (name.starts_with('/')) return {{}, "a host has both a socket's directory and hostaddr", ""};
    host.address = *parsed.value;
    if (name.empty()) name = address;
  }
  auto parsed_name = parse_name(name);
  if (!parsed_name.value) return {{}, parsed_name.error, parsed_name.hint};
  const auto parsed_port = parse_server_port(port);
  if (!parsed_port.value) return {{}, parsed_port.error, parsed_port.hint};
  host.endpoint = {std::move(*parsed_name.value), *parsed_port.value};
  return {std::move(host), "", ""};
}

/// Takes a bracketed address or a name from the front; nullopt when it cannot be one.
std::optional<std::string_view> take_name(std::string_view& text) {
  if (!text.starts_with('[')) {
    const std::string_view name = text.substr(0, text.find_first_of(":,"));
    text.remove_prefix(name.size());
    return name.find_first_of("[]") == std::string_view::npos ? std::optional(name) : std::nullopt;
  }
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view address = text.substr(1, end - 1);
  text.remove_prefix(end + 1);
  if (address.find(':') == std::string_view::npos || !policy::parse_address(address)) return std::nullopt;
  return address;
}

}  // namespace

Parsed<std::vector<Host>> parse_hosts(const HostList& list) {
  if (list.host.empty() && list.hostaddr.empty()) {
    return {{},
            "the URL names no host",
            "write postgres://USER@HOST:5432/DATABASE, or ?host=/var/run/postgresql for a socket"};
  }
  const auto names = split(list.host);
  const auto addresses = split(list.hostaddr);
  const auto ports = split(list.port);
  const std::size_t count = list.hostaddr.empty() ? names.size() : addresses.size();
  if (!list.host.empty() && names.size() != count) {
    return {{},
            "could not match " + std::to_string(names.size()) + " host names to " + std::to_string(count) +
                " hostaddr values",
            ""};
  }
  if (ports.size() != 1 && ports.size() != count) {
    return {{},
            "could not match " + std::to_string(ports.size()) + " port numbers to " + std::to_string(count) +
                " hosts",
            "one port for all, or one for each host"};
  }
  std::vector<Host> hosts;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string_view name = list.host.empty() ? std::string_view() : names[i];
    const std::string_view address = list.hostaddr.empty() ? std::string_view() : addresses[i];
    const std::string which = "host " + std::to_string(i + 1) + " of " + std::to_string(count) + ": ";
    if (name.empty() && address.empty()) return {{}, which + "it is empty", ""};
    auto host = parse_one(name, address, ports.size() == 1 ? ports.front() : ports[i]);
    if (!host.value) return {{}, (count == 1 ? "" : which) + host.error, host.hint};
    hosts.push_back(std::move(*host.value));
  }
  return {std::move(hosts), "", ""};
}

std::optional<TakenHosts> take_hosts(std::string_view url) {
  const std::size_t authority = url.find("://") + 3;
  const std::size_t end = std::min(url.find_first_of("/?#", authority), url.size());
  const std::size_t at = url.substr(0, end).rfind('@');
  const std::size_t begin = at == std::string_view::npos || at < authority ? authority : at + 1;
  std::string_view text = url.substr(begin, end - begin);
  std::string hosts;
  std::string ports;
  for (;;) {
    const auto name = take_name(text);
    if (!name) return std::nullopt;
    hosts += *name;
    if (text.starts_with(':')) {
      const std::string_view port = text.substr(1, std::min(text.find(','), text.size()) - 1);
      if (port.find_first_not_of(digits) != std::string_view::npos) return std::nullopt;
      ports += port;
      text.remove_prefix(port.size() + 1);
    }
    if (text.empty()) break;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
    hosts += ',';
    ports += ',';
  }
  const auto encoded = boost::urls::make_pct_string_view(hosts);
  if (!encoded) return std::nullopt;
  TakenHosts taken;
  taken.rest = std::string(url.substr(0, begin)) + "host" + std::string(url.substr(end));
  taken.host = encoded->decode();
  taken.port = std::move(ports);
  return taken;
}

}  // namespace pgwarden::config
