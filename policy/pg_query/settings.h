// What SET and set_config do, which is the same.
#pragma once

#include <optional>
#include <string_view>

#include "policy/pg_query/fact_collector.h"

namespace pgwarden::policy::pg {

/// Adds the fact that a setting gets a value (nullopt: one that is not a constant). `position` is that of the
/// setting in the text, -1 for the statement's own.
void add_setting(FactCollector& collector, std::string_view name, std::optional<std::string_view> value,
                 int position = -1);

}  // namespace pgwarden::policy::pg
