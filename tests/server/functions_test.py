"""Calls of functions: which of the server's own are denied, by name and by OID, and what is judged in their place."""

import fnmatch
import unittest

import psycopg2

from support import ServerTest, player

# Volatile, and yet they only read, or change nothing that others notice. Of an extension that is listed all do.
READING_EXTENSIONS = (
    "amcheck bloom dict_int dict_xsyn file_fdw intagg intarray old_snapshot pageinspect pg_buffercache pg_freespacemap "
    "pg_trgm pg_walinspect pgcrypto pgrowlocks pgstattuple postgres_fdw sslinfo tsm_system_rows tsm_system_time "
    "unaccent uuid-ossp").split()
READING_FUNCTIONS = (
    "*handler dsnowball_* amvalidate bernoulli system clock_timestamp timeofday timezone random random_normal setseed "
    "array_sample array_shuffle gen_random_uuid uuidv4 uuidv7 current_query currtid currtid2 currval lastval "
    "nextval setval "
    "lo_open lo_close lo_get lo_lseek lo_lseek64 lo_tell lo_tell64 loread "
    "pg_advisory_* pg_try_advisory_* pg_notify pg_notification_queue_usage pg_sleep pg_sleep_for pg_sleep_until "
    "pg_export_snapshot pg_available_wal_summaries pg_wal_summary_contents pg_blocking_pids "
    "pg_safe_snapshot_blocking_pids pg_isolation_test_session_is_blocked pg_collation_actual_version "
    "pg_database_collation_actual_version pg_control_* pg_current_wal_* pg_last_* pg_*_size pg_get_* "
    "pg_is_* pg_jit_available pg_lock_status pg_partition_* pg_prepared_xact pg_replication_origin_progress "
    "pg_replication_origin_session_is_setup pg_replication_origin_session_progress pg_show_replication_origin_status "
    "pg_sequence_last_value pg_stat_clear_snapshot pg_stat_force_next_flush pg_stat_get_* pg_stat_have_stats "
    "pg_xact_* txid_status pg_prewarm pg_stat_statements pg_stat_statements_info pg_check_frozen pg_check_visible "
    "pg_visibility pg_visibility_map pg_visibility_map_summary normal_rand xslt_process").split()

