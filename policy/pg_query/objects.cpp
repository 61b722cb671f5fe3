#include "policy/pg_query/objects.h"

namespace pgwarden::policy::pg {
namespace {

struct TypedWords {
  ObjectType type;
  ObjectWords words;
};

#define WORDS(type, kind, what)                                             \
  {                                                                         \
    type, { ObjectKind::kind, "CREATE " what, "ALTER " what, "DROP " what } \
  }

constexpr TypedWords typed_words[] = {
    WORDS(OBJECT_ACCESS_METHOD, other, "ACCESS METHOD"),
    WORDS(OBJECT_AGGREGATE, function, "AGGREGATE"),
    WORDS(OBJECT_AMOP, other, "OPERATOR FAMILY"),
    WORDS(OBJECT_AMPROC, other, "OPERATOR FAMILY"),
    WORDS(OBJECT_ATTRIBUTE, column, "TYPE"),
    WORDS(OBJECT_CAST, other, "CAST"),
    WORDS(OBJECT_COLUMN, column, "TABLE"),
    WORDS(OBJECT_COLLATION, other, "COLLATION"),
    WORDS(OBJECT_CONVERSION, other, "CONVERSION"),
    WORDS(OBJECT_DATABASE, database, "DATABASE"),
    WORDS(OBJECT_DEFAULT, column, "TABLE"),
    WORDS(OBJECT_DEFACL, other, "DEFAULT PRIVILEGES"),
    WORDS(OBJECT_DOMAIN, domain, "DOMAIN"),
    WORDS(OBJECT_DOMCONSTRAINT, domain, "DOMAIN"),
    WORDS(OBJECT_EVENT_TRIGGER, trigger, "EVENT TRIGGER"),
    WORDS(OBJECT_EXTENSION, extension, "EXTENSION"),
    WORDS(OBJECT_FDW, other, "FOREIGN DATA WRAPPER"),
    WORDS(OBJECT_FOREIGN_SERVER, other, "SERVER"),
    WORDS(OBJECT_FOREIGN_TABLE, foreign_table, "FOREIGN TABLE"),
    WORDS(OBJECT_FUNCTION, function, "FUNCTION"),
    WORDS(OBJECT_INDEX, index, "INDEX"),
    WORDS(OBJECT_LANGUAGE, other, "LANGUAGE"),
    WORDS(OBJECT_LARGEOBJECT, other, "LARGE OBJECT"),
    WORDS(OBJECT_MATVIEW, materialized_view, "MATERIALIZED VIEW"),
    WORDS(OBJECT_OPCLASS, other, "OPERATOR CLASS"),
    WORDS(OBJECT_OPERATOR, other, "OPERATOR"),
    WORDS(OBJECT_OPFAMILY, other, "OPERATOR FAMILY"),
    WORDS(OBJECT_PARAMETER_ACL, setting, "PARAMETER"),
    WORDS(OBJECT_POLICY, policy, "POLICY"),
    WORDS(OBJECT_PROCEDURE, procedure, "PROCEDURE"),
    WORDS(OBJECT_PUBLICATION, publication, "PUBLICATION"),
    WORDS(OBJECT_PUBLICATION_NAMESPACE, publication, "PUBLICATION"),
    WORDS(OBJECT_PUBLICATION_REL, publication, "PUBLICATION"),
    WORDS(OBJECT_ROLE, role, "ROLE"),
    WORDS(OBJECT_ROUTINE, function, "ROUTINE"),
    WORDS(OBJECT_RULE, rule, "RULE"),
    WORDS(OBJECT_SCHEMA, schema, "SCHEMA"),
    WORDS(OBJECT_SEQUENCE, sequence, "SEQUENCE"),
    WORDS(OBJECT_SUBSCRIPTION, subscription, "SUBSCRIPTION"),
    WORDS(OBJECT_STATISTIC_EXT, other, "STATISTICS"),
    WORDS(OBJECT_TABCONSTRAINT, table, "TABLE"),
    WORDS(OBJECT_TABLE, table, "TABLE"),
    WORDS(OBJECT_TABLESPACE, tablespace, "TABLESPACE"),
    WORDS(OBJECT_TRANSFORM, other, "TRANSFORM"),
    WORDS(OBJECT_TRIGGER, trigger, "TRIGGER"),
    WORDS(OBJECT_TSCONFIGURATION, other, "TEXT SEARCH CONFIGURATION"),
    WORDS(OBJECT_TSDICTIONARY, other, "TEXT SEARCH DICTIONARY"),
    WORDS(OBJECT_TSPARSER, other, "TEXT SEARCH PARSER"),
    WORDS(OBJECT_TSTEMPLATE, other, "TEXT SEARCH TEMPLATE"),
    WORDS(OBJECT_TYPE, type, "TYPE"),
    WORDS(OBJECT_USER_MAPPING, other, "USER MAPPING"),
    WORDS(OBJECT_VIEW, view, "VIEW"),
};

#undef WORDS

/// The name in a list of strings, the last of which is a part of the table before it.
ObjectName name_of_part(const List* names) {
  const auto elements = cells(names);
  ObjectName name;
  if (elements.empty()) return name;
  name.part = text_of(node_of(elements.back()));
  if (elements.size() >= 2) name.name = text_of(node_of(elements[elements.size() - 2]));
  if (elements.size() >= 3) name.schema = text_of(node_of(elements[elements.size() - 3]));
  return name;
}

ObjectName name_of_strings(std::span<const ListCell> elements) {
  ObjectName name;
  if (elements.empty()) return name;
  name.name = text_of(node_of(elements.back()));
  if (elements.size() >= 2) name.schema = text_of(node_of(elements[elements.size() - 2]));
  return name;
}

}  // namespace

const ObjectWords& words_for(ObjectType type) {
  static constexpr ObjectWords unknown_words;
  for (const TypedWords& entry : typed_words) {
    if (entry.type == type) return entry.words;
  }
  return unknown_words;
}

bool is_part_of_table(ObjectType type) {
  return type == OBJECT_COLUMN || type == OBJECT_ATTRIBUTE || type == OBJECT_TRIGGER || type == OBJECT_RULE ||
         type == OBJECT_POLICY || type == OBJECT_TABCONSTRAINT;
}

ObjectName name_of(const RangeVar* relation) {
  if (relation == nullptr) return {};
  return {view(relation->schemaname), view(relation->relname), {}, relation->location};
}

ObjectName name_of(const List* names) { return name_of_strings(cells(names)); }

ObjectName name_of(ObjectType type, const Node* object) {
  if (object == nullptr) return {};
  switch (nodeTag(object)) {
    case T_String:
      return {{}, text_of(object), {}, -1};
    case T_RangeVar:
      return name_of(as<RangeVar>(object));
    case T_RoleSpec:
      return {{}, name_of(as<RoleSpec>(object)), {}, -1};
    case T_TypeName:
      return {name_of(as<TypeName>(object)->names).schema,
              name_of(as<TypeName>(object)->names).name,
              {},
              as<TypeName>(object)->location};
    case T_ObjectWithArgs:
      return name_of(as<ObjectWithArgs>(object)->objname);
    case T_List:
      break;
    default:
      return {};
  }
  const auto elements = cells(as<List>(object));
  if (is_part_of_table(type)) return name_of_part(as<List>(object));
  // A cast, a transform or a domain's constraint begins with a type; an operator class with its access
  // method.
  if (!elements.empty() && node_of(elements.front()) != nullptr &&
      nodeTag(node_of(elements.front())) == T_TypeName) {
    return name_of(OBJECT_TYPE, node_of(elements.front()));
  }
  const bool begins_with_method = type == OBJECT_OPCLASS || type == OBJECT_OPFAMILY;
  if (begins_with_method && !elements.empty()) return name_of_strings(elements.subspan(1));
  return name_of_strings(elements);
}

std::string_view name_of(const RoleSpec* role) {
  if (role == nullptr) return {};
  switch (role->roletype) {
    case ROLESPEC_CSTRING:
      return view(role->rolename);
    case ROLESPEC_CURRENT_ROLE:
      return "CURRENT_ROLE";
    case ROLESPEC_CURRENT_USER:
      return "CURRENT_USER";
    case ROLESPEC_SESSION_USER:
      return "SESSION_USER";
    case ROLESPEC_PUBLIC:
      return "PUBLIC";
  }
  return {};
}

bool makes_temporary(const RangeVar* relation) {
  const std::string_view schema = view(relation->schemaname);
  // With any other schema the server refuses TEMP.
  return is_temporary_schema(schema) || (schema.empty() && relation->relpersistence == RELPERSISTENCE_TEMP);
}

}  // namespace pgwarden::policy::pg
