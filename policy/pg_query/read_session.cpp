// Statements about the session, transactions, locks and maintenance.
#include "policy/pg_query/read_nodes.h"
#include "policy/pg_query/read_only.h"
#include "policy/pg_query/settings.h"
#include "policy/settings.h"

namespace pgwarden::policy::pg {
namespace {

/// The value of SET when it is one constant text (or word: `SET x = on`).
std::optional<std::string_view> only_text(const List* values) {
  const auto elements = cells(values);
  if (elements.size() != 1) return std::nullopt;
  return constant_text(node_of(elements.front()));
}

/// One fact for each relation of the list, of which nothing is read.
void add_relations(FactCollector& collector, const NodeClass& entry, const List* relations) {
  collector.consume(relations);
  for (const ListCell& cell : cells(relations)) collector.add(entry, name_of(as<RangeVar>(node_of(cell))));
}

}  // namespace

void read_set(FactCollector& collector, const Node* node, const NodeClass& entry) {
  // The same node is a part of ALTER ROLE ... SET and others, which say what it is there.
  if (!collector.is_whole_statement()) return;
  const auto* set = as<VariableSetStmt>(node);
  const std::string_view name = view(set->name);
  if (set->kind == VAR_RESET_ALL || is_lexing_setting(name)) collector.may_change_lexing();
  // Whether transactions may write is never only a way back: the default of transaction_read_only is off.
  if (set->kind == VAR_SET_VALUE || !read_only_setting(name).empty()) {
    add_setting(collector, name, only_text(set->args));
    // A list: each of its words is a schema.
    for (const ListCell& cell : cells(set->args))
      collector.sets_search_path(name, constant_text(node_of(cell)));
    return;
  }
  // Back to a value that the session, or whoever configured the server, had chosen.
  const bool resets = set->kind == VAR_RESET || set->kind == VAR_RESET_ALL;
  collector.add(entry, ObjectName{{}, name, {}, -1}).command = resets ? "RESET" : "SET";
  if (set->kind == VAR_SET_MULTI) {
    const bool later = name == "SESSION CHARACTERISTICS";
    add_read_write(collector, set->args, later ? "default_transaction_read_only" : "transaction_read_only");
  }
}

void read_show(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry, ObjectName{{}, view(as<VariableShowStmt>(node)->name), {}, -1});
}

void read_transaction(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* transaction = as<TransactionStmt>(node);
  Fact& fact = collector.add(entry);
  switch (transaction->kind) {
    case TRANS_STMT_BEGIN:
    case TRANS_STMT_START:
      fact.command = "BEGIN";
      add_read_write(collector, transaction->options, "transaction_read_only");
      return;
    case TRANS_STMT_SAVEPOINT:
      fact.command = "SAVEPOINT";
      return;
    case TRANS_STMT_RELEASE:
      fact.command = "RELEASE";
      return;
    case TRANS_STMT_COMMIT:
      fact.command = "COMMIT";
      break;
    case TRANS_STMT_ROLLBACK:
    case TRANS_STMT_ROLLBACK_TO:
      fact.command = "ROLLBACK";
      break;
    case TRANS_STMT_PREPARE:
      fact.command = "PREPARE TRANSACTION";
      break;
    case TRANS_STMT_COMMIT_PREPARED:
      // Whatever another session did there, DDL included, nobody has judged here.
      fact.command = "COMMIT PREPARED";
      fact.cls = StatementClass::system;
      break;
    case TRANS_STMT_ROLLBACK_PREPARED:
      fact.command = "ROLLBACK PREPARED";  // another session's work
      fact.cls = StatementClass::system;
      break;
  }
  // The end of a transaction takes back SET LOCAL, a rollback every SET.
  collector.may_change_lexing();
}

void read_discard(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry);
  collector.forget_temporary();
  if (as<DiscardStmt>(node)->target == DISCARD_ALL) collector.may_change_lexing();
}

void read_execute(FactCollector& collector, const Node* node, const NodeClass& entry) {
  // What it runs was judged when it was prepared; whether that was SET is not known here.
  collector.add(entry).argument = view(as<ExecuteStmt>(node)->name);
  collector.may_change_lexing();
  collector.may_hide_temporary();
}

void read_fetch(FactCollector& collector, const Node* node, const NodeClass& entry) {
  Fact& fact = collector.add(entry);
  if (as<FetchStmt>(node)->ismove) fact.command = "MOVE";
  collector.may_change_lexing();
  collector.may_hide_temporary();
}

void read_lock(FactCollector& collector, const Node* node, const NodeClass& entry) {
  add_relations(collector, entry, as<LockStmt>(node)->relations);
}

void read_vacuum(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* vacuum = as<VacuumStmt>(node);
  const std::string_view command = vacuum->is_vacuumcmd ? "VACUUM" : "ANALYZE";
  collector.consume(vacuum->rels);
  for (const ListCell& cell : cells(vacuum->rels)) {
    const auto* relation = as<VacuumRelation>(node_of(cell))->relation;
    collector.add(entry.cls, ObjectKind::table, command, name_of(relation));
  }
  if (vacuum->rels == nullptr) collector.add(entry.cls, ObjectKind::none, command);
}

void read_refresh(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* refresh = as<RefreshMatViewStmt>(node);
  collector.consume(refresh->relation);
  Fact& fact = collector.add(entry, name_of(refresh->relation));
  if (!refresh->skipData) return;
  fact.cls = StatementClass::truncate;
  fact.command = "REFRESH MATERIALIZED VIEW ... WITH NO DATA";
}

void read_reindex(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* reindex = as<ReindexStmt>(node);
  collector.consume(reindex->relation);
  ObjectName name = name_of(reindex->relation);
  if (reindex->relation == nullptr) name.name = view(reindex->name);
  Fact& fact = collector.add(entry, name);
  if (reindex->kind == REINDEX_OBJECT_TABLE) fact.kind = ObjectKind::table;
  if (reindex->kind == REINDEX_OBJECT_SCHEMA) fact.kind = ObjectKind::schema;
  if (reindex->kind == REINDEX_OBJECT_SYSTEM || reindex->kind == REINDEX_OBJECT_DATABASE) {
    fact.kind = ObjectKind::database;
  }
}

void read_call(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* call = as<CallStmt>(node)->funccall;
  ObjectName name = name_of(call->funcname);
  name.position = call->location;
  collector.add(entry, name);
}

void read_alter_system(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* set = as<AlterSystemStmt>(node)->setstmt;
  collector.add(entry, ObjectName{{}, view(set->name), {}, -1});
}

}  // namespace pgwarden::policy::pg
