// What the node table calls: one function per node (or family of nodes) that is more than a class and a name.
#pragma once

#include "policy/pg_query/fact_collector.h"
#include "policy/pg_query/node_classes.h"

namespace pgwarden::policy::pg {

/// The fact of the table entry, without a name.
void read_plain(FactCollector&, const Node*, const NodeClass&);

// Queries and what they are made of: read_queries.cpp
void read_select(FactCollector&, const Node*, const NodeClass&);
void read_with(FactCollector&, const Node*, const NodeClass&);
void read_relation(FactCollector&, const Node*, const NodeClass&);
void read_into(FactCollector&, const Node*, const NodeClass&);
void read_function_call(FactCollector&, const Node*, const NodeClass&);
void read_function_node(FactCollector&, const Node*, const NodeClass&);
void read_column(FactCollector&, const Node*, const NodeClass&);
void read_indirection(FactCollector&, const Node*, const NodeClass&);
void read_insert(FactCollector&, const Node*, const NodeClass&);
void read_update(FactCollector&, const Node*, const NodeClass&);
void read_delete(FactCollector&, const Node*, const NodeClass&);
void read_merge(FactCollector&, const Node*, const NodeClass&);
void read_copy(FactCollector&, const Node*, const NodeClass&);
void read_explain(FactCollector&, const Node*, const NodeClass&);
void read_create_table_as(FactCollector&, const Node*, const NodeClass&);

// Statements about the session: read_session.cpp
void read_set(FactCollector&, const Node*, const NodeClass&);
void read_show(FactCollector&, const Node*, const NodeClass&);
void read_transaction(FactCollector&, const Node*, const NodeClass&);
void read_discard(FactCollector&, const Node*, const NodeClass&);
void read_execute(FactCollector&, const Node*, const NodeClass&);
void read_fetch(FactCollector&, const Node*, const NodeClass&);
void read_lock(FactCollector&, const Node*, const NodeClass&);
void read_vacuum(FactCollector&, const Node*, const NodeClass&);
void read_refresh(FactCollector&, const Node*, const NodeClass&);
void read_reindex(FactCollector&, const Node*, const NodeClass&);
void read_call(FactCollector&, const Node*, const NodeClass&);

// Statements that define objects: read_definitions.cpp
void read_create_table(FactCollector&, const Node*, const NodeClass&);
void read_create_foreign_table(FactCollector&, const Node*, const NodeClass&);
void read_import_foreign_schema(FactCollector&, const Node*, const NodeClass&);
void read_create_statistics(FactCollector&, const Node*, const NodeClass&);
void read_create_sequence(FactCollector&, const Node*, const NodeClass&);
void read_create_view(FactCollector&, const Node*, const NodeClass&);
void read_create_index(FactCollector&, const Node*, const NodeClass&);
void read_create_schema(FactCollector&, const Node*, const NodeClass&);
void read_create_function(FactCollector&, const Node*, const NodeClass&);
void read_create_trigger(FactCollector&, const Node*, const NodeClass&);
void read_create_rule(FactCollector&, const Node*, const NodeClass&);
void read_create_policy(FactCollector&, const Node*, const NodeClass&);
void read_alter_policy(FactCollector&, const Node*, const NodeClass&);
void read_define(FactCollector&, const Node*, const NodeClass&);
void read_alter_table(FactCollector&, const Node*, const NodeClass&);
void read_alter_command(FactCollector&, const Node*, const NodeClass&);
void read_constraint(FactCollector&, const Node*, const NodeClass&);
void read_alter_extension_contents(FactCollector&, const Node*, const NodeClass&);
void read_alter_sequence(FactCollector&, const Node*, const NodeClass&);
void read_alter_domain(FactCollector&, const Node*, const NodeClass&);
void read_alter_function(FactCollector&, const Node*, const NodeClass&);
void read_alter_operator(FactCollector&, const Node*, const NodeClass&);
void read_rename(FactCollector&, const Node*, const NodeClass&);
void read_alter_schema(FactCollector&, const Node*, const NodeClass&);
void read_alter_depends(FactCollector&, const Node*, const NodeClass&);
void read_alter_owner(FactCollector&, const Node*, const NodeClass&);
void read_comment(FactCollector&, const Node*, const NodeClass&);
void read_security_label(FactCollector&, const Node*, const NodeClass&);
void read_drop(FactCollector&, const Node*, const NodeClass&);
void read_truncate(FactCollector&, const Node*, const NodeClass&);

// Code: read_code.cpp
void read_do(FactCollector&, const Node*, const NodeClass&);
/// Reads the body of the routine, of which the last fact speaks.
void read_body(FactCollector&, const CreateFunctionStmt*);

// Roles and privileges: read_privileges.cpp
void read_grant(FactCollector&, const Node*, const NodeClass&);
void read_grant_role(FactCollector&, const Node*, const NodeClass&);
void read_alter_role(FactCollector&, const Node*, const NodeClass&);
void read_alter_role_set(FactCollector&, const Node*, const NodeClass&);
void read_drop_role(FactCollector&, const Node*, const NodeClass&);
void read_drop_owned(FactCollector&, const Node*, const NodeClass&);
void read_reassign_owned(FactCollector&, const Node*, const NodeClass&);
void read_alter_system(FactCollector&, const Node*, const NodeClass&);

}  // namespace pgwarden::policy::pg
