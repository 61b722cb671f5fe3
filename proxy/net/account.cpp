#include "proxy/net/account.h"

#include <algorithm>

#include "policy/glob.h"

namespace pgwarden::net {

namespace {

bool is_loopback(const policy::Address& address) {
  static const auto networks = {*policy::parse_network("127.0.0.0/8"), *policy::parse_network("::1")};
  return std::any_of(networks.begin(), networks.end(),
                     [&](const auto& each) { return each.contains(address); });
}

}  // namespace

Admission admission(const config::User* user, const policy::Address& address, bool by_proxy,
                    const std::vector<std::string>& certificate_names) {
  if (user == nullptr) return Admission::hopeless;
  if (!user->certificates.empty()) {
    const bool has = std::any_of(certificate_names.begin(), certificate_names.end(), [&](const auto& name) {
      return std::any_of(user->certificates.begin(), user->certificates.end(),
                         [&](const auto& pattern) { return policy::glob_match(pattern, name); });
    });
    if (!has) return Admission::hopeless;
    return user->verifier ? Admission::by_password : Admission::admitted;
  }
  if (user->verifier) return Admission::by_password;
  const bool local = !by_proxy && (address.is_unix || is_loopback(address));
  return user->trust && local ? Admission::admitted : Admission::hopeless;
}

std::string_view mock_seed(const config::Config& config) {
  for (const auto& [name, user] : config.users) {
    if (user.verifier) return user.verifier->server_key.view();
  }
  for (const config::Listener& listener : config.listeners) {
    if (listener.upstream && !listener.upstream->password.empty()) return listener.upstream->password.view();
    for (const auto& [name, upstream] : listener.databases) {
      if (!upstream.password.empty()) return upstream.password.view();
    }
  }
  return {};  // then nobody has a password
}

session::UpstreamAccount upstream_account(const Account& account, const config::Upstream& upstream) {
  const config::User& user = *account.user;
  if (account.keys) return {user.name, *account.keys};
  const config::UpstreamLogin& own = user.upstream;
  if (!own.user.empty()) return {own.user, own.password};
  return {upstream.user.empty() ? user.name : upstream.user,
          own.password.empty() ? upstream.password : own.password};
}

}  // namespace pgwarden::net
