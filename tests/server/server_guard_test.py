"""`pgwarden server-guard`: DDL that no statement shows, or that goes past the proxy, is refused by the server."""

import subprocess
import unittest

import psycopg2
from psycopg2 import errors

from support import BINARY, ServerTest

SCHEMA = """
    CREATE TABLE victim (id int PRIMARY KEY, n int);
    CREATE TABLE parts (id int) PARTITION BY RANGE (id);
    CREATE TABLE part PARTITION OF parts FOR VALUES FROM (100) TO (200);
    CREATE ROLE app LOGIN;
    CREATE ROLE migrator LOGIN;
    CREATE ROLE writer LOGIN IN ROLE pg_write_all_data;
    GRANT ALL ON DATABASE guarded TO app, migrator;
    GRANT ALL ON SCHEMA public TO app, migrator;
    ALTER TABLE victim OWNER TO app;
    ALTER TABLE parts OWNER TO app;
    ALTER TABLE part OWNER TO app;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO app;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO app;
    CREATE FUNCTION creates() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE made (id int); END $$;
    CREATE FUNCTION drops() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE victim; END $$;
    CREATE FUNCTION drops_as_superuser() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN DROP TABLE victim CASCADE; END $$;
    CREATE FUNCTION drops_as_replica() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
        SET session_replication_role = replica AS $$ BEGIN DROP TABLE victim; END $$;
    CREATE FUNCTION drops_and_hides() RETURNS text LANGUAGE plpgsql AS
        $$ BEGIN DROP TABLE victim; RETURN 'gone'; EXCEPTION WHEN OTHERS THEN RETURN sqlstate; END $$;
    CREATE FUNCTION rewrites() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN ALTER TABLE victim ALTER n TYPE text; END $$;
    CREATE FUNCTION inserts() RETURNS void LANGUAGE sql AS 'INSERT INTO victim VALUES (1)';
    CREATE FUNCTION adds_partition(at int) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
        EXECUTE format('CREATE TABLE part_%1$s PARTITION OF parts FOR VALUES FROM (%1$s) TO (%1$s + 1)', at); END $$;
    CREATE FUNCTION drops_in_query() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN IF current_setting('app.trap', true) = 'set' THEN DROP TABLE victim; END IF; RETURN 1; END $$;
    CREATE MATERIALIZED VIEW summary AS SELECT id FROM parts;
    CREATE UNIQUE INDEX ON summary (id);
    ALTER MATERIALIZED VIEW summary OWNER TO app;
    CREATE MATERIALIZED VIEW trap AS SELECT drops_in_query() AS id;
    CREATE UNIQUE INDEX ON trap (id);
"""
FUNCTIONS = ("creates()", "drops()", "drops_as_superuser()", "drops_as_replica()", "rewrites()", "adds_partition(1)")
DDL = (
    "CREATE TABLE t (a int)", "CREATE TABLE t AS SELECT 1", "SELECT 1 AS a INTO t", "CREATE VIEW v AS SELECT 1",
    "CREATE SEQUENCE s", "CREATE SCHEMA s CREATE TABLE t (a int)", "CREATE INDEX ON victim (n)",
    "CREATE INDEX CONCURRENTLY late ON victim (n)", "DROP INDEX CONCURRENTLY victim_pkey", "CREATE TYPE y AS (a int)",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE EXTENSION hstore",
    "ALTER TABLE victim ADD c int", "ALTER TABLE victim DROP n", "ALTER TABLE victim RENAME TO other",
    "ALTER TABLE victim OWNER TO migrator", "ALTER TABLE victim ALTER n TYPE text",
    "ALTER TABLE parts DETACH PARTITION part CONCURRENTLY", "ALTER INDEX victim_pkey RENAME TO other",
    "DROP TABLE victim", "DROP TABLE victim CASCADE", "DROP MATERIALIZED VIEW summary", "DROP FUNCTION creates()",
    "DROP SCHEMA public CASCADE", "DROP OWNED BY app", "COMMENT ON TABLE victim IS 'x'",
    "GRANT SELECT ON victim TO PUBLIC", "CREATE TRIGGER g BEFORE INSERT ON victim EXECUTE FUNCTION nothing()",
)
TEMPORARY = (
    "CREATE TEMP TABLE t (a serial PRIMARY KEY, b text DEFAULT 'x', CHECK (a > 0))",
    "CREATE TEMP VIEW v AS SELECT * FROM t", "CREATE INDEX ON t (b)", "ALTER TABLE t ADD c text DEFAULT random()",
    "DROP VIEW v", "ALTER TABLE t ALTER c TYPE varchar(9)",
    "ALTER TABLE t DROP b", "ALTER TABLE t RENAME TO t2", "CREATE TEMP VIEW v AS SELECT * FROM t2",
    "DROP TABLE t2 CASCADE", "CREATE TEMP SEQUENCE s", "DROP SEQUENCE s", "CREATE TEMP TABLE t AS SELECT 1 AS a",
    "TRUNCATE t", "SELECT 1 AS a INTO TEMP u", "DISCARD TEMP", "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
    "DISCARD ALL",
)
KEPT = (
    "REFRESH MATERIALIZED VIEW summary", "REFRESH MATERIALIZED VIEW CONCURRENTLY summary", "REINDEX TABLE victim",
    "REINDEX TABLE CONCURRENTLY victim", "CLUSTER victim USING victim_pkey", "VACUUM FULL victim", "ANALYZE victim",
    "CREATE TABLE IF NOT EXISTS victim (id int)", "DROP TABLE IF EXISTS no_such_table", "TRUNCATE victim",
)


