// How PostgreSQL prepares a password for SCRAM (RFC 4013; src/common/saslprep.c).
#pragma once

#include <string_view>

#include "protocol/secret.h"

namespace pgwarden::protocol {

/// `password` in the form in which all ways to type it are one; as it is where it is not UTF-8 or has
/// characters that the profile prohibits, as pg_be_scram_build_secret and libpq take it. The sequences of
/// Unicode's Public Review Issue #29, which nobody writes, come out otherwise than in PostgreSQL.
Secret prepare_password(std::string_view password);

}  // namespace pgwarden::protocol
