// CREATE, ALTER, DROP of objects.
#include "policy/pg_query/read_nodes.h"

namespace pgwarden::policy::pg {
namespace {

/// INHERITS marks the parent, too. (A partition of a permanent table cannot be temporary.)
bool inherits_from_permanent(const FactCollector& collector, const CreateStmt* create) {
  if (create->partbound != nullptr) return false;
  const auto parents = cells(create->inhRelations);
  return !std::all_of(parents.begin(), parents.end(), [&collector](const ListCell& cell) {
    return collector.is_temporary(as<RangeVar>(node_of(cell)));
  });
}

/// Whether a sequence belongs to a column (OWNED BY something).
bool is_owned(const List* options) {
  for (const ListCell& cell : cells(options)) {
    const auto* option = as<DefElem>(node_of(cell));
    if (view(option->defname) != "owned_by") continue;
    const auto* owner = as_if<List>(option->arg, T_List);
    if (cells(owner).size() > 1) return true;
  }
  return false;
}

/// Whether the fact is about a relation (or a part of one) that exists already and is temporary.
bool is_temporary_relation(const FactCollector& collector, const Fact& fact) {
  switch (fact.kind) {
    case ObjectKind::table:
    case ObjectKind::column:
    case ObjectKind::sequence:
    case ObjectKind::view:
      return collector.is_temporary(fact.schema, fact.name);
    default:
      return is_temporary_schema(fact.schema);
  }
}

ObjectName part_of(const RangeVar* table, const char* part) {
  ObjectName name = name_of(table);
  name.part = view(part);
  return name;
}

/// A table besides the one that is named, whose definition the statement changes too: allowing the one does
/// not let the other through (D7).
Fact& add_other_table(FactCollector& collector, std::string_view command, const RangeVar* table) {
  const Definition& definition = collector.definition();
  Fact& fact = collector.add(definition.cls, ObjectKind::table, command, name_of(table));
  fact.schema = view(table->schemaname);
  fact.temporary = definition.temporary;
  return fact;
}

/// The server that a new foreign table leads to, for the same reason.
void add_server(FactCollector& collector, std::string_view command, const char* server) {
  collector.add(StatementClass::ddl_create, words_for(OBJECT_FOREIGN_SERVER).kind, command,
                {{}, view(server), {}, -1});
}

/// The object of a statement that has either a relation or something else (RENAME, SET SCHEMA, ...).
ObjectName name_of_either(FactCollector& collector, ObjectType type, const RangeVar* relation,
                          const Node* object) {
  if (relation == nullptr) return name_of(type, object);
  collector.consume(relation);
  return name_of(relation);
}

void create_table(FactCollector& collector, const NodeClass& entry, const CreateStmt* create,
                  bool may_be_temporary) {
  collector.consume(create->relation);
  Fact& fact = collector.add(entry, name_of(create->relation));
  fact.if_exists = create->if_not_exists;
  fact.temporary =
      may_be_temporary && makes_temporary(create->relation) && !inherits_from_permanent(collector, create);
  collector.define({entry.cls, fact.temporary});
  collector.consume(create->inhRelations);
  const std::string_view command =
      create->partbound == nullptr ? "CREATE TABLE ... INHERITS" : "CREATE TABLE ... PARTITION OF";
  for (const ListCell& cell : cells(create->inhRelations)) {
    add_other_table(collector, command, as<RangeVar>(node_of(cell)));
  }
}

/// What one part of ALTER TABLE is, if it is more than an alteration.
struct Alteration {
  StatementClass cls = StatementClass::ddl_alter;
  ObjectKind kind = ObjectKind::none;  ///< none: of the table itself
  std::string_view command;
};

Alteration alteration_of(const AlterTableCmd* command, ObjectType type) {
  switch (command->subtype) {
    case AT_DropColumn:
      return {StatementClass::ddl_drop, ObjectKind::column,
              type == OBJECT_TYPE ? "ALTER TYPE ... DROP ATTRIBUTE" : "ALTER TABLE ... DROP COLUMN"};
    case AT_DropConstraint:
      return {StatementClass::ddl_drop, ObjectKind::none, "ALTER TABLE ... DROP CONSTRAINT"};
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      return {StatementClass::ddl_drop, ObjectKind::none, "ALTER TABLE ... DETACH PARTITION"};
    case AT_ChangeOwner:
      return {StatementClass::dcl, ObjectKind::none, "ALTER TABLE ... OWNER TO"};
    default:
      return {};
  }
}

/// Whether the alteration reaches a table besides the one that is named.
bool concerns_another_table(const AlterTableCmd* command) {
  return command->subtype == AT_AddInherit || command->subtype == AT_DropInherit ||
         command->subtype == AT_AttachPartition || command->subtype == AT_DetachPartition ||
         command->subtype == AT_ChangeOwner;
}

/// Renaming is of the class that other alterations of the same object are.
StatementClass class_of_renaming(ObjectType type) {
  switch (type) {
    case OBJECT_ROLE:
      return StatementClass::dcl;
    case OBJECT_DATABASE:
    case OBJECT_SUBSCRIPTION:
    case OBJECT_TABLESPACE:
      return StatementClass::system;
    default:
      return StatementClass::ddl_alter;
  }
}

}  // namespace

void read_create_table(FactCollector& collector, const Node* node, const NodeClass& entry) {
  create_table(collector, entry, as<CreateStmt>(node), true);
}

void read_create_foreign_table(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateForeignTableStmt>(node);
  create_table(collector, entry, &create->base, false);
  add_server(collector, "CREATE FOREIGN TABLE ... SERVER", create->servername);
}

void read_import_foreign_schema(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* import = as<ImportForeignSchemaStmt>(node);
  // The tables are another server's.
  collector.consume(import->table_list);
  collector.add(entry, ObjectName{{}, view(import->local_schema), {}, -1});
  add_server(collector, "IMPORT FOREIGN SCHEMA ... FROM SERVER", import->server_name);
}

void read_create_statistics(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateStatsStmt>(node);
  collector.consume(create->relations);
  collector.add(entry, name_of(create->defnames)).if_exists = create->if_not_exists;
  collector.define({entry.cls, false});
  for (const ListCell& cell : cells(create->relations)) {
    // (The grammar takes whatever may stand in FROM; the server takes a table only.)
    const auto* table = as_if<RangeVar>(node_of(cell), T_RangeVar);
    if (table != nullptr) add_other_table(collector, "CREATE STATISTICS ... FROM", table);
  }
}

void read_create_sequence(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateSeqStmt>(node);
  collector.consume(create->sequence);
  Fact& fact = collector.add(entry, name_of(create->sequence));
  fact.if_exists = create->if_not_exists;
  fact.temporary = makes_temporary(create->sequence) && !is_owned(create->options);
}

void read_create_view(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<ViewStmt>(node);
  collector.consume(create->view);
  collector.show_children();
  Fact& fact = collector.add(entry, name_of(create->view));
  fact.temporary = makes_temporary(create->view);
  if (create->replace) fact.command = "CREATE OR REPLACE VIEW";
}

void read_create_index(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<IndexStmt>(node);
  collector.consume(create->relation);
  Fact& fact = collector.add(entry, part_of(create->relation, create->idxname));
  fact.if_exists = create->if_not_exists;
  fact.temporary = collector.is_temporary(create->relation);
}

void read_create_schema(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateSchemaStmt>(node);
  const std::string_view name =
      create->schemaname == nullptr ? name_of(create->authrole) : create->schemaname;
  collector.add(entry, ObjectName{{}, name, {}, -1}).if_exists = create->if_not_exists;
  collector.create_in(name);
}

void read_create_function(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateFunctionStmt>(node);
  const ObjectKind kind = create->is_procedure ? ObjectKind::procedure : ObjectKind::function;
  std::string_view command = create->is_procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION";
  if (create->replace) {
    command = create->is_procedure ? "CREATE OR REPLACE PROCEDURE" : "CREATE OR REPLACE FUNCTION";
  }
  collector.add(entry.cls, kind, command, name_of(create->funcname));
  collector.add(StatementClass::code, kind, command, name_of(create->funcname));
  read_body(collector, create);
}

void read_create_trigger(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreateTrigStmt>(node);
  collector.consume(create->relation);
  Fact& fact = collector.add(entry, part_of(create->relation, create->trigname));
  if (create->replace) fact.command = "CREATE OR REPLACE TRIGGER";
}

void read_create_rule(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<RuleStmt>(node);
  collector.consume(create->relation);
  Fact& fact = collector.add(entry, part_of(create->relation, create->rulename));
  if (create->replace) fact.command = "CREATE OR REPLACE RULE";
}

void read_create_policy(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* create = as<CreatePolicyStmt>(node);
  collector.consume(create->table);
  collector.add(entry, part_of(create->table, create->policy_name));
}

void read_alter_policy(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterPolicyStmt>(node);
  collector.consume(alter->table);
  collector.add(entry, part_of(alter->table, alter->policy_name));
}

void read_define(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* define = as<DefineStmt>(node);
  const ObjectWords& words = words_for(define->kind);
  Fact& fact = collector.add(entry.cls, words.kind, words.create, name_of(define->defnames));
  fact.if_exists = define->if_not_exists;
  if (define->replace) fact.command = "CREATE OR REPLACE AGGREGATE";
  // Its functions are called for whoever calls the aggregate, with their names unseen.
  if (define->kind == OBJECT_AGGREGATE) {
    collector.add(StatementClass::code, words.kind, fact.command, name_of(define->defnames));
  }
}

void read_alter_table(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterTableStmt>(node);
  collector.consume(alter->relation);
  const ObjectWords& words = words_for(alter->objtype);
  bool temporary = collector.is_temporary(alter->relation);
  collector.define({entry.cls, false});
  bool altered = false;
  for (const ListCell& cell : cells(alter->cmds)) {
    const auto* command = as<AlterTableCmd>(node_of(cell));
    const Alteration alteration = alteration_of(command, alter->objtype);
    temporary &= !concerns_another_table(command);
    // It may put other values in the place of all there are (USING), so that a bare name is not enough.
    if (command->subtype == AT_AlterColumnType && view(alter->relation->schemaname).empty())
      temporary = false;
    if (alteration.cls == StatementClass::ddl_alter) {
      altered = true;
      continue;
    }
    const ObjectKind kind = alteration.kind == ObjectKind::none ? words.kind : alteration.kind;
    // The words for parts of an ALTER TABLE do not fit a view or a sequence.
    const bool of_table = alter->objtype == OBJECT_TABLE || alter->objtype == OBJECT_TYPE;
    Fact& fact = collector.add(alteration.cls, kind, of_table ? alteration.command : words.alter,
                               part_of(alter->relation, command->name));
    fact.temporary = temporary;
    fact.cascade = command->behavior == DROP_CASCADE;
    fact.if_exists = alter->missing_ok || command->missing_ok;
  }
  if (!altered && alter->cmds != nullptr) return;
  Fact& fact = collector.add(entry.cls, words.kind, words.alter, name_of(alter->relation));
  fact.temporary = temporary;
  fact.if_exists = alter->missing_ok;
}

void read_alter_command(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto* command = as<AlterTableCmd>(node);
  const auto add = [&](std::string_view what, const RangeVar* table) {
    collector.consume(command->def);
    add_other_table(collector, what, table);
  };
  switch (command->subtype) {
    case AT_AttachPartition:
      return add("ALTER TABLE ... ATTACH PARTITION", as<PartitionCmd>(command->def)->name);
    case AT_DetachPartition:
    case AT_DetachPartitionFinalize:
      return add("ALTER TABLE ... DETACH PARTITION", as<PartitionCmd>(command->def)->name);
    case AT_AddInherit:
      return add("ALTER TABLE ... INHERIT", as<RangeVar>(command->def));
    case AT_DropInherit:
      return add("ALTER TABLE ... NO INHERIT", as<RangeVar>(command->def));
    default:
      return;
  }
}

void read_constraint(FactCollector& collector, const Node* node, const NodeClass&) {
  // A foreign key puts triggers on the table that it refers to.
  const RangeVar* referenced = as<Constraint>(node)->pktable;
  if (referenced == nullptr) return;
  collector.consume(referenced);
  add_other_table(collector, "FOREIGN KEY ... REFERENCES", referenced);
}

void read_alter_sequence(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterSeqStmt>(node);
  collector.consume(alter->sequence);
  Fact& fact = collector.add(entry, name_of(alter->sequence));
  fact.if_exists = alter->missing_ok;
  fact.temporary = collector.is_temporary(alter->sequence) && !is_owned(alter->options);
}

void read_alter_domain(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterDomainStmt>(node);
  Fact& fact = collector.add(entry, name_of(alter->typeName));
  if (alter->subtype != 'X') return;
  fact.cls = StatementClass::ddl_drop;
  fact.command = "ALTER DOMAIN ... DROP CONSTRAINT";
  fact.argument = view(alter->name);
  fact.cascade = alter->behavior == DROP_CASCADE;
}

void read_alter_function(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterFunctionStmt>(node);
  const ObjectWords& words = words_for(alter->objtype);
  collector.add(entry.cls, words.kind, words.alter, name_of(alter->func->objname));
}

void read_alter_operator(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry, name_of(as<AlterOperatorStmt>(node)->opername->objname));
}

