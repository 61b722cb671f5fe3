// PostgreSQL's connection URLs: read for pgwarden, and rewritten for its clients.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/parsed.h"

namespace pgwarden::config {

/// Query parameters that libpq does not know. A DATABASE_URL has them for its driver or ORM (Prisma's
/// `schema`); in a configuration file they are mistakes.
enum class UnknownParameters : std::uint8_t { refuse, keep };

/// Parameters that demand something of the login (channel_binding=require). They are met where pgwarden logs
/// in itself, refused where clients log in through it, and mean nothing for a URL that is only rewritten.
enum class LoginDemands : std::uint8_t { refuse, ignore, meet };

/// Parses "postgres://user:password@host:5432,host2:5432/database?sslmode=disable". As in libpq, the query
/// parameters host, port, dbname, user and password win over the parts of the URL. What this release cannot
/// do (GSSAPI) is an error, never a quiet downgrade.
Parsed<Upstream> parse_upstream_url(std::string_view url, UnknownParameters unknown,
                                    LoginDemands login = LoginDemands::refuse);

/// The URL with which a client reaches the same database through `listen`: the same user, database, options
/// and percent-encoding; another host and port; sslmode=disable, because without a configuration pgwarden has
/// no certificate for clients; no channel binding, certificate files or addresses; the password as `***`
/// unless it is to be revealed. `url` is one that parse_upstream_url can read; empty for any other.
std::string rewritten_url(std::string_view url, const Endpoint& listen, bool reveal_password);

}  // namespace pgwarden::config
