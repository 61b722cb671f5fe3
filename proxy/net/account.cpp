#include "proxy/net/account.h"

#include <algorithm>

#include "policy/glob.h"
#include "protocol/scram_keys.h"

namespace pgwarden::net {

Entrance entrance_for(const config::User* user, const policy::Address& address, bool by_proxy,
                      const std::vector<std::string>& certificate_names) {
  if (user == nullptr) return Entrance::hopeless;
  if (!user->certificates.empty()) {
    const bool has = std::any_of(certificate_names.begin(), certificate_names.end(), [&](const auto& name) {
      return std::any_of(user->certificates.begin(), user->certificates.end(),
                         [&](const auto& pattern) { return policy::glob_match(pattern, name); });
    });
    if (!has) return Entrance::hopeless;
    return user->verifier ? Entrance::by_password : Entrance::open;
  }
  if (user->verifier) return Entrance::by_password;
  const bool local = !by_proxy && (address.is_unix || policy::is_loopback(address));
  return user->trust && local ? Entrance::open : Entrance::hopeless;
}

std::string why_hopeless(const config::User* user) {
  if (user == nullptr) return "there is no such login";
  if (!user->certificates.empty()) return "it has to show its certificate";
  return user->trust ? "it may come from this machine only"
                     : "the server keeps no SCRAM-SHA-256 verifier of it";
}

protocol::ScramVerifier mock_verifier(std::string_view user, const config::Config& config) {
  // Anybody is shown the salts: made of a password, they would let anybody try passwords out by themselves.
  static const protocol::Secret seed(protocol::random_bytes(protocol::scram_key_bytes));
  for (const auto& [name, real] : config.users) {
    if (real.verifier) return protocol::mock_verifier(user, seed.view(), real.verifier->iterations);
  }
  return protocol::mock_verifier(user, seed.view());
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
