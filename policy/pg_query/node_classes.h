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

/// True for the most frequent of the nodes that say nothing, nor do those below them: the walk passes over
/// them.
inline bool says_nothing(const Node* node) {
  switch (nodeTag(node)) {
    case T_String:
    case T_Integer:
    case T_Float:
    case T_A_Const:
    case T_ParamRef:
    case T_A_Star:
      return true;
    case T_ColumnRef:  // `x` calls nothing; `t.x` may
      return cells(as<ColumnRef>(node)->fields).size() == 1;
    case T_TypeName:  // the bounds of an array are integers
      return as<TypeName>(node)->typmods == nullptr;
    default:
      return false;
  }
}

}  // namespace pgwarden::policy::pg
