// The one table: what each statement node is (D6).
#pragma once

#include <string_view>

#include "policy/facts.h"
#include "policy/pg_query/children.h"
#include "policy/pg_query/pg_tree.h"

namespace pgwarden::policy::pg {

class FactCollector;
struct NodeClass;

/// Adds the facts of one node to the collector.
using ReadNode = void (*)(FactCollector& collector, const Node* node, const NodeClass& entry);

/// What a node of one tag means.
struct NodeClass {
  StatementClass cls = StatementClass::unknown;
  ObjectKind kind = ObjectKind::none;
  std::string_view command;
  ReadNode read = nullptr;  ///< null: the node says nothing by itself, its children may
};

/// The entries of all tags, by tag. A statement that the table does not know has class `unknown`.
using NodeClasses = std::array<NodeClass, node_tags_end>;
const NodeClasses& node_classes();

}  // namespace pgwarden::policy::pg
