// The functions that every server has, by OID.
#pragma once

#include <cstdint>
#include <string_view>

namespace pgwarden::policy {

/// Name of the built-in function (pg_catalog) with this OID in PostgreSQL 10 to 18; empty when there is none.
std::string_view built_in_function(std::uint32_t oid);

}  // namespace pgwarden::policy
