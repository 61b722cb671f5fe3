// The side of the servers.
#pragma once

#include <string>

#include "cli/doctor/report.h"
#include "config/config.h"

namespace pgwarden::cli::doctor {

/// Whether each host of `upstream` can be reached and spoken to, how it wants users to log in, and whether
/// that works for clients of `listener`. `user`: empty stands for the URL's. `database`: that clients ask
/// for, where the URL names none; empty: the user's.
void check_upstream(Report& report, const config::Config& config, const config::Listener& listener,
                    const config::Upstream& upstream, const std::string& user, const std::string& database);

}  // namespace pgwarden::cli::doctor
