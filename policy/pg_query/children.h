// The children of any parse node, for a walk that misses none (D16).
#pragma once

#include <string_view>
#include <vector>

#include "policy/pg_query/pg_tree.h"

namespace pgwarden::policy::pg {

/// Appends every node that `node` points to, in the order of the grammar's own field lists. The lists come
/// from the installed libpg_query (copyfuncs.funcs.c, which PostgreSQL generates from its headers), so that a
/// field that a later grammar adds is walked as soon as it exists.
void append_children(const Node* node, std::vector<const Node*>& children);

/// "SelectStmt" for T_SelectStmt; empty for tags that no parse tree has.
std::string_view node_name(NodeTag tag);

/// Something for PostgreSQL's generated copy functions to write to: a few set fields of their result.
template <class T>
T* scratch_node() {
  static thread_local T node;
  return &node;
}

/// One more than the largest value that a NodeTag can hold: in C++ the power of two above its last
/// enumerator.
inline constexpr std::size_t node_tags_end = 512;
static_assert(T_WindowObjectData < node_tags_end && T_WindowObjectData >= node_tags_end / 2);

}  // namespace pgwarden::policy::pg
