#include "policy/sensitive_function_table.h"

namespace pgwarden::policy {
namespace {

using enum SqlText::Place;
using enum SqlText::Call;

// Not here, on purpose: nextval and setval (ORMs reset sequences), advisory locks, pg_notify, pg_sleep,
// pg_export_snapshot, pg_prewarm; reading a large object (lo_open, loread, lo_get, ...): with lo_open for
// writing it is lowrite that writes; what only the session itself notices (setseed, pg_trgm's set_limit,
// pg_stat_clear_snapshot, postgres_fdw_disconnect); what reads pages, WAL or statistics for a superuser
// (pageinspect, pg_walinspect, amcheck, pgstattuple, ...).
constexpr SensitiveFunctions table[] = {
    // Settings. What a call of set_config does depends on its first argument, see read_set_config.
    {built_in, "set_config", "changes a setting", "all", "guc_funcs.c"},

    // SQL text. A cursor's name is not one, but the cursor's query runs.
    {built_in,
     "query_to_xml query_to_xmlschema query_to_xml_and_xmlschema",
     "runs SQL text",
     "all",
     "xml.c",
     {first, "query", is_its_text}},
    {built_in, "ts_stat", "runs SQL text", "all", "tsvector_op.c", {first, "query", is_its_text}},
    {built_in, "ts_rewrite/2", "runs SQL text", "all", "tsquery_rewrite.c", {second, {}, is_its_text}},
    {built_in, "cursor_to_xml cursor_to_xmlschema", "runs the query of a cursor", "all", "xml.c"},
    {built_in, "table_to_xml table_to_xmlschema table_to_xml_and_xmlschema",
     "reads a whole table by its name", "all", "xml.c"},
    {built_in, "schema_to_xml schema_to_xmlschema schema_to_xml_and_xmlschema",
     "reads all tables of a schema by its name", "all", "xml.c"},
    {built_in, "database_to_xml database_to_xmlschema database_to_xml_and_xmlschema",
     "reads all tables of the database", "all", "xml.c"},

    // Large objects
    {built_in, "lo_unlink", "destroys a large object", "all", "be-fsstubs.c"},
    {built_in, "lo_truncate lo_truncate64", "cuts off a large object", "all", "be-fsstubs.c"},
    {built_in, "lo_put lowrite", "overwrites a large object", "all", "be-fsstubs.c"},
    {built_in, "lo_create lo_creat lo_from_bytea", "creates a large object", "all", "be-fsstubs.c"},
    {built_in, "lo_import", "reads a file of the server into a large object", "all", "be-fsstubs.c"},
    {built_in, "lo_export", "overwrites a file of the server", "all", "be-fsstubs.c"},

    // Files of the server
    {built_in, "pg_read_file pg_read_binary_file", "reads a file of the server", "all", "genfile.c"},
    {built_in, "pg_read_file_old", "reads a file of the server", "11-16", "genfile.c"},
    {built_in, "pg_ls_*", "lists files of the server", "all", "genfile.c"},
    {built_in, "pg_stat_file", "looks at a file of the server", "all", "genfile.c"},
    {built_in, "pg_current_logfile", "tells where the server's log is", "all", "misc.c"},
    {built_in, "pg_hba_file_rules", "reads the server's configuration files", "all", "hbafuncs.c"},
    {built_in, "pg_ident_file_mappings", "reads the server's configuration files", "15+", "hbafuncs.c"},
    {built_in, "pg_show_all_file_settings", "reads the server's configuration files", "all", "guc_funcs.c"},

    // Other sessions
    {built_in, "pg_terminate_backend", "ends another session", "all", "signalfuncs.c"},
    {built_in, "pg_cancel_backend", "cancels another session's statement", "all", "signalfuncs.c"},
    {built_in, "pg_log_backend_memory_contexts", "makes another session write to the log", "14+",
     "mcxtfuncs.c"},

    // Configuration, log, WAL, backup, recovery
    {built_in, "pg_reload_conf", "makes the server read its configuration again", "all", "signalfuncs.c"},
    {built_in, "pg_rotate_logfile", "begins a new log file", "all", "signalfuncs.c"},
    {built_in, "pg_rotate_logfile_old", "begins a new log file", "11-16", "signalfuncs.c"},
    {built_in, "pg_switch_wal", "ends a WAL file", "all", "xlogfuncs.c"},
    {built_in, "pg_switch_xlog", "ends a WAL file", "-9.6", "xlogfuncs.c"},
    {built_in, "pg_create_restore_point", "writes a restore point to the WAL", "all", "xlogfuncs.c"},
    {built_in, "pg_backup_start pg_backup_stop", "begins or ends a backup", "15+", "xlogfuncs.c"},
    {built_in, "pg_start_backup pg_stop_backup", "begins or ends a backup", "-14", "xlogfuncs.c"},
    {built_in, "pg_promote", "makes a standby the primary server", "12+", "xlogfuncs.c"},
    {built_in, "pg_wal_replay_pause pg_wal_replay_resume", "stops or continues recovery", "all",
     "xlogfuncs.c"},
    {built_in, "pg_xlog_replay_pause pg_xlog_replay_resume", "stops or continues recovery", "-9.6",
     "xlogfuncs.c"},
    {built_in, "pg_log_standby_snapshot", "writes a snapshot to the WAL", "16+", "xlogfuncs.c"},

    // Replication
    {built_in, "pg_create_physical_replication_slot pg_create_logical_replication_slot",
     "creates a replication slot, which keeps WAL", "all", "slotfuncs.c"},
    {built_in, "pg_copy_physical_replication_slot pg_copy_logical_replication_slot",
     "creates a replication slot, which keeps WAL", "12+", "slotfuncs.c"},
    {built_in, "pg_drop_replication_slot", "drops a replication slot", "all", "slotfuncs.c"},
    {built_in, "pg_replication_slot_advance", "skips changes that a replica has not seen", "11+",
     "slotfuncs.c"},
    {built_in, "pg_sync_replication_slots", "changes the replication slots of a standby", "17+",
     "slotfuncs.c"},
    {built_in, "pg_logical_slot_get_*", "takes changes that a replica has not seen", "all", "logicalfuncs.c"},
    {built_in, "pg_logical_slot_peek_*", "reads the changes of all tables", "all", "logicalfuncs.c"},
    {built_in, "pg_logical_emit_message", "writes a message to the WAL", "all", "logicalfuncs.c"},
    {built_in,
     "pg_replication_origin_create pg_replication_origin_drop pg_replication_origin_advance "
     "pg_replication_origin_session_setup pg_replication_origin_session_reset "
     "pg_replication_origin_xact_setup pg_replication_origin_xact_reset",
     "changes how far replication has come", "all", "origin.c"},

    // Catalogues
    {built_in, "pg_import_system_collations", "creates collations", "all", "collationcmds.c"},
    {built_in, "binary_upgrade_*", "changes the catalogues", "all", "pg_upgrade_support.c"},
    {built_in, "pg_nextoid", "changes the catalogues", "12+", "catalog.c"},
    {built_in, "pg_stop_making_pinned_objects", "changes the catalogues", "15+", "catalog.c"},
    {built_in, "pg_extension_config_dump", "changes an extension", "all", "extension.c"},
    {built_in, "fmgr_c_validator fmgr_internal_validator fmgr_sql_validator",
     "loads a library, or checks a function's body", "all", "pg_proc.c"},
    {built_in, "plpgsql_validator", "checks a function's body", "all", "pl_handler.c"},

    // Statistics
    {built_in, "pg_stat_reset*", "wipes statistics", "all", "pgstatfuncs.c"},
    {built_in, "pg_restore_relation_stats pg_clear_relation_stats", "overwrites the planner's statistics",
     "18+", "relation_stats.c"},
    {built_in, "pg_restore_attribute_stats pg_clear_attribute_stats", "overwrites the planner's statistics",
     "18+", "attribute_stats.c"},
    {built_in, "pg_restore_extended_stats pg_clear_extended_stats", "overwrites the planner's statistics",
     "19+", "extended_stats_funcs.c"},

    // Indexes
    {built_in, "brin_summarize_new_values brin_summarize_range brin_desummarize_range", "maintains an index",
     "all", "brin.c"},
    {built_in, "gin_clean_pending_list", "maintains an index", "all", "ginfast.c"},

    // contrib. dblink puts the name of a cursor into the text that it sends, so those functions run two
    // texts.
    {anywhere,
     "dblink dblink_exec",
     "runs SQL text on another connection",
     "all",
     "dblink",
     {last, {}, is_its_text}},
    {anywhere,
     "dblink_send_query",
     "runs SQL text on another connection, and waits for nothing",
     "all",
     "dblink",
     {last}},
    {anywhere,
     "dblink_open",
     "runs SQL text on another connection, the cursor's name among it",
     "all",
     "dblink",
     {last}},
    {anywhere, "dblink_fetch dblink_close",
     "runs SQL text on another connection: the cursor's name is pasted into it", "all", "dblink"},
    {anywhere, "dblink_connect dblink_connect_u", "opens a connection to another server", "all", "dblink"},
    {anywhere, "dblink*", "uses another connection", "all", "dblink"},
    {anywhere, "crosstab*", "runs SQL text", "all", "tablefunc", {every, {}, is_its_text}},
    {anywhere, "connectby", "pastes its arguments into SQL text", "all", "tablefunc"},
    {anywhere, "xpath_table", "pastes its arguments into SQL text", "all", "xml2"},
    {anywhere, "pg_file_*", "writes, renames or deletes files of the server", "-16", "adminpack"},
    {anywhere, "pg_logdir_ls", "lists files of the server", "-16", "adminpack"},
    {anywhere, "pg_logfile_rotate", "begins a new log file", "-16", "adminpack"},
    {anywhere, "heap_force_kill heap_force_freeze", "changes rows behind the server's back", "14+",
     "pg_surgery"},
    {anywhere, "pg_truncate_visibility_map", "changes storage behind the server's back", "all",
     "pg_visibility"},
    {anywhere, "pg_buffercache_evict*", "empties the server's cache", "17+", "pg_buffercache"},
    {anywhere, "pg_buffercache_mark_dirty*", "makes the server write pages again", "19+", "pg_buffercache"},
    {anywhere, "pg_get_logical_snapshot_*", "reads a file of the server", "18+", "pg_logicalinspect"},
    {anywhere, "pg_stat_statements_reset", "wipes statistics", "all", "pg_stat_statements"},
    {anywhere, "autoprewarm_start_worker autoprewarm_dump_now", "starts a worker", "11+", "pg_prewarm"},
    {anywhere, "sepgsql_setcon sepgsql_restorecon", "changes security labels", "all", "sepgsql"},

    // Other extensions
    {anywhere, "pg_stat_kcache_reset", "wipes statistics", "all", "pg_stat_kcache"},
    {anywhere, "pg_qualstats_reset", "wipes statistics", "all", "pg_qualstats"},
    {anywhere, "pg_wait_sampling_reset_profile", "wipes statistics", "all", "pg_wait_sampling"},
    {anywhere,
     "dropgeometrytable dropgeometrycolumn addgeometrycolumn updategeometrysrid populate_geometry_columns "
     "postgis_extensions_upgrade addrasterconstraints droprasterconstraints addoverviewconstraints "
     "dropoverviewconstraints createtopology droptopology copytopology renametopology "
     "addtopogeometrycolumn droptopogeometrycolumn upgradetopology st_inittopogeo addtosearchpath "
     "setsearchpathforinstall enablelongtransactions disablelongtransactions st_createoverview st_retile",
     "runs DDL", "all", "PostGIS"},
    {anywhere, "_add_raster_constraint* _drop_raster_constraint* _updaterastersrid", "runs SQL or DDL", "all",
     "PostGIS"},
    {anywhere, "st_findextent get_tract loader_load_staged_data", "pastes its arguments into SQL text", "all",
     "PostGIS"},
    {"topology", "create* drop* copy* rename* add* upgrade*", "creates and drops schemas", "all", "PostGIS"},
    {anywhere,
     "lives_ok throws_ok throws_like throws_ilike throws_matching throws_imatching performs_ok "
     "performs_within is_empty isnt_empty results_eq results_ne set_eq set_ne set_has set_hasnt bag_eq "
     "bag_ne bag_has bag_hasnt row_eq cmp_ok runtests do_tap _temptable _runem _runner _time_trials _def_is "
     "_relcomp _docomp _do_ne",
     "runs SQL text", "all", "pgTAP"},
    {anywhere, "pgr_* _pgr_*", "runs SQL text", "all", "pgRouting", {every, {}, is_its_text}},
    {anywhere, "cypher", "runs Cypher text", "all", "AGE"},
    {"periods", "add_* drop_* set_*", "runs DDL", "all", "periods"},
    {anywhere,
     "drop_chunks create_hypertable create_distributed_hypertable run_job add_job alter_job delete_job "
     "add_retention_policy remove_retention_policy attach_tablespace detach_tablespace detach_tablespaces "
     "add_dimension set_chunk_time_interval move_chunk merge_chunks split_chunk distributed_exec",
     "runs SQL or DDL", "all", "TimescaleDB"},
    {anywhere,
     "run_command_on_workers run_command_on_all_nodes run_command_on_coordinator",
     "runs SQL text on other servers",
     "all",
     "Citus",
     {first, "command"}},
    {anywhere,
     "run_command_on_* master_* citus_* create_distributed_table create_distributed_table_concurrently "
     "create_reference_table create_distributed_function undistribute_table alter_distributed_table "
     "alter_table_set_access_method truncate_local_data_after_distributing_table "
     "isolate_tenant_to_new_shard rebalance_table_shards replicate_table_shards drop_old_time_partitions "
     "create_time_partitions",
     "runs SQL or DDL", "all", "Citus"},
    {anywhere,
     "pg_background_launch pg_background_launch_v2 pg_background_submit_v2",
     "runs SQL text in another session",
     "all",
     "pg_background",
     {first, "sql"}},
    {anywhere, "pg_background_*", "uses another session", "all", "pg_background"},
    {anywhere, "oracle_execute", "runs SQL text on another server", "all", "oracle_fdw"},
    {anywhere, "mysql_fdw_query", "runs SQL text on another server", "all", "mysql_fdw"},
    {anywhere, "replicate_ddl_command bdr_replicate_ddl_command", "runs DDL on every server", "all",
     "pglogical, BDR"},
    {anywhere, "http_get http_post http_put http_patch http_delete http_head", "reaches other servers", "all",
     "http"},
    {"cron", "schedule", "stores SQL text that runs later", "all", "pg_cron", {last, "command"}},
    {"cron",
     "schedule_in_database alter_job",
     "stores SQL text that runs later",
     "all",
     "pg_cron",
     {third, "command"}},
    {"cron", "*", "changes what runs later", "all", "pg_cron"},
    {"pgagent", "*", "changes what runs later", "all", "pgAgent"},
    {"partman", "*", "creates and drops partitions", "all", "pg_partman"},
    {"repack", "*", "rewrites tables", "all", "pg_repack"},
    {"pglogical", "*", "changes the state of replication", "all", "pglogical"},
    {"bdr", "*", "changes the state of replication", "all", "BDR"},
    {"plv8", "*", "runs SQL text", "all", "plv8"},
    {"dbms_sql", "*", "runs SQL text", "all", "orafce"},
    {"utl_file", "*", "reads or writes files of the server", "all", "orafce"},
    {"net", "http_*", "reaches other servers", "all", "pg_net"},
    {"aws_s3", "*", "reaches other servers", "all", "aws_s3"},
    {"aws_lambda", "*", "reaches other servers", "all", "aws_lambda"},
    {"pgmq", "create* drop_queue purge_queue detach_archive", "creates and drops queues", "all", "pgmq"},
    {"pgq", "create_queue drop_queue maint_*", "creates and drops queues", "all", "PgQ"},
};

}  // namespace

std::span<const SensitiveFunctions> sensitive_function_table() { return table; }

}  // namespace pgwarden::policy
