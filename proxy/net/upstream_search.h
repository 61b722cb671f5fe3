// Which of an upstream's servers to connect to.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "proxy/net/upstream.h"

namespace pgwarden::net {

/// The places where a server may be, in the order in which libpq tries them (docs, "Specifying Multiple
/// Hosts"): the hosts, and the addresses of each. For each place in target() the caller says why it is not
/// the one, and with that where to go on:
///
///   while (search.next_host())
///     while (co_await search.next_address()) ...
class UpstreamSearch {
 public:
  /// What to try when a place has failed: libpq gives up where a server has answered otherwise than "not
  /// now".
  enum class Next : std::uint8_t { address, host, nothing };

  /// `time_max`: for each address, and for finding those of a host.
  UpstreamSearch(const Target& upstream, std::chrono::milliseconds time_max);

  bool next_host();
  asio::awaitable<bool> next_address();
  const Target& target() const noexcept { return target_; }
  /// By when the server at an address that is tried from now on has to have answered.
  std::chrono::steady_clock::time_point deadline() const {
    return std::chrono::steady_clock::now() + time_max_;
  }

  bool several_hosts() const noexcept { return hosts_.size() > 1; }
  /// Nothing is left to try behind this place.
  bool is_last() const noexcept { return host_ == hosts_.size() && address_ == addresses_.size(); }

  void failed(const std::string& why, Next next);
  /// Each place and why it is not the one.
  const std::string& failures() const noexcept { return failures_; }

 private:
  Target target_;
  TlsContext tls_;
  std::chrono::milliseconds time_max_;
  std::vector<const config::Host*> hosts_;
  std::vector<Protocol::endpoint> addresses_;
  std::size_t host_ = 0;     ///< how many have had their turn
  std::size_t address_ = 0;  ///< of this host
  std::string failures_;
};

}  // namespace pgwarden::net
