// The side of pgwarden's clients.
#pragma once

#include "cli/doctor/report.h"
#include "config/config.h"

namespace pgwarden::cli::doctor {

/// Whether the listener can be bound, and its certificate, key and other files.
void check_listener(Report& report, const config::Listener& listener);

/// A file that holds a password or key and that others can read is a warning.
void check_secret_file(Report& report, const std::string& path);

/// Reachable by this machine alone.
bool is_local(const config::Endpoint& endpoint);

}  // namespace pgwarden::cli::doctor