void read_rename(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto* rename = as<RenameStmt>(node);
  ObjectName name = name_of_either(collector, rename->renameType, rename->relation, rename->object);
  const bool of_table = rename->relation != nullptr && is_part_of_table(rename->renameType);
  if (of_table) name.part = view(rename->subname);
  if (rename->object == nullptr && rename->relation == nullptr) name.name = view(rename->subname);
  const bool is_column = rename->renameType == OBJECT_COLUMN || rename->renameType == OBJECT_ATTRIBUTE;
  const ObjectType type = is_column ? rename->relationType : rename->renameType;
  Fact& fact =
      collector.add(class_of_renaming(type), words_for(rename->renameType).kind, words_for(type).alter, name);
  fact.if_exists = rename->missing_ok;
  fact.temporary = collector.is_temporary(rename->relation);
  if (!is_part_of_table(rename->renameType)) collector.forget_temporary();
}

void read_alter_schema(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterObjectSchemaStmt>(node);
  const ObjectWords& words = words_for(alter->objectType);
  const ObjectName name = name_of_either(collector, alter->objectType, alter->relation, alter->object);
  collector.add(entry.cls, words.kind, words.alter, name).if_exists = alter->missing_ok;
  // It is new where it goes.
  collector.add(StatementClass::ddl_create, words.kind, words.alter,
                {view(alter->newschema), name.name, {}, -1});
}

