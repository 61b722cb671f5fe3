// The table of statement nodes (D6) for those who do not know PostgreSQL's headers: tests, documentation.
#pragma once

#include <string_view>
#include <vector>

#include "policy/statement_class.h"

namespace pgwarden::policy {

/// One statement node of the grammar and what it is. What it does in detail is read from the node itself.
struct StatementNode {
  std::string_view name;     ///< "DropStmt"
  StatementClass cls;        ///< `unknown` when the table has no row for it
  std::string_view command;  ///< "DROP"
  bool never_whole;          ///< only a part of other statements, or never made by the parser
};

/// Every node of the installed grammar whose name ends in Stmt.
std::vector<StatementNode> statement_nodes();

}  // namespace pgwarden::policy