def script(*arguments):
    return subprocess.run([BINARY, "server-guard", *arguments], capture_output=True, text=True, check=True).stdout


class ServerGuard(ServerTest):
    extra = "preset: append_only\n"
    conf = "timezone = UTC"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE DATABASE guarded")
        cls.postgres.psql("guarded", SCHEMA)
        cls.postgres.psql("guarded", script())

    def tearDown(self):
        self.postgres.psql("guarded", "TRUNCATE pgwarden.ddl_grants")
        self.assertEqual(self.postgres.psql("guarded", "SELECT to_regclass('victim')"), "victim")

    def connect(self, user="app"):
        """A direct connection, past pgwarden."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.postgres.port, user=user, dbname="guarded")
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection.cursor()

    def grant(self, role, until="infinity"):
        self.postgres.psql("guarded", f"INSERT INTO pgwarden.ddl_grants VALUES ('{role}', '{until}', 'test')")

    def refused(self, cursor, sql):
        with self.subTest(sql), self.assertRaises(errors.InsufficientPrivilege) as caught:
            cursor.execute(sql)
        return caught.exception.diag

    def test_the_message(self):
        diagnostics = self.refused(self.connect(), "SELECT drops_as_superuser()")
        self.assertEqual(diagnostics.message_primary, 'cannot execute DROP TABLE on table "public.victim": '
                                                      'role "app" has no DDL grant in database "guarded"')
        self.assertTrue(diagnostics.message_detail and diagnostics.message_hint)

    def test_ddl_past_the_proxy_is_refused_to_superusers_too(self):
        for user in ("app", "postgres"):
            cursor = self.connect(user)
            for sql in DDL:
                self.refused(cursor, sql)
        cursor.execute("SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)")
        self.assertEqual(cursor.fetchone(), (0,))

    def test_ddl_within_functions_is_refused(self):
        for user in ("app", "postgres"):
            cursor = self.connect(user)
            for call in FUNCTIONS:
                self.refused(cursor, f"SELECT {call}")
            cursor.execute("SELECT drops_and_hides()")
            self.assertEqual(cursor.fetchone(), ("42501",))
        cursor.execute("SET app.trap = 'set'")
        for refresh in ("", "CONCURRENTLY"):
            self.refused(cursor, f"REFRESH MATERIALIZED VIEW {refresh} trap")

    def test_through_pgwarden_append_only_keeps_its_tables(self):
        dropped = self.psql("SELECT drops_as_superuser()", user="app", database="guarded", check=False)
        self.assertIn("no DDL grant", dropped.stderr)
        self.psql("SELECT inserts()", user="app", database="guarded")

    def test_temporary_objects_and_maintenance_pass(self):
        for user in ("app", "postgres"):
            cursor = self.connect(user)
            for sql in TEMPORARY + KEPT:
                with self.subTest(sql, user=user):
                    cursor.execute(sql)

    def test_a_grant_lets_pass(self):
        self.grant("migrator")
        cursor = self.connect("migrator")
        for sql in ("CREATE TABLE m (a int, b int)", "ALTER TABLE m DROP b", "ALTER TABLE m ALTER a TYPE text",
                    "CREATE INDEX CONCURRENTLY mi ON m (a)", "DROP INDEX CONCURRENTLY mi", "CREATE EXTENSION hstore",
                    "DROP EXTENSION hstore", "SELECT adds_partition(7)", "DROP TABLE m", "CREATE SCHEMA s",
                    "DROP SCHEMA s"):
            with self.subTest(sql):
                cursor.execute(sql)
        self.refused(self.connect(), "SELECT adds_partition(8)")

    def test_a_grant_is_for_who_has_logged_in(self):
        self.grant("migrator")
        self.postgres.psql("guarded", "GRANT migrator TO app")
        cursor = self.connect()
        cursor.execute("SET ROLE migrator")
        self.refused(cursor, "CREATE TABLE t (a int)")

    def test_a_grant_ends(self):
        self.grant("migrator", "now")
        self.refused(self.connect("migrator"), "CREATE TABLE t (a int)")

    def test_nobody_gives_himself_a_grant(self):
        for user in ("app", "writer"):
            cursor = self.connect(user)
            for sql in (f"INSERT INTO pgwarden.ddl_grants VALUES ('{user}', 'infinity', 'me')",
                        "UPDATE pgwarden.ddl_grants SET valid_until = 'infinity'",
                        "DELETE FROM pgwarden.ddl_grants",
                        "CREATE TABLE pgwarden.mine (a int)",
                        "ALTER TABLE pgwarden.ddl_grants DISABLE TRIGGER ALL",
                        "ALTER EVENT TRIGGER pgwarden_sql_drop DISABLE", "DROP EVENT TRIGGER pgwarden_sql_drop",
                        "ALTER FUNCTION pgwarden.guard_ddl() RENAME TO other", "DROP SCHEMA pgwarden CASCADE",
                        "SET session_replication_role = replica", "SET SESSION AUTHORIZATION postgres"):
                self.refused(cursor, sql)
            self.refused(cursor, "CREATE TABLE public.t (a int)")

    def test_a_search_path_of_the_client_changes_nothing(self):
        cursor = self.connect()
        cursor.execute("CREATE TEMP TABLE pg_roles AS SELECT 'app'::name AS rolname, 0::oid AS oid")
        cursor.execute("CREATE TEMP TABLE ddl_grants AS SELECT 0::regrole AS grantee, now() + '1 day' AS valid_until")
        cursor.execute("SET search_path = pg_temp, public, pg_catalog")
        self.refused(cursor, "CREATE TABLE public.t (a int)")

    def test_dump_and_restore(self):
        self.grant("postgres")
        port = str(self.postgres.port)

        def run(*command, **options):
            done = subprocess.run([*command, "-h", "127.0.0.1", "-p", port], check=False, capture_output=True,
                                  **options)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout

        self.postgres.psql("guarded", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO app")
        run("pg_dump", "-U", "app", "--exclude-table=trap", "guarded")
        dump = run("pg_dump", "-U", "postgres", "-Fc", "guarded")
        self.postgres.psql("postgres", "CREATE DATABASE restored")
        run("pg_restore", "-U", "postgres", "-d", "restored", "--exit-on-error", input=dump)
        self.postgres.psql("restored", "CREATE TABLE t (a int)")
        self.postgres.psql("restored", "DELETE FROM pgwarden.ddl_grants")
        with self.assertRaises(subprocess.CalledProcessError):
            self.postgres.psql("restored", "CREATE TABLE t2 (a int)")

    def test_installing_twice_keeps_grants_and_uninstalling_twice_leaves_nothing(self):
        self.postgres.psql("postgres", "CREATE DATABASE twice")
        self.postgres.psql("twice", script())
        self.postgres.psql("twice", "INSERT INTO pgwarden.ddl_grants VALUES ('migrator', 'infinity', 'test')")
        self.postgres.psql("twice", script())
        self.assertEqual(self.postgres.psql("twice", "SELECT grantee FROM pgwarden.ddl_grants"), "migrator")
        for _ in range(2):
            self.postgres.psql("twice", script("--uninstall"))
        self.postgres.psql("twice", "CREATE TABLE t (a int); DROP TABLE t")
        self.assertEqual(self.postgres.psql("twice", "SELECT to_regnamespace('pgwarden') IS NULL"), "t")
        self.assertEqual(self.postgres.psql("twice", "SELECT count(*) FROM pg_event_trigger"), "0")

    def test_a_schema_of_somebody_else_is_not_trusted(self):
        self.postgres.psql("postgres", "CREATE DATABASE strange")
        self.postgres.psql("strange", "CREATE SCHEMA pgwarden AUTHORIZATION app")
        with self.assertRaises(subprocess.CalledProcessError) as caught:
            self.postgres.psql("strange", script())
        self.assertIn('schema "pgwarden" holds objects of role "app"', caught.exception.stderr)
        self.postgres.psql("strange", "CREATE TABLE t (a int)")


if __name__ == "__main__":
    unittest.main()
