// PostgreSQL's parse tree and libpg_query, made fit for C++. Private to this folder: nothing else in the
// project includes a PostgreSQL header.
#pragma once

// The standard headers come first: PostgreSQL's port.h turns printf and others into macros.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "postgres.h"
// postgres.h has to be the first
#include "catalog/pg_class.h"
#include "mb/pg_wchar.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "pg_query.h"
#include "pg_query_internal.h"
}

#undef printf
#undef fprintf
#undef snprintf
#undef sprintf
#undef vsnprintf
#undef vfprintf
#undef vprintf
#undef vsprintf
#undef strerror
#undef strerror_r
#undef bind
#undef Min
#undef Max
#undef Abs
#undef _

#include "policy/letters.h"

namespace pgwarden::policy::pg {

/// Text of a C string that may be null.
inline std::string_view view(const char* text) { return text == nullptr ? std::string_view{} : text; }

/// The elements of a list of nodes; PostgreSQL's empty list is a null pointer.
inline std::span<const ListCell> cells(const List* list) {
  if (list == nullptr) return {};
  return {list->elements, static_cast<std::size_t>(list->length)};
}

inline const Node* node_of(const ListCell& cell) { return static_cast<const Node*>(cell.ptr_value); }

template <class T>
const T* as(const Node* node) {
  return reinterpret_cast<const T*>(node);
}

/// As `as`, but null when the node is null or has another tag.
template <class T>
const T* as_if(const Node* node, NodeTag tag) {
  return node != nullptr && nodeTag(node) == tag ? as<T>(node) : nullptr;
}

/// Text of a String node, empty for everything else.
inline std::string_view text_of(const Node* node) {
  const auto* string = as_if<String>(node, T_String);
  return string == nullptr ? std::string_view{} : view(string->sval);
}

/// Whether a cast to this type leaves a text as it is: varchar(3) would not.
inline bool keeps_text(const TypeName* type) {
  if (type->typmods != nullptr || type->arrayBounds != nullptr || type->setof) return false;
  const auto names = cells(type->names);
  if (names.empty()) return false;
  const std::string_view name = text_of(node_of(names.back()));
  return name == "text" || name == "varchar";
}

/// Text of a constant string in an expression ('x' or 'x'::text); nullopt for everything else.
inline std::optional<std::string_view> constant_text(const Node* node) {
  if (const auto* cast = as_if<TypeCast>(node, T_TypeCast); cast != nullptr && keeps_text(cast->typeName)) {
    node = cast->arg;
  }
  const auto* constant = as_if<A_Const>(node, T_A_Const);
  if (constant == nullptr || constant->isnull || nodeTag(&constant->val.node) != T_String)
    return std::nullopt;
  return view(constant->val.sval.sval);
}

}  // namespace pgwarden::policy::pg
