// Whether somebody serves PostgreSQL's clients at an address.
#pragma once

#include "config/config.h"

namespace pgwarden::cli {

/// Asks for GSSAPI encryption, as every client may: a pgwarden that accepts connections answers with one
/// byte.
bool is_healthy(const config::Listener& listener);

}  // namespace pgwarden::cli
