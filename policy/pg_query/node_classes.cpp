#include "policy/pg_query/node_classes.h"

#include "policy/pg_query/read_nodes.h"
#include "policy/statement_nodes.h"

namespace pgwarden::policy::pg {
namespace {

using enum StatementClass;

ObjectName name_in(const char* field) { return {{}, view(field), {}, -1}; }
ObjectName name_in(const List* field) { return name_of(field); }
ObjectName name_in(const RangeVar* field) { return name_of(field); }

/// Adds the entry's fact with the name in one field of the node: a text, a list of names, or a relation
/// (which is then not read). With IF NOT EXISTS, where there is one.
template <auto Field>
struct Named;

template <class Stmt, class Type, Type Stmt::*Field>
struct Named<Field> {
  static void read(FactCollector& collector, const Node* node, const NodeClass& entry) {
    const auto* statement = as<Stmt>(node);
    const Type field = statement->*Field;
    if constexpr (std::is_same_v<Type, RangeVar*>) collector.consume(field);
    Fact& fact = collector.add(entry, name_in(field));
    if constexpr (requires { statement->if_not_exists; }) fact.if_exists = statement->if_not_exists;
  }
};

template <auto Field>
constexpr ReadNode named = &Named<Field>::read;

/// The same, with IF EXISTS (`missing_ok`) and, where there is one, CASCADE.
template <auto Field>
struct Dropped;

template <class Stmt, class Type, Type Stmt::*Field>
struct Dropped<Field> {
  static void read(FactCollector& collector, const Node* node, const NodeClass& entry) {
    const auto* drop = as<Stmt>(node);
    Fact& fact = collector.add(entry, name_in(drop->*Field));
    fact.if_exists = drop->missing_ok;
    if constexpr (requires { drop->behavior; }) fact.cascade = drop->behavior == DROP_CASCADE;
  }
};

template <auto Field>
constexpr ReadNode dropped = &Dropped<Field>::read;

struct TaggedClass {
  NodeTag tag;
  NodeClass entry;
};

using Kind = ObjectKind;

// Statements in the order of design decision D6's classes. A statement that is in no row is `unknown`.
constexpr TaggedClass classes[] = {
    // Queries
    {T_SelectStmt, {read, Kind::none, "SELECT", read_select}},
    {T_InsertStmt, {write, Kind::table, "INSERT", read_insert}},
    {T_UpdateStmt, {write, Kind::table, "UPDATE", read_update}},
    {T_DeleteStmt, {write, Kind::table, "DELETE", read_delete}},
    {T_MergeStmt, {write, Kind::table, "MERGE", read_merge}},
    {T_CopyStmt, {copy_out, Kind::table, "COPY", read_copy}},
    {T_ExplainStmt, {read, Kind::none, "EXPLAIN", read_explain}},
    {T_TruncateStmt, {truncate, Kind::table, "TRUNCATE", read_truncate}},
    // Their parts
    {T_RangeVar, {read, Kind::table, "SELECT", read_relation}},
    {T_IntoClause, {ddl_create, Kind::table, "SELECT INTO", read_into}},
    {T_WithClause, {read, Kind::none, {}, read_with}},
    {T_AlterTableCmd, {ddl_alter, Kind::none, {}, read_alter_command}},
    {T_Constraint, {ddl_alter, Kind::none, {}, read_constraint}},
    {T_ColumnRef, {call_sensitive, Kind::function, {}, read_column}},
    {T_A_Indirection, {call_sensitive, Kind::function, {}, read_indirection}},
    {T_FuncCall, {read, Kind::function, {}, read_function_call}},
    {T_JsonObjectConstructor, {read, Kind::function, {}, read_function_node}},
    {T_JsonArrayConstructor, {read, Kind::function, {}, read_function_node}},
    {T_JsonArrayAgg, {read, Kind::function, {}, read_function_node}},
    {T_JsonParseExpr, {read, Kind::function, {}, read_function_node}},
    {T_JsonScalarExpr, {read, Kind::function, {}, read_function_node}},
    {T_JsonSerializeExpr, {read, Kind::function, {}, read_function_node}},
    {T_JsonFuncExpr, {read, Kind::function, {}, read_function_node}},
    {T_MergeSupportFunc, {read, Kind::function, {}, read_function_node}},
    // Transactions, session, cursors, prepared statements, locks
    {T_TransactionStmt, {transaction, Kind::none, "COMMIT", read_transaction}},
    {T_ConstraintsSetStmt, {session, Kind::none, "SET CONSTRAINTS", read_plain}},
    {T_VariableSetStmt, {session, Kind::setting, "SET", read_set}},
    {T_VariableShowStmt, {session, Kind::setting, "SHOW", read_show}},
    {T_DiscardStmt, {session, Kind::none, "DISCARD", read_discard}},
    {T_ListenStmt, {session, Kind::none, "LISTEN", read_plain}},
    {T_UnlistenStmt, {session, Kind::none, "UNLISTEN", read_plain}},
    {T_NotifyStmt, {session, Kind::none, "NOTIFY", read_plain}},
    {T_DeclareCursorStmt, {cursor, Kind::none, "DECLARE CURSOR", read_plain}},
    {T_FetchStmt, {cursor, Kind::none, "FETCH", read_fetch}},
    {T_ClosePortalStmt, {cursor, Kind::none, "CLOSE", read_plain}},
    {T_PrepareStmt, {prepare, Kind::none, "PREPARE", read_plain}},
    {T_ExecuteStmt, {prepare, Kind::none, "EXECUTE", read_execute}},
    {T_DeallocateStmt, {prepare, Kind::none, "DEALLOCATE", read_plain}},
    {T_LockStmt, {lock, Kind::table, "LOCK TABLE", read_lock}},
    // Maintenance
    {T_VacuumStmt, {maintenance, Kind::table, "VACUUM", read_vacuum}},
    {T_ClusterStmt, {maintenance, Kind::table, "CLUSTER", named<&ClusterStmt::relation>}},
    {T_ReindexStmt, {maintenance, Kind::index, "REINDEX", read_reindex}},
    {T_CheckPointStmt, {maintenance, Kind::none, "CHECKPOINT", read_plain}},
    {T_RefreshMatViewStmt, {maintenance, Kind::materialized_view, "REFRESH MATERIALIZED VIEW", read_refresh}},
    // Code
    {T_DoStmt, {code, Kind::none, "DO", read_do}},
    {T_CallStmt, {code, Kind::procedure, "CALL", read_call}},
    {T_LoadStmt, {code, Kind::none, "LOAD", read_plain}},
    // System
    {T_AlterSystemStmt, {system, Kind::setting, "ALTER SYSTEM", read_alter_system}},
    {T_CreatedbStmt, {system, Kind::database, "CREATE DATABASE", named<&CreatedbStmt::dbname>}},
    {T_AlterDatabaseStmt, {system, Kind::database, "ALTER DATABASE", named<&AlterDatabaseStmt::dbname>}},
    {T_AlterDatabaseSetStmt,
     {system, Kind::database, "ALTER DATABASE", named<&AlterDatabaseSetStmt::dbname>}},
    {T_AlterDatabaseRefreshCollStmt,
     {system, Kind::database, "ALTER DATABASE", named<&AlterDatabaseRefreshCollStmt::dbname>}},
    {T_DropdbStmt, {system, Kind::database, "DROP DATABASE", dropped<&DropdbStmt::dbname>}},
    {T_CreateTableSpaceStmt,
     {system, Kind::tablespace, "CREATE TABLESPACE", named<&CreateTableSpaceStmt::tablespacename>}},
    {T_AlterTableSpaceOptionsStmt,
     {system, Kind::tablespace, "ALTER TABLESPACE", named<&AlterTableSpaceOptionsStmt::tablespacename>}},
    {T_DropTableSpaceStmt,
     {system, Kind::tablespace, "DROP TABLESPACE", dropped<&DropTableSpaceStmt::tablespacename>}},
    {T_CreateSubscriptionStmt,
     {system, Kind::subscription, "CREATE SUBSCRIPTION", named<&CreateSubscriptionStmt::subname>}},
    {T_AlterSubscriptionStmt,
     {system, Kind::subscription, "ALTER SUBSCRIPTION", named<&AlterSubscriptionStmt::subname>}},
    {T_DropSubscriptionStmt,
     {system, Kind::subscription, "DROP SUBSCRIPTION", dropped<&DropSubscriptionStmt::subname>}},
    // Roles, privileges, ownership
    {T_GrantStmt, {dcl, Kind::none, "GRANT", read_grant}},
    {T_GrantRoleStmt, {dcl, Kind::role, "GRANT", read_grant_role}},
    {T_AlterDefaultPrivilegesStmt, {dcl, Kind::none, "ALTER DEFAULT PRIVILEGES", read_plain}},
    {T_CreateRoleStmt, {dcl, Kind::role, "CREATE ROLE", named<&CreateRoleStmt::role>}},
    {T_AlterRoleStmt, {dcl, Kind::role, "ALTER ROLE", read_alter_role}},
    {T_AlterRoleSetStmt, {dcl, Kind::role, "ALTER ROLE", read_alter_role_set}},
    {T_DropRoleStmt, {dcl, Kind::role, "DROP ROLE", read_drop_role}},
    {T_DropOwnedStmt, {ddl_drop, Kind::role, "DROP OWNED", read_drop_owned}},
    {T_ReassignOwnedStmt, {dcl, Kind::role, "REASSIGN OWNED", read_reassign_owned}},
    {T_AlterOwnerStmt, {dcl, Kind::none, "ALTER ... OWNER TO", read_alter_owner}},
    {T_SecLabelStmt, {dcl, Kind::none, "SECURITY LABEL", read_security_label}},
    // CREATE
    {T_CreateStmt, {ddl_create, Kind::table, "CREATE TABLE", read_create_table}},
    {T_CreateTableAsStmt, {ddl_create, Kind::table, "CREATE TABLE AS", read_create_table_as}},
    {T_CreateForeignTableStmt,
     {ddl_create, Kind::foreign_table, "CREATE FOREIGN TABLE", read_create_foreign_table}},
    {T_CreateSeqStmt, {ddl_create, Kind::sequence, "CREATE SEQUENCE", read_create_sequence}},
    {T_ViewStmt, {ddl_create, Kind::view, "CREATE VIEW", read_create_view}},
    {T_IndexStmt, {ddl_create, Kind::index, "CREATE INDEX", read_create_index}},
    {T_CreateSchemaStmt, {ddl_create, Kind::schema, "CREATE SCHEMA", read_create_schema}},
    {T_CreateFunctionStmt, {ddl_create, Kind::function, "CREATE FUNCTION", read_create_function}},
    {T_CreateTrigStmt, {ddl_create, Kind::trigger, "CREATE TRIGGER", read_create_trigger}},
    {T_CreateEventTrigStmt,
     {ddl_create, Kind::trigger, "CREATE EVENT TRIGGER", named<&CreateEventTrigStmt::trigname>}},
    {T_RuleStmt, {ddl_create, Kind::rule, "CREATE RULE", read_create_rule}},
    {T_CreatePolicyStmt, {ddl_create, Kind::policy, "CREATE POLICY", read_create_policy}},
    {T_DefineStmt, {ddl_create, Kind::other, "CREATE", read_define}},
    {T_CompositeTypeStmt, {ddl_create, Kind::type, "CREATE TYPE", named<&CompositeTypeStmt::typevar>}},
    {T_CreateEnumStmt, {ddl_create, Kind::type, "CREATE TYPE", named<&CreateEnumStmt::typeName>}},
    {T_CreateRangeStmt, {ddl_create, Kind::type, "CREATE TYPE", named<&CreateRangeStmt::typeName>}},
    {T_CreateDomainStmt, {ddl_create, Kind::domain, "CREATE DOMAIN", named<&CreateDomainStmt::domainname>}},
    {T_CreateExtensionStmt,
     {ddl_create, Kind::extension, "CREATE EXTENSION", named<&CreateExtensionStmt::extname>}},
    {T_CreatePublicationStmt,
     {ddl_create, Kind::publication, "CREATE PUBLICATION", named<&CreatePublicationStmt::pubname>}},
    {T_CreateStatsStmt, {ddl_create, Kind::other, "CREATE STATISTICS", read_create_statistics}},
    {T_CreateAmStmt, {ddl_create, Kind::other, "CREATE ACCESS METHOD", named<&CreateAmStmt::amname>}},
    {T_CreateCastStmt, {ddl_create, Kind::other, "CREATE CAST", read_plain}},
    {T_CreateConversionStmt,
     {ddl_create, Kind::other, "CREATE CONVERSION", named<&CreateConversionStmt::conversion_name>}},
    {T_CreateFdwStmt,
     {ddl_create, Kind::other, "CREATE FOREIGN DATA WRAPPER", named<&CreateFdwStmt::fdwname>}},
    {T_CreateForeignServerStmt,
     {ddl_create, Kind::other, "CREATE SERVER", named<&CreateForeignServerStmt::servername>}},
    {T_CreateUserMappingStmt,
     {ddl_create, Kind::other, "CREATE USER MAPPING", named<&CreateUserMappingStmt::servername>}},
    {T_CreateOpClassStmt,
     {ddl_create, Kind::other, "CREATE OPERATOR CLASS", named<&CreateOpClassStmt::opclassname>}},
    {T_CreateOpFamilyStmt,
     {ddl_create, Kind::other, "CREATE OPERATOR FAMILY", named<&CreateOpFamilyStmt::opfamilyname>}},
    {T_CreatePLangStmt, {ddl_create, Kind::other, "CREATE LANGUAGE", named<&CreatePLangStmt::plname>}},
    {T_CreateTransformStmt, {ddl_create, Kind::other, "CREATE TRANSFORM", read_plain}},
    {T_ImportForeignSchemaStmt,
     {ddl_create, Kind::schema, "IMPORT FOREIGN SCHEMA", read_import_foreign_schema}},
    // ALTER
    {T_AlterTableStmt, {ddl_alter, Kind::table, "ALTER TABLE", read_alter_table}},
    {T_AlterTableMoveAllStmt,
     {ddl_alter, Kind::tablespace, "ALTER TABLE ALL IN TABLESPACE",
      named<&AlterTableMoveAllStmt::orig_tablespacename>}},
    {T_AlterDomainStmt, {ddl_alter, Kind::domain, "ALTER DOMAIN", read_alter_domain}},
    {T_AlterEnumStmt, {ddl_alter, Kind::type, "ALTER TYPE", named<&AlterEnumStmt::typeName>}},
    {T_AlterTypeStmt, {ddl_alter, Kind::type, "ALTER TYPE", named<&AlterTypeStmt::typeName>}},
    {T_AlterSeqStmt, {ddl_alter, Kind::sequence, "ALTER SEQUENCE", read_alter_sequence}},
    {T_AlterFunctionStmt, {ddl_alter, Kind::function, "ALTER FUNCTION", read_alter_function}},
    {T_AlterOperatorStmt, {ddl_alter, Kind::other, "ALTER OPERATOR", read_alter_operator}},
    {T_AlterOpFamilyStmt,
     {ddl_alter, Kind::other, "ALTER OPERATOR FAMILY", named<&AlterOpFamilyStmt::opfamilyname>}},
    {T_AlterCollationStmt, {ddl_alter, Kind::other, "ALTER COLLATION", named<&AlterCollationStmt::collname>}},
    {T_AlterStatsStmt, {ddl_alter, Kind::other, "ALTER STATISTICS", named<&AlterStatsStmt::defnames>}},
    {T_AlterPolicyStmt, {ddl_alter, Kind::policy, "ALTER POLICY", read_alter_policy}},
    {T_AlterEventTrigStmt,
     {ddl_alter, Kind::trigger, "ALTER EVENT TRIGGER", named<&AlterEventTrigStmt::trigname>}},
    {T_AlterExtensionStmt,
     {ddl_alter, Kind::extension, "ALTER EXTENSION", named<&AlterExtensionStmt::extname>}},
    {T_AlterExtensionContentsStmt,
     {ddl_alter, Kind::extension, "ALTER EXTENSION", read_alter_extension_contents}},
    {T_AlterFdwStmt, {ddl_alter, Kind::other, "ALTER FOREIGN DATA WRAPPER", named<&AlterFdwStmt::fdwname>}},
    {T_AlterForeignServerStmt,
     {ddl_alter, Kind::other, "ALTER SERVER", named<&AlterForeignServerStmt::servername>}},
    {T_AlterUserMappingStmt,
     {ddl_alter, Kind::other, "ALTER USER MAPPING", named<&AlterUserMappingStmt::servername>}},
    {T_AlterPublicationStmt,
     {ddl_alter, Kind::publication, "ALTER PUBLICATION", named<&AlterPublicationStmt::pubname>}},
    {T_AlterTSConfigurationStmt,
     {ddl_alter, Kind::other, "ALTER TEXT SEARCH CONFIGURATION", named<&AlterTSConfigurationStmt::cfgname>}},
    {T_AlterTSDictionaryStmt,
     {ddl_alter, Kind::other, "ALTER TEXT SEARCH DICTIONARY", named<&AlterTSDictionaryStmt::dictname>}},
    {T_RenameStmt, {ddl_alter, Kind::none, "ALTER ... RENAME", read_rename}},
    {T_AlterObjectSchemaStmt, {ddl_alter, Kind::none, "ALTER ... SET SCHEMA", read_alter_schema}},
    {T_AlterObjectDependsStmt, {ddl_alter, Kind::none, "ALTER ... DEPENDS ON EXTENSION", read_alter_depends}},
    {T_CommentStmt, {ddl_alter, Kind::none, "COMMENT", read_comment}},
    // DROP
    {T_DropStmt, {ddl_drop, Kind::none, "DROP", read_drop}},
    {T_DropUserMappingStmt,
     {ddl_drop, Kind::other, "DROP USER MAPPING", dropped<&DropUserMappingStmt::servername>}},
};

/// "*Stmt" nodes that are a part of another statement and say nothing by themselves, or that the parser never
/// makes.
constexpr NodeTag never_whole[] = {T_RawStmt,          T_ReturnStmt, T_PLAssignStmt, T_ReplicaIdentityStmt,
                                   T_SetOperationStmt, T_PlannedStmt};

constexpr NodeClass unknown_statement{unknown, Kind::none, "unknown statement", read_plain};

NodeClasses by_tag() {
  NodeClasses table{};
  for (std::size_t tag = 0; tag < table.size(); ++tag) {
    if (node_name(static_cast<NodeTag>(tag)).ends_with("Stmt")) table[tag] = unknown_statement;
  }
  for (const NodeTag tag : never_whole) table[tag] = {};
  for (const TaggedClass& row : classes) table[row.tag] = row.entry;
  return table;
}

}  // namespace

const NodeClasses& node_classes() {
  static const NodeClasses table = by_tag();
  return table;
}

}  // namespace pgwarden::policy::pg

namespace pgwarden::policy {

std::vector<StatementNode> statement_nodes() {
  std::vector<StatementNode> nodes;
  for (std::size_t tag = 0; tag < pg::node_tags_end; ++tag) {
    const std::string_view name = pg::node_name(static_cast<NodeTag>(tag));
    if (!name.ends_with("Stmt")) continue;
    const pg::NodeClass& entry = pg::node_classes()[tag];
    nodes.push_back({name, entry.cls, entry.command, entry.read == nullptr});
  }
  return nodes;
}

}  // namespace pgwarden::policy
