-- pgwarden server-guard: refuses DDL in this database to every role without a grant, wherever it comes from: within a
-- function, or on a connection that does not lead through pgwarden. For PostgreSQL 13 and later; for a superuser:
--     pgwarden server-guard | psql -v ON_ERROR_STOP=1 "$ADMIN_URL"
-- Installing it again renews the functions and keeps the grants. pgwarden server-guard --uninstall removes it.
--
-- A grant is a row that only the table's owner and superusers can write. It counts for the role that has logged in
-- (session_user), which neither SET ROLE nor a SECURITY DEFINER function changes. Superusers need one as well:
--     INSERT INTO pgwarden.ddl_grants VALUES ('migrator', 'infinity', 'migrations');
--     INSERT INTO pgwarden.ddl_grants VALUES ('ann', now() + '1 hour', 'ticket 4711');
--
-- Not refused: temporary tables, views, sequences and indexes; REFRESH MATERIALIZED VIEW and REINDEX. Not seen by any
-- event trigger: TRUNCATE, roles, databases, tablespaces, configuration, large objects, event triggers themselves, and
-- what is created or altered (not what is dropped) by functions that a REFRESH runs.

BEGIN;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL client_min_messages = warning;

-- Event triggers do not fire for event triggers: without them the rest may be replaced.
DROP EVENT TRIGGER IF EXISTS pgwarden_ddl_command_start;
DROP EVENT TRIGGER IF EXISTS pgwarden_ddl_command_end;
DROP EVENT TRIGGER IF EXISTS pgwarden_sql_drop;
DROP EVENT TRIGGER IF EXISTS pgwarden_table_rewrite;

CREATE SCHEMA IF NOT EXISTS pgwarden;

-- Whoever made a schema of this name before could change the guard.
DO $check$
DECLARE
  stranger name;
BEGIN
  SELECT rolname INTO stranger
  FROM (SELECT nspowner FROM pg_namespace WHERE nspname = 'pgwarden'
        UNION SELECT relowner FROM pg_class WHERE relnamespace = 'pgwarden'::regnamespace
        UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'pgwarden'::regnamespace) AS owners (owner)
  JOIN pg_roles ON pg_roles.oid = owner
  WHERE NOT rolsuper AND rolname <> current_user;
  IF FOUND THEN
    RAISE EXCEPTION 'schema "pgwarden" holds objects of role "%"', stranger
      USING ERRCODE = 'insufficient_privilege', HINT = 'Remove or rename the schema first.';
  END IF;
END
$check$;

CREATE TABLE IF NOT EXISTS pgwarden.ddl_grants (
  grantee regrole PRIMARY KEY,
  valid_until timestamptz NOT NULL,
  reason text NOT NULL
);

-- Default privileges or pg_write_all_data may let others write to any table: privileges alone do not keep it.
CREATE OR REPLACE FUNCTION pgwarden.keep_ddl_grants() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF NOT pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = tg_relid), 'MEMBER') THEN
    RAISE EXCEPTION 'cannot execute % on table "pgwarden.ddl_grants": role "%" is not its owner', tg_op, current_user
      USING ERRCODE = 'insufficient_privilege', HINT = 'Ask an operator for schema changes.';
  END IF;
  RETURN NULL;
END
$function$;

DROP TRIGGER IF EXISTS keep_ddl_grants ON pgwarden.ddl_grants;
CREATE TRIGGER keep_ddl_grants BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON pgwarden.ddl_grants
  FOR EACH STATEMENT EXECUTE FUNCTION pgwarden.keep_ddl_grants();
ALTER TABLE pgwarden.ddl_grants ENABLE ALWAYS TRIGGER keep_ddl_grants;

-- The guard looks grants up as whoever runs the command, so that it needs no rights of its own; and pg_dump, run by an
-- ordinary role, can read the table.
GRANT USAGE ON SCHEMA pgwarden TO PUBLIC;
GRANT SELECT ON pgwarden.ddl_grants TO PUBLIC;