RULES = """
rules:
  - name: no-dangerous-function
    effect: deny
    match: {functions: [public.my_dangerous_*]}
  - name: no-scratch
    effect: deny
    match: {objects: [scratch.*]}
"""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class Functions(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE TABLE victim (id int); INSERT INTO victim VALUES (1)")
        # (pg_cron would have to be preloaded.)
        names = cls.postgres.psql(
            "postgres", "SELECT name FROM pg_available_extensions WHERE name <> 'pg_cron' ORDER BY 1").split("\n")
        for name in names:
            cls.postgres.psql("postgres", f"CREATE EXTENSION IF NOT EXISTS {quoted(name)} CASCADE")
        cls.loopback = f"host=127.0.0.1 port={cls.postgres.port} user=postgres dbname=postgres"

    def denied(self, messages):
        """For each of the messages, which end with a ReadyForQuery each, whether pgwarden denied it."""
        session = self.raw_session()
        verdicts = []
        for message in messages:
            session.outgoing += message
            session.until("Z", 1)
            errors = [player.error_fields(body) for tag, body in session.received if tag == "E"]
            verdicts.append(any("(pgwarden " in fields["M"] for fields in errors))
            session.received.clear()
        return verdicts

    def denied_by_name(self, functions):
        """Only parsed, never run. Each function is (schema, name, number of arguments)."""
        def parse(schema, name, count):
            sql = f"SELECT {quoted(schema)}.{quoted(name)}({', '.join(['NULL'] * count)})"
            return player._message("Parse", ["", sql]) + player._message("Sync", [])
        return self.denied(parse(*function) for function in functions)

    def denied_by_oid(self, oids):
        """With more arguments than any function has, so that the server runs none."""
        return self.denied(player._message("FunctionCall", [oid] + ["NULL"] * 101) for oid in oids)

    def functions_of_server(self, condition):
        rows = self.postgres.psql("postgres", f"""
            SELECT p.oid, nspname, proname, pronargs, coalesce(extname, '')
              FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
              LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
              LEFT JOIN pg_extension e ON e.oid = refobjid
             WHERE {condition} ORDER BY p.oid""")
        return [(int(oid), schema, name, int(count), extension)
                for oid, schema, name, count, extension in (row.split("|") for row in rows.split("\n"))]

    def test_a_function_is_the_same_by_name_and_by_oid(self):
        functions = self.functions_of_server("p.oid < 10000")
        self.assertGreater(len(functions), 3000)
        by_name = self.denied_by_name([function[1:4] for function in functions])
        by_oid = self.denied_by_oid([function[0] for function in functions])
        self.assertGreater(sum(by_name), 90)
        harmless_by_oid = [f for f, name, oid in zip(functions, by_name, by_oid) if name and not oid]
        self.assertEqual(harmless_by_oid, [])
        # The overload that takes no SQL text: a FunctionCall's arguments are not looked at.
        denied_by_oid_only = [f[2:4] for f, name, oid in zip(functions, by_name, by_oid) if oid and not name]
        self.assertEqual(denied_by_oid_only, [("ts_rewrite", 3)])

    def test_no_volatile_function_is_unknown(self):
        # A newer server has functions that nobody has looked at yet: they show here.
        functions = [function for function in self.functions_of_server(
            "provolatile = 'v' AND prokind = 'f' AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype) "
            "AND nspname <> 'information_schema' AND proname !~ '_to_utf8$|^utf8_to_'")
            if function[4] not in READING_EXTENSIONS]
        verdicts = self.denied_by_name([function[1:4] for function in functions])
        unknown = [function for function, denied in zip(functions, verdicts)
                   if not denied and not any(fnmatch.fnmatchcase(function[2], name) for name in READING_FUNCTIONS)]
        self.assertEqual(unknown, [])
        self.assertGreater(sum(verdicts), 100)

    def connection(self):
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection.cursor()

    def assert_denied(self, cursor, sql, message):
        with self.assertRaises(psycopg2.Error) as caught:
            cursor.execute(sql)
        self.assertIn(message, str(caught.exception))
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM victim"), "1")

    def test_constant_text_is_judged_in_place_of_the_call(self):
        cursor = self.connection()
        drop = 'cannot execute DROP TABLE on table "victim"'
        self.assert_denied(cursor, f"SELECT dblink_exec('{self.loopback}', 'DROP TABLE victim')", drop)
        self.assert_denied(cursor, f"SELECT dblink_exec('{self.loopback}', 'DROP TABLE victim', false)", drop)
        self.assert_denied(cursor, f"SELECT * FROM dblink('{self.loopback}', 'SELECT 1; DROP TABLE victim') t(a int)",
                           drop)
        self.assert_denied(cursor, "SELECT * FROM crosstab('SELECT 1, 2, 3; DROP TABLE victim') t(a int, b int)", drop)
        self.assert_denied(cursor, "SELECT query_to_xml('SELECT lo_unlink(1)', true, true, '')", 'function "lo_unlink"')
        for sql, result in {
                f"SELECT * FROM dblink('{self.loopback}', 'SELECT id FROM victim') t(a int)": 1,
                f"SELECT * FROM dblink('{self.loopback}', 'SELECT 2', true) t(a int)": 2,
                "SELECT length(query_to_xml('SELECT 1', true, true, '')::text) > 0": True,
                "SELECT count(*) FROM ts_stat('SELECT ''a b''::tsvector')": 2,
                "SELECT ts_rewrite('a', 'SELECT ''a''::tsquery, ''c''::tsquery')::text": "'c'",
                "SELECT b FROM crosstab('SELECT 1, 2, 3', 'SELECT 2') t(a int, b int)": 3}.items():
            with self.subTest(sql):
                cursor.execute(sql)
                self.assertEqual(cursor.fetchone()[0], result)

    def test_other_text_is_not_guessed(self):
        cursor = self.connection()
        for sql in (f"SELECT dblink_exec('{self.loopback}', 'DROP' || ' TABLE victim')",
                    f"SELECT dblink_exec('{self.loopback}', (SELECT 'DROP TABLE victim'))",
                    "SELECT query_to_xml(current_query(), true, true, '')",
                    "SELECT * FROM xpath_table('id', 'id', 'victim', '/', 'true; DROP TABLE victim; SELECT 1')"
                    " AS t(a int, b text)",
                    "SELECT dblink_open('a CURSOR FOR SELECT 1; DROP TABLE victim; "
                    "DECLARE b', 'SELECT 1')",
                    "SELECT dblink_send_query('SELECT 1', 'SELECT 1')"):
            with self.subTest(sql):
                self.assert_denied(cursor, sql, "cannot call function")

    def test_dblink_takes_its_arguments_as_they_are_read(self):
        # Which of two arguments is the text does not depend on the other's type, nor on what it looks like.
        for arguments in ("'SELECT 1', 'f'", "'SELECT 1'::text, 'f'", "'SELECT 1'::varchar, 'f'::varchar"):
            with self.subTest(arguments), self.assertRaises(Exception) as caught:
                self.postgres.psql("postgres", f"SELECT dblink_exec({arguments})")
            self.assertIn("could not establish connection", caught.exception.stderr)


class Rules(ServerTest):
    extra = RULES

    def test_rules_see_every_call_by_its_name(self):
        self.postgres.psql("postgres", """
            CREATE FUNCTION my_dangerous_function(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
            CREATE FUNCTION my_other_function(int) RETURNS int LANGUAGE sql AS 'SELECT 2';
            CREATE SCHEMA scratch; CREATE TABLE scratch.t (a int)""")
        for call in ("my_dangerous_function(1)", "public.MY_DANGEROUS_FUNCTION(1)",
                     'U&"my!005fdangerous!005ffunction" UESCAPE \'!\' (1)'):
            with self.subTest(call):
                done = self.psql(f"SELECT {call}", check=False)
                self.assertRegex(done.stderr, 'cannot call function ".*my_dangerous_function": rule "no-dangerous-')
        for sql in ("SELECT my_other_function(1)",
                    "SELECT count(*), now() IS NULL FROM pg_catalog.pg_class WHERE lower(relname) = ''"):
            with self.subTest(sql):
                self.psql(sql)
        self.assertIn('rule "no-scratch"', self.psql("SELECT count(*) FROM scratch.t", check=False).stderr)


if __name__ == "__main__":
    unittest.main()
