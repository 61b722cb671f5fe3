// Connections through libpq, for pgwarden's own questions to servers (D13).
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"

namespace pgwarden::net {

using LibpqConnection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using LibpqResult = std::unique_ptr<PGresult, decltype(&PQclear)>;
/// libpq's keywords and their values (docs, "Parameter Key Words").
using LibpqKeywords = std::vector<std::pair<const char*, std::string>>;

/// Adds what `tls` says, as far as every release of libpq knows it.
void add_tls(LibpqKeywords& keywords, const config::UpstreamTls& tls);

/// Connects, and blocks until it has, or PQstatus() says that it has not. Keywords without a value are left
/// out.
LibpqConnection connect_libpq(const LibpqKeywords& keywords);

}  // namespace pgwarden::net
