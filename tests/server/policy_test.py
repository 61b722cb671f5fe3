"""What the policy says reaches the client, the log and running sessions."""

import signal
import socket
import time
import unittest

import psycopg2

from support import PROTECTED, ServerTest, eventually, player

RULES = """
rules:
  - name: scratch-is-free
    effect: allow
    match: {classes: [ddl_create, ddl_drop], objects: ["scratch.*"]}
  - name: watch-truncate
    effect: warn
    match: {classes: [truncate]}
    reason: Truncating loses data.
  - name: migrator-may-alter
    effect: allow
    match: {classes: [ddl_alter], users: [migrator]}
  - name: no-grants-ever
    effect: deny
    on_deny: terminate
    match: {classes: [dcl]}
"""


class Policy(ServerTest):
    extra = RULES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", """CREATE TABLE "Product" (id int); INSERT INTO "Product" VALUES (1);
            CREATE SCHEMA scratch; CREATE TABLE filled (id int); INSERT INTO filled VALUES (1);
            CREATE ROLE migrator LOGIN SUPERUSER;""")

    def setUp(self):
        self.original = self.pgwarden.config.read_text(encoding="utf-8")

    def tearDown(self):
        if self.pgwarden.config.read_text(encoding="utf-8") != self.original:
            self.reload(self.original)

    def reload(self, text, message="reloaded"):
        seen = len(self.log_records(message))
        self.pgwarden.write_config(text)
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: len(self.log_records(message)) > seen), self.pgwarden.log_text())

    def test_the_message_says_what_why_and_what_next(self):
        done = self.psql('drop table "Product" cascade', check=False)
        lines = done.stderr.splitlines()
        self.assertRegex(lines[0], r'^ERROR:  cannot execute DROP TABLE on table "Product": rule ".+" denies it on '
                                   r'protected host "127\.0\.0\.1" \(pgwarden [0-9A-Z]{6}\)$')
        self.assertEqual(lines[1], 'LINE 1: drop table "Product" cascade')
        self.assertRegex(lines[2], r"^ +\^$")
        self.assertTrue(lines[3].startswith("DETAIL:  The statement was not executed."), lines[3])
        self.assertTrue(lines[4].startswith("HINT:  Do not retry or rephrase"), lines[4])
        self.assertEqual(self.postgres.psql("postgres", 'SELECT count(*) FROM "Product"'), "1")

    def test_the_sqlstate_and_fields(self):
        connection = psycopg2.connect(self.dsn())
        with self.assertRaises(psycopg2.errors.InsufficientPrivilege) as caught:
            connection.cursor().execute('ALTER TABLE public."Product" ADD COLUMN x int')
        diagnostics = caught.exception.diag
        self.assertEqual((diagnostics.schema_name, diagnostics.table_name), ("public", "Product"))
        self.assertTrue(diagnostics.source_function and diagnostics.source_file and diagnostics.source_line)
        connection.close()

    def test_every_catalog_that_can_be_written_is_known(self):
        # 28: INSERT, UPDATE and DELETE, of which a view takes any.
        names = self.postgres.psql("postgres", """SELECT relname FROM pg_class
            WHERE relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND (relkind = 'r' OR pg_relation_is_updatable(oid, true) & 28 <> 0)""").splitlines()
        self.assertGreater(len(names), 60)
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        self.addCleanup(connection.close)
        cursor = connection.cursor()
        cursor.execute("SET search_path = information_schema")
        for name in names:
            with self.subTest(name), self.assertRaisesRegex(psycopg2.Error, "no-catalog-write"):
                cursor.execute(f"DELETE FROM {name} WHERE false")

    def test_allowing_one_table_does_not_let_another_through(self):
        self.postgres.psql("postgres", "CREATE TABLE kept (id int PRIMARY KEY); CREATE TABLE scratch.p (id int) "
                                       "PARTITION BY RANGE (id)")
        for sql in ("CREATE TABLE scratch.c (id int) INHERITS (public.kept)",
                    "CREATE TABLE scratch.c (id int REFERENCES public.kept)",
                    "ALTER TABLE scratch.p ATTACH PARTITION public.kept DEFAULT"):
            with self.subTest(sql):
                self.assertIn('"public.kept"' if sql.startswith("CREATE") else '"scratch.p"',
                              self.psql(sql, check=False).stderr)
        self.psql("CREATE TABLE scratch.c (id int PRIMARY KEY)", "CREATE TABLE scratch.d (c int REFERENCES scratch.c)",
                  "DROP TABLE scratch.d, scratch.c, scratch.p")

    def test_what_a_setting_takes_away_is_not_set(self):
        for sql in ("SET session_replication_role = replica", "SET allow_system_table_mods = on",
                    "SELECT set_config('session_replication_role', 'replica', false)"):
            with self.subTest(sql):
                self.assertIn("cannot execute SET on setting", self.psql(sql, check=False).stderr)
        self.psql("SET row_security = off", "RESET session_replication_role")

    def test_rules_of_the_file_come_first(self):
        self.psql("CREATE TABLE scratch.mine (id int)", "DROP TABLE scratch.mine")
        self.assertIn("cannot execute", self.psql("CREATE TABLE mine (id int)", check=False).stderr)
        self.assertIn("cannot execute", self.psql('DROP TABLE scratch.mine, "Product"', check=False).stderr)
        self.psql('ALTER TABLE "Product" ADD COLUMN y int', user="migrator")
        self.assertIn("cannot execute", self.psql('ALTER TABLE "Product" ADD COLUMN z int', check=False).stderr)

    def test_a_warning_is_a_notice_and_the_statement_runs(self):
        done = self.psql("TRUNCATE filled")
        self.assertIn("WARNING", done.stderr)
        self.assertIn("watch-truncate", done.stderr)
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM filled"), "0")

    def test_a_rule_can_end_the_session(self):
        done = self.psql("GRANT ALL ON filled TO PUBLIC", "SELECT 'still here'", check=False)
        self.assertIn("FATAL", done.stderr)
        self.assertNotIn("still here", done.stdout)
        self.assertEqual(done.returncode, 2)

    def test_a_host_that_is_not_protected_is_only_observed(self):
        self.psql("CREATE TABLE free (id int)", "DROP TABLE free", address="unprotected")
        self.assertTrue(any(record["host"] == "localhost" and record["command"] == "DROP TABLE"
                            for record in self.log_records("would be denied on a protected host")))

    def test_the_record_of_a_denial(self):
        done = self.psql("""UPDATE "Product" SET id = 12345 /* secret */ ; DROP TABLE public."Product" """, check=False,
                         environment={"PGAPPNAME": "the-app"})
        decision = done.stderr.split("(pgwarden ")[1][:6]
        record = next(record for record in self.log_records("statement denied") if record["decision"] == decision)
        self.assertEqual({key: record[key] for key in ("user", "database", "application_name", "host")},
                         {"user": "postgres", "database": "postgres", "application_name": "the-app", "host": "127.0.0.1"})
        for key in ("time", "session", "client", "class", "objects", "rule", "statement"):
            self.assertTrue(record[key], key)
        self.assertNotIn("12345", record["statement"])
        self.assertNotIn("secret", record["statement"])

    def test_literals_are_logged_when_asked_for(self):
        self.reload(self.original + "\nlog: {log_literals: true}\n")
        self.psql("DROP TABLE a; SELECT 'visible'", check=False)
        self.assertIn("visible", self.log_records("statement denied")[-1]["statement"])

    def test_a_running_session_takes_a_new_policy(self):
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        cursor = connection.cursor()
        with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("CREATE TABLE later (id int)")
        self.reload(self.original.replace('objects: ["scratch.*"]', 'objects: ["later"]'))
        cursor.execute("CREATE TABLE later (id int)")
        cursor.execute("DROP TABLE later")
        connection.close()

    def test_a_running_session_whose_host_becomes_protected(self):
        session = self.raw_session(address="unprotected")
        session.query("CREATE TABLE open_season (id int)")
        session.until("Z", 1)
        self.reload(self.original.replace("protect: [", "protect: [localhost, "))
        session.query("DROP TABLE open_season")
        session.until("Z", 1)
        self.assertEqual([tag for tag, _ in session.received], ["C", "Z", "E", "Z"])

    def test_names_that_are_not_utf8_are_logged_as_json(self):
        session = self.raw_session()
        session.outgoing += b"Q\0\0\0\x16DROP TABLE \"\xff\xfe\" x\0"
        session.until("Z", 1)
        self.assertIn("\ufffd", self.log_records("statement denied")[-1]["statement"])

    def test_a_bad_file_keeps_the_old_policy_and_says_so(self):
        self.reload(self.original.replace("effect: warn", "efect: warn"), "reload failed")
        log = self.pgwarden.log_text()
        self.assertIn("efect", log)
        self.assertIn('effect', log)
        self.assertIn("WARNING", self.psql("TRUNCATE filled").stderr)

    def test_replication_connections_are_refused(self):
        done = self.psql("IDENTIFY_SYSTEM", check=False, options=("replication=true",), database="postgres")
        self.assertNotEqual(done.returncode, 0)
        for value in ("true", "database", "1", "on"):
            with self.subTest(value), self.assertRaises(psycopg2.OperationalError) as caught:
                psycopg2.connect(self.dsn() + f" replication={value}")
            self.assertIn("pgwarden", str(caught.exception))


class Routing(ServerTest):
    """Several databases behind one listener."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE DATABASE real_name")
        cls.postgres.psql("postgres", "CREATE DATABASE other")
        text = cls.pgwarden.config.read_text(encoding="utf-8")
        cls.pgwarden.write_config(text.replace(
            f"    upstream: postgres://127.0.0.1:{cls.postgres.port}\n",
            f"""    databases:
      shop: postgres://127.0.0.1:{cls.postgres.port}/real_name
      other: postgres://localhost:{cls.postgres.port}
""", 1))
        cls.pgwarden.process.send_signal(signal.SIGHUP)

    def test_names_are_routed_as_pgbouncer_does(self):
        self.assertTrue(eventually(lambda: self.log_records("reloaded")))
        self.assertEqual(self.psql("SELECT current_database()", database="shop").stdout.strip(), "real_name")
        self.assertEqual(self.psql("SELECT current_database()", database="other").stdout.strip(), "other")
        self.assertIn('no route for database "postgres"', self.psql("SELECT 1", check=False).stderr)
        self.assertIn("cannot execute", self.psql("CREATE TABLE t ()", database="shop", check=False).stderr)
        self.psql("CREATE TABLE t ()", database="other")


class VanishedClient(ServerTest):
    extra = "rules: [{name: local, effect: allow, match: {classes: [ddl_drop], networks: [unix]}}]"

    def test_a_client_that_is_gone_before_it_is_accepted_does_not_pass_for_a_local_one(self):
        self.postgres.psql("postgres", "CREATE TABLE kept (v int)")
        self.pgwarden.process.send_signal(signal.SIGSTOP)
        vanished = player.Player(self.address(PROTECTED), False)
        vanished.startup("postgres", "postgres", [], (3, 0))
        vanished.query("DROP TABLE kept")
        vanished.send()
        vanished.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        vanished.socket.close()
        time.sleep(0.2)  # the reset arrives
        self.pgwarden.process.send_signal(signal.SIGCONT)
        self.psql("SELECT pg_sleep(0.5)")
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM pg_class WHERE relname = 'kept'"), "1")


if __name__ == "__main__":
    unittest.main()
