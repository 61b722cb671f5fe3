#include "proxy/net/upstream_search.h"

#include <algorithm>
#include <random>

#include "config/endpoint.h"

namespace pgwarden::net {

namespace {

template <typename Things>
void shuffle(Things& things) {
  std::random_device random;
  std::shuffle(things.begin(), things.end(), random);
}

}  // namespace

UpstreamSearch::UpstreamSearch(const Target& upstream, std::chrono::milliseconds time_max)
    : target_(upstream), tls_(upstream.tls), time_max_(time_max) {
  const config::Upstream& server = *upstream.upstream;
  if (server.connect_timeout.count() > 0)
    time_max_ = std::min<std::chrono::milliseconds>(time_max_, server.connect_timeout);
  for (const config::Host& host : server.hosts) hosts_.push_back(&host);
  if (server.random_order) shuffle(hosts_);
}

bool UpstreamSearch::next_host() {
  if (host_ == hosts_.size()) return false;
  target_.host = hosts_[host_++];
  target_.tls = target_.host->endpoint.is_unix() ? nullptr : tls_;
  addresses_.clear();
  address_ = 0;
  return true;
}

asio::awaitable<bool> UpstreamSearch::next_address() {
  if (address_ == 0) {
    const Resolved resolved = co_await resolve(*target_.host, time_max_);
    if (resolved.error) {
      const bool late = resolved.error == asio::error::timed_out;
      failed(late ? "its name is not resolved in time" : resolved.error.message(), Next::host);
    } else {
      addresses_ = resolved.addresses;
      if (target_.upstream->random_order) shuffle(addresses_);
    }
  }
  if (address_ == addresses_.size()) co_return false;
  target_.address = addresses_[address_++];
  co_return true;
}

void UpstreamSearch::failed(const std::string& why, Next next) {
  if (!failures_.empty()) failures_ += "; ";
  failures_ += "\"" + config::to_string(target_.host->endpoint) + "\"";
  if (addresses_.size() > 1 || !target_.host->address.empty())
    failures_ += " (" + name_of(target_.address) + ")";
  failures_ += ": " + why;
  if (next != Next::address) address_ = addresses_.size();
  if (next == Next::nothing) host_ = hosts_.size();
}

}  // namespace pgwarden::net
