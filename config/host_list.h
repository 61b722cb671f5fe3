// The servers that a URL names: one, or several to be tried in turn.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/parsed.h"

namespace pgwarden::config {

/// Values of libpq's parameters of these names: lists with commas.
struct HostList {
  std::string host;
  std::string hostaddr;
  std::string port;
};

/// Parses the lists as libpq does (docs, "Specifying Multiple Hosts"): there are as many hosts as addresses,
/// and one port for all or one for each. A host that is a directory is that of a socket; an empty port is
/// 5432. Unlike there a host must not be empty.
Parsed<std::vector<Host>> parse_hosts(const HostList& list);

/// A URL with its hosts and ports taken out: what is left is one that any reader of URLs understands.
struct TakenHosts {
  std::string rest;  ///< the URL with some host name in their place
  std::string host;  ///< with commas, decoded
  std::string port;
};

/// nullopt for what stands in the place of hosts and cannot be read; as it may be a piece of a password, it
/// should not be shown. `url` has a "://".
std::optional<TakenHosts> take_hosts(std::string_view url);

}  // namespace pgwarden::config
