// Who a client is that logs in to pgwarden, and who pgwarden then is to the server.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "policy/network.h"
#include "proxy/session/upstream_login.h"

namespace pgwarden::net {

/// What decides about a login.
enum class Entrance : std::uint8_t {
  hopeless,     ///< nothing that the client can prove lets it in
  by_password,  ///< it has to prove that it knows the password
  open,
};

/// Whether a client may be `user` (nullptr: there is no such user) that comes from `address`, by way of a
/// proxy or not, with these names in its certificate.
Entrance entrance_for(const config::User* user, const policy::Address& address, bool by_proxy,
                      const std::vector<std::string>& certificate_names);

/// What keeps out a client for whom it is hopeless, for the log.
std::string why_hopeless(const config::User* user);

/// What users get a login with that do not exist: as one of the configuration, and the same until a restart.
protocol::ScramVerifier mock_verifier(std::string_view user, const config::Config& config);

/// A client that has logged in.
struct Account {
  std::shared_ptr<const config::User> user;
  /// Of key_passthrough: what it has proved itself with, for the server to see.
  std::optional<protocol::ScramKeys> keys = std::nullopt;
};

/// As whom pgwarden logs in to `upstream` for it: what the user's entry says, else what the URL says.
session::UpstreamAccount upstream_account(const Account& account, const config::Upstream& upstream);

}  // namespace pgwarden::net
