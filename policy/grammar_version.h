// Which PostgreSQL grammar statements are read with.
#pragma once

#include <string_view>

namespace pgwarden::policy {

/// "17.4": the PostgreSQL release whose grammar libpg_query carries.
std::string_view grammar_version();

}  // namespace pgwarden::policy
