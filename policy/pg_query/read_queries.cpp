// SELECT, INSERT, UPDATE, DELETE, MERGE, COPY, EXPLAIN and what they are made of.
#include "policy/catalogs.h"
#include "policy/pg_query/calls.h"
#include "policy/pg_query/conditions.h"
#include "policy/pg_query/read_nodes.h"
#include "policy/pg_query/settings.h"
#include "policy/sensitive_functions.h"
#include "policy/settings.h"

namespace pgwarden::policy::pg {
namespace {

bool is_catalog(const RangeVar* relation) {
  return policy::is_catalog(view(relation->schemaname), view(relation->relname));
}

/// The fact of a statement that changes rows of `target`. Under plain EXPLAIN nothing changes.
Fact& add_write(FactCollector& collector, const NodeClass& entry, const RangeVar* target, bool unbounded) {
  collector.consume(target);
  if (collector.explained()) {
    return collector.add(StatementClass::read, ObjectKind::table, "EXPLAIN", name_of(target));
  }
  Fact& fact = collector.add(entry, name_of(target));
  if (unbounded) fact.cls = StatementClass::write_unbounded;
  if (is_catalog(target)) fact.cls = StatementClass::catalog_write;
  return fact;
}

bool is_column(const Node* node, std::string_view name) {
  const auto* column = as_if<ColumnRef>(node, T_ColumnRef);
  return column != nullptr && cells(column->fields).size() == 1 &&
         text_of(node_of(cells(column->fields)[0])) == name;
}

bool is_system_schema(std::string_view schema) {
  return schema.empty() || schema == "pg_catalog" || schema == "information_schema";
}

/// The setting in `SELECT set_config(name, 'value', false) FROM pg_settings WHERE name = 'setting'`, with
/// which pg_dump sets what only some servers know.
void note_known_setting(FactCollector& collector, const SelectStmt* select) {
  if (cells(select->fromClause).size() != 1 || cells(select->targetList).size() != 1) return;
  const auto* from = as_if<RangeVar>(node_of(cells(select->fromClause)[0]), T_RangeVar);
  const auto* target = as_if<ResTarget>(node_of(cells(select->targetList)[0]), T_ResTarget);
  const auto* where = as_if<A_Expr>(select->whereClause, T_A_Expr);
  if (from == nullptr || target == nullptr || where == nullptr || where->kind != AEXPR_OP) return;
  const bool is_settings = view(from->relname) == "pg_settings" && is_system_schema(view(from->schemaname));
  const bool is_equality = cells(where->name).size() == 1 && text_of(node_of(cells(where->name)[0])) == "=";
  const auto* call = as_if<FuncCall>(target->val, T_FuncCall);
  const auto setting = constant_text(where->rexpr);
  if (is_settings && is_equality && call != nullptr && setting && is_column(where->lexpr, "name")) {
    collector.knows_setting(call, *setting);
  }
}

/// set_config is what its first argument says, as SET is. How later texts are read is not for a function to
/// say: where in the query it runs, and whether it does, is the server's choice.
void read_set_config(FactCollector& collector, const FuncCall* call, const ObjectName& name) {
  const Node* argument = argument_of(call, "setting_name", 0);
  const auto setting = is_column(argument, "name") ? collector.known_setting(call) : constant_text(argument);
  if (!setting || is_lexing_setting(*setting)) {
    Fact& fact = collector.add(StatementClass::call_sensitive, ObjectKind::function, call_of_function, name);
    fact.argument = setting.value_or(std::string_view{});
    return;
  }
  const auto value = constant_text(argument_of(call, "new_value", 1));
  add_setting(collector, *setting, value, call->location);
  collector.sets_search_path(*setting, value);
  collector.add_harmless_call(name);
}

}  // namespace

void read_plain(FactCollector& collector, const Node*, const NodeClass& entry) { collector.add(entry); }

void read_select(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto* select = as<SelectStmt>(node);
  note_known_setting(collector, select);
  collector.enter_with(select->withClause);
}

void read_with(FactCollector& collector, const Node* node, const NodeClass&) {
  collector.walk_with(as<WithClause>(node));
}

void read_relation(FactCollector& collector, const Node* node, const NodeClass& entry) {
  if (collector.consumed()) return;
  const auto* relation = as<RangeVar>(node);
  if (relation->schemaname == nullptr && collector.is_cte(view(relation->relname))) return;
  collector.add(entry.cls, entry.kind, collector.explained() ? "EXPLAIN" : entry.command, name_of(relation));
  if (!collector.shown() || !is_catalog(relation)) return;
  // A simple view can be written to, and nobody sees then what is behind it.
  collector.add(StatementClass::catalog_write, ObjectKind::table, "CREATE VIEW", name_of(relation));
}

void read_into(FactCollector& collector, const Node* node, const NodeClass& entry) {
  if (collector.consumed()) return;
  const RangeVar* target = as<IntoClause>(node)->rel;
  collector.consume(target);
  if (collector.explained() || target == nullptr) return;
  collector.add(entry, name_of(target)).temporary = makes_temporary(target);
}

void read_create_table_as(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateTableAsStmt>(node);
  collector.consume(create->into);
  if (collector.explained()) return;
  const bool materialized = create->objtype == OBJECT_MATVIEW;
  Fact& fact = collector.add(entry, name_of(create->into->rel));
  fact.if_exists = create->if_not_exists;
  fact.temporary = !materialized && makes_temporary(create->into->rel);
  if (materialized) {
    fact.kind = ObjectKind::materialized_view;
    fact.command = "CREATE MATERIALIZED VIEW";
  }
}

void read_function_call(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto* call = as<FuncCall>(node);
  ObjectName name = name_of(call->funcname);
  name.position = call->location;
  if (name.name == "set_config" && is_system_schema(name.schema)) {
    read_set_config(collector, call, name);
  } else {
    add_call(collector, call, name);
  }
}

void read_insert(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* insert = as<InsertStmt>(node);
  Fact& fact = add_write(collector, entry, insert->relation, false);
  const OnConflictClause* conflict = insert->onConflictClause;
  const bool overwrites = conflict != nullptr && conflict->action == ONCONFLICT_UPDATE;
  if (overwrites && fact.cls != StatementClass::read) fact.command = "INSERT ... ON CONFLICT DO UPDATE";
  collector.enter_with(insert->withClause);
}

void read_update(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* update = as<UpdateStmt>(node);
  add_write(collector, entry, update->relation, concerns_every_row(update->whereClause, update->relation));
  collector.enter_with(update->withClause);
}

void read_delete(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* remove = as<DeleteStmt>(node);
  add_write(collector, entry, remove->relation, concerns_every_row(remove->whereClause, remove->relation));
  collector.enter_with(remove->withClause);
}

void read_merge(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* merge = as<MergeStmt>(node);
  add_write(collector, entry, merge->relation, concerns_every_row(merge));
  collector.enter_with(merge->withClause);
}

void read_copy(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto* copy = as<CopyStmt>(node);
  collector.consume(copy->relation);
  const ObjectName target = name_of(copy->relation);
  const ObjectKind kind = copy->relation == nullptr ? ObjectKind::none : ObjectKind::table;
  if (copy->is_program) {
    collector.add(StatementClass::copy_program, kind,
                  copy->is_from ? "COPY ... FROM PROGRAM" : "COPY ... TO PROGRAM", target);
  } else if (copy->filename != nullptr) {
    collector.add(StatementClass::copy_file, kind, copy->is_from ? "COPY ... FROM file" : "COPY ... TO file",
                  target);
  } else if (copy->is_from) {
    collector.add(StatementClass::copy_in, kind, "COPY ... FROM STDIN", target);
  } else {
    collector.add(StatementClass::copy_out, kind, "COPY ... TO STDOUT", target);
  }
  if (copy->is_from && copy->relation != nullptr && is_catalog(copy->relation)) {
    collector.add(StatementClass::catalog_write, kind, "COPY ... FROM", target);
  }
}

void read_explain(FactCollector& collector, const Node* node, const NodeClass&) {
  if (!runs_statement(as<ExplainStmt>(node))) collector.only_explain_children();
}

}  // namespace pgwarden::policy::pg
