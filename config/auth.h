// How clients log in, and who they then are to the server and to the policy.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/scram.h"

namespace pgwarden::config {

/// `passthrough`: the client logs in to the server, through pgwarden. `managed`: to pgwarden, which logs in
/// to the server with credentials of its own. `key_passthrough`: to pgwarden by SCRAM, with the server's own
/// verifier, which gives the key to log in to the server as the same user.
enum class AuthMode : std::uint8_t { passthrough, managed, key_passthrough };

/// How pgwarden logs in to a server for a user. What is empty is taken from the upstream's URL, and what is
/// empty there, too, from the client. The URL's password is the URL's user's: it is not used when `user` says
/// another.
struct UpstreamLogin {
  std::string user;
  protocol::Secret password;
  std::string database;
};

/// A user that logs in to pgwarden. Of `verifier` and `certificates` all that are there are demanded; with
/// neither, `trust` lets in who comes from a loopback address or by a Unix-domain socket.
struct User {
  std::string name;
  std::string label;  ///< for rules
  std::optional<protocol::ScramVerifier> verifier;
  std::vector<std::string> certificates;  ///< globs on the names (CN, DNS names) of a client's certificate
  bool trust = false;
  UpstreamLogin upstream;

  /// Whether key_passthrough can be this user's: the key opens the role of the same name, and no other. Where
  /// it is not, the user is unknown there.
  bool fits_key_passthrough() const {
    return verifier.has_value() && upstream.user.empty() && upstream.password.empty();
  }
};

/// By name.
using Users = std::map<std::string, User, std::less<>>;

/// Looks up verifiers in the server's own catalog, over a guard connection with the upstream URL's
/// credentials.
inline constexpr std::string_view default_auth_query =
    "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND rolcanlogin AND (rolvaliduntil IS "
    "NULL OR "
    "rolvaliduntil > pg_catalog.now())";

/// Of a listener.
struct Auth {
  AuthMode mode = AuthMode::passthrough;
  /// Of key_passthrough, for users that are not in the configuration; empty: there are no others. $1 is the
  /// user's name; one row with one column: the verifier. Every upstream of the listener has a user for it.
  std::string query;
};

}  // namespace pgwarden::config
