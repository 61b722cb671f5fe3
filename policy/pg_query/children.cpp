#include "policy/pg_query/children.h"

namespace pgwarden::policy::pg {
namespace {

/// Where the node fields of the node at hand go; set for the time of one append_children call.
thread_local std::vector<const Node*>* sink = nullptr;

/// Converts to a pointer to whatever node type a function takes, as C's `const void*` does.
struct AnyNode {
  const Node* node;
  template <class T>
  operator const T*() const {
    return as<T>(node);
  }
};

}  // namespace

static void append(const Node* child) {
  if (child != nullptr) sink->push_back(child);
}

}  // namespace pgwarden::policy::pg

// NOLINTBEGIN(bugprone-suspicious-include,bugprone-reserved-identifier): PostgreSQL's own file and names.
// Each of PostgreSQL's generated `_copyX(from)` becomes a function that appends the node fields of `*from` to
// the sink and copies nothing.
#undef makeNode
#define makeNode(type) pgwarden::policy::pg::scratch_node<type>()
#define COPY_NODE_FIELD(field) pgwarden::policy::pg::append(reinterpret_cast<const Node*>(from->field))
#define COPY_SCALAR_FIELD(field)
#define COPY_BITMAPSET_FIELD(field)
#define COPY_STRING_FIELD(field)
#define COPY_ARRAY_FIELD(field)
#define COPY_POINTER_FIELD(field, size)
#define COPY_LOCATION_FIELD(field)
extern "C" {
#include "copyfuncs.funcs.c"
}

// Those that PostgreSQL writes by hand. None has a child: the value of an A_Const lies within it, the others
// are in no raw tree.
static std::nullptr_t _copyA_Const(const A_Const*) { return nullptr; }
static std::nullptr_t _copyConst(const Const*) { return nullptr; }
static std::nullptr_t _copyBitmapset(const Bitmapset*) { return nullptr; }
static std::nullptr_t _copyExtensibleNode(const ExtensibleNode*) { return nullptr; }

namespace pgwarden::policy::pg {

void append_children(const Node* node, std::vector<const Node*>& children) {
  const NodeTag tag = nodeTag(node);
  if (tag == T_List) {
    for (const ListCell& cell : cells(as<List>(node))) {
      if (node_of(cell) != nullptr) children.push_back(node_of(cell));
    }
    return;
  }
  // `SET (a, b) = (...)` hangs the one source under every target: walked for the first only, or the walk
  // would be quadratic.
  if (tag == T_MultiAssignRef && as<MultiAssignRef>(node)->colno != 1) return;
  sink = &children;
  const AnyNode from{node};
  [[maybe_unused]] const void* retval = nullptr;
  switch (tag) {
#include "copyfuncs.switch.c"
    default:
      break;
  }
}

}  // namespace pgwarden::policy::pg
// NOLINTEND(bugprone-suspicious-include,bugprone-reserved-identifier)
