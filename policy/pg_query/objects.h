// Names and kinds of the objects that statements speak of.
#pragma once

#include <string_view>

#include "policy/facts.h"
#include "policy/pg_query/pg_tree.h"

namespace pgwarden::policy::pg {

/// The words for one of the grammar's object types.
struct ObjectWords {
  ObjectKind kind = ObjectKind::other;
  std::string_view create = "CREATE";
  std::string_view alter = "ALTER";
  std::string_view drop = "DROP";
};

const ObjectWords& words_for(ObjectType type);

/// Whether objects of this type are named as a part of a table: column, trigger, rule, policy, constraint.
bool is_part_of_table(ObjectType type);

/// A name as it stands in the statement, decoded and folded. A part of a table has the table's name.
struct ObjectName {
  std::string_view schema;
  std::string_view name;
  std::string_view part;  ///< of a table: the column, trigger, rule, ...
  int position = -1;
};

ObjectName name_of(const RangeVar* relation);
/// "catalog.schema.name" and shorter.
ObjectName name_of(const List* names);
/// The name in a statement's `object` field, whose shape depends on the type.
ObjectName name_of(ObjectType type, const Node* object);
/// A role as it is written: CURRENT_USER stays a word.
std::string_view name_of(const RoleSpec* role);

inline constexpr std::string_view temporary_schema = "pg_temp";

/// Whether the schema is the session's own temporary one. (pg_temp_3 may be another session's.)
inline bool is_temporary_schema(std::string_view schema) { return schema == temporary_schema; }

/// Whether CREATE with this name makes a temporary object.
bool makes_temporary(const RangeVar* relation);

}  // namespace pgwarden::policy::pg
