// What the user of an upstream's URL may do there.
#pragma once

#include <chrono>
#include <string>

#include "cli/doctor/report.h"
#include "config/config.h"

namespace pgwarden::cli::doctor {

struct Credentials {
  std::string user;
  std::string password;  ///< empty where the server asks for none
  std::string database;
};

/// Logs in through libpq, reads only, and reports what weakens a policy: powers of the role, and a pooler
/// that lends one server session to several clients. The version of the server; empty when there was no
/// login.
std::string check_login(Report& report, const config::Host& host, const config::UpstreamTls& tls,
                        const Credentials& credentials, std::chrono::seconds time_max);

}  // namespace pgwarden::cli::doctor
