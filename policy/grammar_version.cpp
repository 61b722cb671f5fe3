#include "policy/grammar_version.h"

#include <pg_query.h>

namespace pgwarden::policy {

std::string_view grammar_version() { return PG_VERSION; }

}  // namespace pgwarden::policy
