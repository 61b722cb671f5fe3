// The walk of policy/pg_query/fact_collector held against libpg_query's own output of the same tree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgwarden::policy {

/// The node types of which the walk over `sql` visited another number than the tree holds (design decision
/// D16), "FuncCall: 2 in the tree, 1 visited"; empty when it is total. Text that does not parse gives the
/// parser's words.
std::vector<std::string> walk_differences(std::string_view sql);

}  // namespace pgwarden::policy
