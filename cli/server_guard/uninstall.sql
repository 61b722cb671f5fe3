-- pgwarden server-guard --uninstall: removes the guard and its grants from this database. For a superuser.
BEGIN;
SET LOCAL client_min_messages = warning;
DROP EVENT TRIGGER IF EXISTS pgwarden_ddl_command_start;
DROP EVENT TRIGGER IF EXISTS pgwarden_ddl_command_end;
DROP EVENT TRIGGER IF EXISTS pgwarden_sql_drop;
DROP EVENT TRIGGER IF EXISTS pgwarden_table_rewrite;
DROP FUNCTION IF EXISTS pgwarden.guard_ddl();
DROP TABLE IF EXISTS pgwarden.ddl_grants;
DROP FUNCTION IF EXISTS pgwarden.keep_ddl_grants();
DROP SCHEMA IF EXISTS pgwarden;
COMMIT;
