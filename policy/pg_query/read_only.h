// What decides whether the transactions of a session may write.
#pragma once

#include <optional>
#include <string_view>

#include "policy/pg_query/fact_collector.h"

namespace pgwarden::policy::pg {

/// The name, in lower case, of a setting that decides whether transactions may write; empty for all others.
std::string_view read_only_setting(std::string_view name);

/// The command that gives such a setting this value (nullopt: one that is not known, or the default, which
/// for transaction_read_only is off): "SET" when it certainly is on, otherwise "SET ... READ WRITE".
std::string_view read_only_command(std::optional<std::string_view> value);

/// Adds a fact for each READ WRITE among the modes of BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS,
/// which give `setting` a value.
void add_read_write(FactCollector& collector, const List* modes, std::string_view setting);

}  // namespace pgwarden::policy::pg
