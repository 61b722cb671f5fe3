// The server's own tables.
#pragma once

#include <string_view>

namespace pgwarden::policy {

/// Whether rows written to this relation are rows of the system catalogs. Without a schema, search_path
/// decides (pg_catalog comes first unless it is named, information_schema may be named): then every name of a
/// catalog that can be written counts (docs, "System Catalogs"; PostgreSQL 10 to 18), and no other name that
/// begins with pg_.
bool is_catalog(std::string_view schema, std::string_view name);

}  // namespace pgwarden::policy