void read_alter_extension_contents(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterExtensionContentsStmt>(node);
  collector.add(entry, ObjectName{{}, view(alter->extname), {}, -1});
  // DROP EXTENSION takes its members along.
  const auto type = static_cast<ObjectType>(alter->objtype);
  collector.add(entry.cls, words_for(type).kind, entry.command, name_of(type, alter->object));
}

void read_alter_depends(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterObjectDependsStmt>(node);
  const ObjectWords& words = words_for(alter->objectType);
  collector.add(entry.cls, words.kind, words.alter,
                name_of_either(collector, alter->objectType, alter->relation, alter->object));
}

void read_alter_owner(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* alter = as<AlterOwnerStmt>(node);
  const ObjectWords& words = words_for(alter->objectType);
  collector.add(entry.cls, words.kind, words.alter,
                name_of_either(collector, alter->objectType, alter->relation, alter->object));
}

void read_comment(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* comment = as<CommentStmt>(node);
  Fact& fact = collector.add(entry.cls, words_for(comment->objtype).kind, entry.command,
                             name_of(comment->objtype, comment->object));
  fact.temporary = is_temporary_relation(collector, fact);
}

void read_security_label(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* label = as<SecLabelStmt>(node);
  collector.add(entry.cls, words_for(label->objtype).kind, entry.command,
                name_of(label->objtype, label->object));
}

void read_drop(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* drop = as<DropStmt>(node);
  const ObjectWords& words = words_for(drop->removeType);
  for (const ListCell& cell : cells(drop->objects)) {
    Fact& fact = collector.add(entry.cls, words.kind, words.drop, name_of(drop->removeType, node_of(cell)));
    fact.cascade = drop->behavior == DROP_CASCADE;
    fact.if_exists = drop->missing_ok;
    fact.temporary = is_temporary_relation(collector, fact);
  }
}

void read_truncate(FactCollector& collector, const Node* node, const NodeClass& entry) {
  const auto* truncate = as<TruncateStmt>(node);
  collector.consume(truncate->relations);
  for (const ListCell& cell : cells(truncate->relations)) {
    const auto* relation = as<RangeVar>(node_of(cell));
    Fact& fact = collector.add(entry, name_of(relation));
    fact.cascade = truncate->behavior == DROP_CASCADE;
    fact.temporary = collector.is_temporary(relation);
  }
}

}  // namespace pgwarden::policy::pg
