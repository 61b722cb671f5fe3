// Settings (GUCs) whose change is more than the session's own business.
#pragma once

#include <string_view>

namespace pgwarden::policy {

/// Whether a setting decides how the server reads the bytes of later texts (D5). Upper and lower case are
/// alike, as for the server; so below.
bool is_lexing_setting(std::string_view name);

/// Whether a setting changes who the session is, what the server checks, or which code it loads: constraints
/// and triggers are passed by, damaged data is dropped, libraries and Perl code run (docs, "Server
/// Configuration", "PL/Perl Configuration").
bool is_privileged_setting(std::string_view name);

}  // namespace pgwarden::policy
