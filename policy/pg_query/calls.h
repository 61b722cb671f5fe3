// What a function call does, and its arguments.
#pragma once

#include "policy/pg_query/fact_collector.h"

namespace pgwarden::policy::pg {

/// An argument of a call without its name (`setting_name => 'x'`).
const Node* value_of(const Node* argument);

/// The argument that is given by this name or, without names, at this place; null when there is none.
const Node* argument_of(const FuncCall* call, std::string_view wanted, std::size_t place);

/// Adds the facts of a call of `name`: what the SQL text does that it runs, where that is a constant;
/// otherwise whether it may do more than read. Not for set_config.
void add_call(FactCollector& collector, const FuncCall* call, const ObjectName& name);

}  // namespace pgwarden::policy::pg