CREATE OR REPLACE FUNCTION pgwarden.guard_ddl() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  object text;
BEGIN
  IF EXISTS (SELECT FROM pgwarden.ddl_grants JOIN pg_roles ON pg_roles.oid = grantee
             WHERE rolname = session_user AND valid_until > clock_timestamp()) THEN
    RETURN;
  END IF;
  -- They keep definitions as they are. A concurrent REFRESH makes temporary tables, which are looked at on their own.
  IF tg_tag IN ('REFRESH MATERIALIZED VIEW', 'REINDEX') THEN
    RETURN;
  END IF;

  CASE tg_event
  WHEN 'ddl_command_start' THEN
    -- Nothing is known but the tag. What may be about a temporary object waits for the events below, except what
    -- commits in between and could not be taken back there. That is never within a function, so the client's text
    -- has the word.
    IF tg_tag IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE VIEW', 'CREATE SEQUENCE', 'CREATE INDEX',
                  'ALTER TABLE', 'ALTER VIEW', 'ALTER SEQUENCE', 'ALTER INDEX',
                  'DROP TABLE', 'DROP VIEW', 'DROP SEQUENCE', 'DROP INDEX')
       AND NOT (tg_tag IN ('CREATE INDEX', 'DROP INDEX') AND current_query() ~* 'concurrently')
       AND NOT (tg_tag = 'ALTER TABLE' AND current_query() ~* 'detach' AND current_query() ~* 'concurrently') THEN
      RETURN;
    END IF;
  WHEN 'ddl_command_end' THEN
    SELECT format(' on %s "%s"', object_type, object_identity) INTO object
    FROM pg_event_trigger_ddl_commands()
    WHERE schema_name IS DISTINCT FROM 'pg_temp'
    LIMIT 1;
    IF NOT FOUND THEN RETURN; END IF;
  WHEN 'sql_drop' THEN
    -- is_temporary is false for parts, such as the rule of a temporary view.
    SELECT format(' on %s "%s"', object_type, object_identity) INTO object
    FROM pg_event_trigger_dropped_objects()
    WHERE NOT is_temporary AND address_names[1] IS DISTINCT FROM 'pg_temp'
    ORDER BY original DESC
    LIMIT 1;
    IF NOT FOUND THEN RETURN; END IF;
  WHEN 'table_rewrite' THEN
    -- ddl_command_end would refuse it as well, but only after the work.
    SELECT format(' on table "%s"', oid::regclass) INTO object
    FROM pg_class
    WHERE oid = pg_event_trigger_table_rewrite_oid() AND relpersistence <> 't';
    IF NOT FOUND THEN RETURN; END IF;
  END CASE;

  RAISE EXCEPTION 'cannot execute %: role "%" has no DDL grant in database "%"',
    concat(tg_tag, object), session_user, current_database()
    USING ERRCODE = 'insufficient_privilege',
          DETAIL = 'The statement was not executed.',
          HINT = 'Do not retry or rephrase; equivalent statements are refused too. Ask an operator for schema changes.';
END
$function$;

CREATE EVENT TRIGGER pgwarden_ddl_command_start ON ddl_command_start EXECUTE FUNCTION pgwarden.guard_ddl();
CREATE EVENT TRIGGER pgwarden_ddl_command_end ON ddl_command_end EXECUTE FUNCTION pgwarden.guard_ddl();
CREATE EVENT TRIGGER pgwarden_sql_drop ON sql_drop EXECUTE FUNCTION pgwarden.guard_ddl();
CREATE EVENT TRIGGER pgwarden_table_rewrite ON table_rewrite EXECUTE FUNCTION pgwarden.guard_ddl();
-- Under session_replication_role = replica, too.
ALTER EVENT TRIGGER pgwarden_ddl_command_start ENABLE ALWAYS;
ALTER EVENT TRIGGER pgwarden_ddl_command_end ENABLE ALWAYS;
ALTER EVENT TRIGGER pgwarden_sql_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER pgwarden_table_rewrite ENABLE ALWAYS;

COMMIT;
