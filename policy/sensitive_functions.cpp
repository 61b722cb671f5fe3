#include "policy/sensitive_functions.h"

#include <algorithm>
#include <vector>

namespace pgwarden::policy {
namespace {

constexpr std::string_view built_in = "pg_catalog";
constexpr std::string_view anywhere = "*";

/// Functions of one kind. Names are separated by blanks; one that ends in `*` stands for all that begin so,
/// one that ends in `/2` is meant with two arguments only.
struct Group {
  std::string_view schema;
  std::string_view effect;
  std::string_view names;
};

// Not here, on purpose: nextval and setval (ORMs reset sequences), advisory locks, pg_notify, pg_sleep,
// pg_export_snapshot, pg_prewarm, and reading a large object (lo_open, loread, lo_get, ...).
constexpr Group groups[] = {
    {built_in, "creates, changes or destroys large objects",
     "lo_unlink lo_truncate lo_truncate64 lo_put lowrite lo_create lo_creat lo_from_bytea"},
    {built_in, "reads or writes files of the server",
     "lo_import lo_export pg_read_file pg_read_file_old pg_read_binary_file pg_ls_* pg_stat_file "
     "pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings"},
    {built_in, "runs SQL text",
     "query_to_xml query_to_xmlschema query_to_xml_and_xmlschema cursor_to_xml cursor_to_xmlschema ts_stat "
     "ts_rewrite/2"},
    {built_in, "reads whole tables by name",
     "table_to_xml table_to_xmlschema table_to_xml_and_xmlschema schema_to_xml schema_to_xmlschema "
     "schema_to_xml_and_xmlschema database_to_xml database_to_xmlschema database_to_xml_and_xmlschema"},
    {built_in, "ends, interrupts or signals other sessions",
     "pg_terminate_backend pg_cancel_backend pg_log_backend_memory_contexts"},
    {built_in, "controls the server: configuration, log, WAL, backup, recovery",
     "pg_reload_conf pg_rotate_logfile pg_rotate_logfile_old pg_switch_wal pg_switch_xlog "
     "pg_create_restore_point pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup pg_promote "
     "pg_wal_replay_pause pg_wal_replay_resume pg_xlog_replay_pause pg_xlog_replay_resume "
     "pg_log_standby_snapshot"},
    {built_in, "changes the state of replication",
     "pg_create_physical_replication_slot pg_create_logical_replication_slot "
     "pg_copy_physical_replication_slot pg_copy_logical_replication_slot pg_drop_replication_slot "
     "pg_replication_slot_advance pg_logical_slot_get_* pg_logical_slot_peek_* "
     "pg_sync_replication_slots pg_replication_origin_create pg_replication_origin_drop "
     "pg_replication_origin_advance pg_replication_origin_session_setup "
     "pg_replication_origin_session_reset pg_replication_origin_xact_setup "
     "pg_replication_origin_xact_reset pg_logical_emit_message"},
    {built_in, "changes the catalogues",
     "pg_import_system_collations binary_upgrade_* pg_stop_making_pinned_objects pg_nextoid "
     "pg_extension_config_dump plpgsql_validator fmgr_sql_validator fmgr_c_validator "
     "fmgr_internal_validator"},
    {built_in, "wipes or overwrites statistics",
     "pg_stat_reset* pg_restore_relation_stats pg_restore_attribute_stats pg_restore_extended_stats "
     "pg_clear_relation_stats pg_clear_attribute_stats pg_clear_extended_stats"},
    {built_in, "maintains indexes",
     "brin_summarize_new_values brin_summarize_range brin_desummarize_range gin_clean_pending_list"},

    {anywhere, "runs SQL on another connection (dblink)", "dblink*"},
    {anywhere, "runs SQL text (xml2, tablefunc)", "xpath_table crosstab* connectby"},
    {anywhere, "reads or writes files of the server (adminpack)", "pg_file_* pg_logdir_ls pg_logfile_rotate"},
    {anywhere, "changes storage behind the server's back",
     "heap_force_kill heap_force_freeze pg_truncate_visibility_map pg_buffercache_evict*"},
    {anywhere, "wipes statistics or starts workers",
     "pg_stat_statements_reset pg_stat_kcache_reset pg_qualstats_reset pg_wait_sampling_reset_profile "
     "autoprewarm_start_worker autoprewarm_dump_now"},
    {anywhere, "runs DDL (PostGIS)",
     "dropgeometrytable dropgeometrycolumn addgeometrycolumn updategeometrysrid populate_geometry_columns "
     "postgis_extensions_upgrade addrasterconstraints droprasterconstraints addoverviewconstraints "
     "dropoverviewconstraints createtopology droptopology copytopology renametopology "
     "addtopogeometrycolumn droptopogeometrycolumn upgradetopology"},
    {anywhere, "runs SQL text (pgTAP)",
     "lives_ok throws_ok throws_like throws_ilike throws_matching throws_imatching performs_ok "
     "performs_within is_empty isnt_empty results_eq results_ne set_eq set_ne set_has set_hasnt bag_eq "
     "bag_ne bag_has bag_hasnt row_eq runtests do_tap"},
    {anywhere, "runs SQL or DDL (TimescaleDB)",
     "drop_chunks create_hypertable create_distributed_hypertable run_job add_job alter_job delete_job "
     "add_retention_policy remove_retention_policy attach_tablespace detach_tablespace detach_tablespaces "
     "add_dimension set_chunk_time_interval move_chunk merge_chunks split_chunk distributed_exec"},
    {anywhere, "runs SQL or DDL (Citus)",
     "run_command_on_* master_* citus_* create_distributed_table create_distributed_table_concurrently "
     "create_reference_table create_distributed_function undistribute_table alter_distributed_table "
     "alter_table_set_access_method truncate_local_data_after_distributing_table "
     "isolate_tenant_to_new_shard rebalance_table_shards replicate_table_shards drop_old_time_partitions "
     "create_time_partitions"},
    {anywhere, "runs SQL text (pg_background, foreign data wrappers)",
     "pg_background_* oracle_execute mysql_fdw_query replicate_ddl_command bdr_replicate_ddl_command"},
    {anywhere, "reaches other servers (http)",
     "http_get http_post http_put http_patch http_delete http_head"},

    {"cron", "runs SQL later (pg_cron)", "*"},
    {"pgagent", "runs SQL later (pgAgent)", "*"},
    {"partman", "creates and drops partitions (pg_partman)", "*"},
    {"repack", "rewrites tables (pg_repack)", "*"},
    {"topology", "creates and drops schemas (PostGIS topology)", "create* drop* copy* rename* add* upgrade*"},
    {"pglogical", "changes the state of replication (pglogical)", "*"},
    {"bdr", "changes the state of replication (BDR)", "*"},
    {"plv8", "runs SQL text (plv8)", "*"},
    {"dbms_sql", "runs SQL text (orafce)", "*"},
    {"utl_file", "reads or writes files of the server (orafce)", "*"},
    {"net", "reaches other servers (pg_net)", "http_*"},
    {"aws_s3", "reaches other servers (aws_s3)", "*"},
    {"aws_lambda", "reaches other servers (aws_lambda)", "*"},
    {"pgmq", "creates and drops queues (pgmq)", "create* drop_queue purge_queue detach_archive"},
    {"pgq", "creates and drops queues (PgQ)", "create_queue drop_queue maint_*"},
};

SensitiveFunction entry_for(const Group& group, std::string_view word) {
  SensitiveFunction entry{group.schema, word, false, 0, group.effect};
  if (word.ends_with('*')) {
    entry.is_prefix = true;
    entry.name.remove_suffix(1);
  } else if (word.size() > 2 && word[word.size() - 2] == '/') {
    entry.arguments = static_cast<std::uint8_t>(word.back() - '0');
    entry.name.remove_suffix(2);
  }
  return entry;
}

bool comes_first(const SensitiveFunction& a, const SensitiveFunction& b) {
  return a.is_prefix != b.is_prefix ? b.is_prefix : a.name < b.name;
}

std::vector<SensitiveFunction> all_entries() {
  std::vector<SensitiveFunction> entries;
  for (const Group& group : groups) {
    std::string_view rest = group.names;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      entries.push_back(entry_for(group, word));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), comes_first);
  return entries;
}

bool schema_matches(std::string_view entry, std::string_view written) {
  if (entry == anywhere) return true;
  if (entry == built_in && written.empty()) return true;
  return entry == written;
}

struct OidName {
  std::uint32_t oid;
  std::string_view name;
};

// libpq's large-object interface calls these by OID (fe-lobj.c looks them up in pg_proc; the OIDs are fixed).
constexpr OidName oid_names[] = {{715, "lo_create"},      {764, "lo_import"},      {765, "lo_export"},
                                 {767, "lo_import"},      {952, "lo_open"},        {953, "lo_close"},
                                 {954, "loread"},         {955, "lowrite"},        {956, "lo_lseek"},
                                 {957, "lo_creat"},       {958, "lo_tell"},        {964, "lo_unlink"},
                                 {1004, "lo_truncate"},   {3170, "lo_lseek64"},    {3171, "lo_tell64"},
                                 {3172, "lo_truncate64"}, {3457, "lo_from_bytea"}, {3458, "lo_get"},
                                 {3459, "lo_get"},        {3460, "lo_put"},        {2078, "set_config"}};

}  // namespace

std::span<const SensitiveFunction> sensitive_functions() {
  static const std::vector<SensitiveFunction> entries = all_entries();
  return entries;
}

const SensitiveFunction* find_sensitive_function(std::string_view schema, std::string_view name,
                                                 std::size_t arguments) {
  const auto entries = sensitive_functions();
  static const auto first_prefix =
      std::find_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.is_prefix; });
  const auto by_name = [](const SensitiveFunction& entry, std::string_view wanted) {
    return entry.name < wanted;
  };
  for (auto it = std::lower_bound(entries.begin(), first_prefix, name, by_name);
       it != first_prefix && it->name == name; ++it) {
    if (!schema_matches(it->schema, schema)) continue;
    if (it->arguments == 0 || it->arguments == arguments) return &*it;
  }
  for (auto it = first_prefix; it != entries.end(); ++it) {
    if (name.starts_with(it->name) && schema_matches(it->schema, schema)) return &*it;
  }
  return nullptr;
}

std::string_view built_in_function(std::uint32_t oid) {
  for (const OidName& entry : oid_names) {
    if (entry.oid == oid) return entry.name;
  }
  return {};
}

}  // namespace pgwarden::policy
