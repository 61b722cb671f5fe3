#include "policy/pg_query/children.h"

// NOLINTBEGIN(bugprone-suspicious-include,bugprone-reserved-identifier): PostgreSQL's own file and names.
static thread_local const char* name_of_last_node = nullptr;

// Each of PostgreSQL's generated `_copyX(from)` becomes a function that notes "X".
#undef makeNode
#define makeNode(type) (name_of_last_node = #type, pgwarden::policy::pg::scratch_node<type>())
#define COPY_NODE_FIELD(field)
#define COPY_SCALAR_FIELD(field)
#define COPY_BITMAPSET_FIELD(field)
#define COPY_STRING_FIELD(field)
#define COPY_ARRAY_FIELD(field)
#define COPY_POINTER_FIELD(field, size)
#define COPY_LOCATION_FIELD(field)
extern "C" {
#include "copyfuncs.funcs.c"
}

static void* _copyA_Const(const A_Const*) { return makeNode(A_Const); }
static void* _copyConst(const Const*) { return makeNode(Const); }
static void* _copyBitmapset(const Bitmapset*) { return makeNode(Bitmapset); }
static void* _copyExtensibleNode(const ExtensibleNode*) { return makeNode(ExtensibleNode); }

namespace pgwarden::policy::pg {

std::string_view node_name(NodeTag tag) {
  const std::nullptr_t from = nullptr;
  [[maybe_unused]] const void* retval = nullptr;
  name_of_last_node = nullptr;
  switch (tag) {
#include "copyfuncs.switch.c"
    default:
      break;
  }
  return view(name_of_last_node);
}

}  // namespace pgwarden::policy::pg
// NOLINTEND(bugprone-suspicious-include,bugprone-reserved-identifier)
