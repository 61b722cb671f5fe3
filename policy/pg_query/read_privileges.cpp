// Roles, privileges and what roles own.
#include "policy/pg_query/read_nodes.h"

namespace pgwarden::policy::pg {
namespace {

ObjectName name_of_role(const RoleSpec* role) {
  return {{}, name_of(role), {}, role == nullptr ? -1 : role->location};
}

void add_roles(FactCollector& collector, const NodeClass& entry, const List* roles) {
  for (const ListCell& cell : cells(roles)) collector.add(entry, name_of_role(as<RoleSpec>(node_of(cell))));
}

}  // namespace

void read_grant(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* grant = as<GrantStmt>(node);
  const std::string_view command = grant->is_grant ? "GRANT" : "REVOKE";
  collector.consume(grant->objects);
  const ObjectType type = grant->targtype == ACL_TARGET_ALL_IN_SCHEMA ? OBJECT_SCHEMA : grant->objtype;
  for (const ListCell& cell : cells(grant->objects)) {
    collector.add(entry.cls, words_for(type).kind, command, name_of(type, node_of(cell)));
  }
  if (grant->objects == nullptr) collector.add(entry.cls, ObjectKind::none, command);
}

void read_grant_role(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* grant = as<GrantRoleStmt>(node);
  for (const ListCell& cell : cells(grant->granted_roles)) {
    const ObjectName name{{}, view(as<AccessPriv>(node_of(cell))->priv_name), {}, -1};
    collector.add(entry.cls, entry.kind, grant->is_grant ? "GRANT" : "REVOKE", name);
  }
}

void read_alter_role(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry, name_of_role(as<AlterRoleStmt>(node)->role));
}

void read_alter_role_set(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry, name_of_role(as<AlterRoleSetStmt>(node)->role));
}

void read_drop_role(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* drop = as<DropRoleStmt>(node);
  for (const ListCell& cell : cells(drop->roles)) {
    collector.add(entry, name_of_role(as<RoleSpec>(node_of(cell)))).if_exists = drop->missing_ok;
  }
}

void read_drop_owned(FactCollector& collector, const Node* node, const NodeClass& entry) {
  // It drops the role's objects and takes its privileges away.
  const auto* drop = as<DropOwnedStmt>(node);
  for (const ListCell& cell : cells(drop->roles)) {
    const ObjectName name = name_of_role(as<RoleSpec>(node_of(cell)));
    collector.add(entry, name).cascade = drop->behavior == DROP_CASCADE;
    collector.add(StatementClass::dcl, entry.kind, entry.command, name);
  }
}

void read_reassign_owned(FactCollector& collector, const Node* node, const NodeClass& entry) {
  add_roles(collector, entry, as<ReassignOwnedStmt>(node)->roles);
}

}  // namespace pgwarden::policy::pg
