"""An agent with a database tool: MCP servers of npm behind pgwarden, their ordinary work, and the published ways past
guards like theirs. Each attack is first run without pgwarden, where it has to do the harm that it is said to do."""

import itertools
import os
import pathlib
import re
import struct
import sys
import time
import unittest
import urllib.parse

import psycopg2

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from attacks import ATTACKS, LOSSES, OF_ROWS, Attack, Told  # noqa: E402
from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from mcp import CAPABLE, REFERENCE, McpServer  # noqa: E402
from wire import player  # noqa: E402

BINARY = os.environ["PGWARDEN_BINARY"]
CONF = """
max_connections = 400
max_prepared_transactions = 2
autovacuum = off
shared_preload_libraries = 'pg_cron'
shared_buffers = 64MB
"""
# The server lets the agent in over its Unix-domain socket only, where pgwarden (and what runs without it) is.
HBA = "host all agent 127.0.0.1/32 reject"
DENIED = r'cannot [^\n]+: rule "[-a-z]+" denies it on protected host "[^"]+" \(pgwarden [0-9A-Z]{6}\)'
READ_ONLY_TRANSACTION = "in a read-only transaction"
# What must not change, whatever the agent tries: the rows of all of these.
STATE = {
    "store": (
        "public.customers", "public.orders", 'public."Order Lines"', "(SELECT last_value FROM public.orders_id_seq)",
        "(SELECT oid, relname, relnamespace, relowner, relacl FROM pg_class "
        "WHERE oid > 16383 AND relpersistence <> 't')",
        "(SELECT oid, proname, prosrc, proacl FROM pg_proc WHERE oid > 16383)",
        "(SELECT nspname, nspacl FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_')",
        "pg_authid", "pg_auth_members", "pg_extension", "pg_foreign_server", "pg_subscription", "pg_publication",
        "pg_prepared_xacts", "pg_largeobject", "pg_db_role_setting",
        "(SELECT name, setting FROM pg_file_settings WHERE sourcefile ~ 'auto.conf')", "pg_ls_dir('.')",
        "(SELECT datname FROM pg_database)", "(SELECT slot_name FROM pg_replication_slots)",
    ),
    "postgres": ("cron.job",),
}
SELECTS = (
    "SELECT * FROM orders ORDER BY id LIMIT 5",
    "SELECT name, total FROM order_totals ORDER BY 1",
    'SELECT "Article" FROM "Order Lines" WHERE "order" = 7',
    "WITH big AS (SELECT * FROM orders WHERE total > 40) SELECT count(*), sum(total) FROM big",
    "SELECT id, rank() OVER (PARTITION BY customer ORDER BY total DESC) FROM orders ORDER BY 2, 1 LIMIT 4",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
    "EXPLAIN (COSTS OFF) SELECT * FROM orders WHERE id = 3",
    "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM orders",
    "SHOW search_path", "SELECT current_setting('server_version_num')::int > 0 AS ok",
    "SELECT 'DROP TABLE orders; -- DELETE' AS text, E'a\\'b' AS quoted, 'Größe, 大きさ' AS words",
    "SELECT relname, reltuples >= -1 AS counted FROM pg_class WHERE relname = 'orders'",
    "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'orders' ORDER BY 1",
    "SELECT query_to_xml('SELECT id FROM customers ORDER BY 1', true, false, '') IS NOT NULL AS xml",
    "VALUES (1, 'a'), (2, 'b')", "TABLE customers",
    "SELECT no_such_column FROM orders",
)
READING_CALLS = (
    *(("pg_execute_sql", {"sql": sql}) for sql in SELECTS[:-1]),
    ("pg_execute_sql", {"sql": "SELECT count(*) FROM orders WHERE id > $1 AND note LIKE $2",
                        "parameters": [3, "order%"]}),
    ("pg_execute_sql", {"sql": "SELECT count(*) FROM orders", "transactional": True}),
    ("pg_execute_query", {"operation": "select", "query": "SELECT * FROM orders ORDER BY id", "limit": 3}),
    ("pg_execute_query", {"operation": "count", "query": "SELECT * FROM orders WHERE id < $1", "parameters": [9]}),
    ("pg_execute_query", {"operation": "exists", "query": "SELECT FROM customers WHERE name = 'Ann'"}),
    ("pg_manage_schema", {"operation": "get_info"}), ("pg_manage_schema", {"operation": "get_enums"}),
    ("pg_manage_schema", {"operation": "get_info", "tableName": "orders"}),
    ("pg_manage_constraints", {"operation": "get", "tableName": "orders"}),
    ("pg_manage_functions", {"operation": "get"}),
    ("pg_manage_triggers", {"operation": "get"}), ("pg_manage_rls", {"operation": "get_policies"}),
    ("pg_manage_users", {"operation": "list"}),
    ("pg_manage_comments", {"operation": "bulk_get", "objectType": "table"}),
    ("pg_manage_query", {"operation": "explain", "query": "SELECT * FROM orders"}),
    ("pg_analyze_database", {"analysisType": "configuration"}), ("pg_debug_database", {"issue": "locks"}),
)
SESSIONS = itertools.count()


def url(directory, port, database):
    return f"postgres://agent@{urllib.parse.quote(directory, safe='')}:{port}/{database}"


def enter(case, manager):
    value = manager.__enter__()
    case.addClassCleanup(manager.__exit__, None, None, None)
    return value


class AgentTest(unittest.TestCase):
    """A server with a shop in the database `store`, and pgwarden."""

    preset = "read_only"

    @classmethod
    def setUpClass(cls):
        cls.postgres = enter(cls, ScratchPostgres(CONF, HBA))
        cls.pgwarden = enter(cls, Pgwarden(BINARY, cls.postgres, f"preset: {cls.preset}\n"))
        cls.server = enter(cls, McpServer(CAPABLE))
        cls.cursors = {"postgres": cls.cursor("postgres")}
        for sql in ("CREATE ROLE agent SUPERUSER LOGIN", "CREATE EXTENSION pg_cron", "CREATE DATABASE store",
                    "CREATE DATABASE spare", "SELECT pg_create_physical_replication_slot('standby')"):
            cls.cursors["postgres"].execute(sql)
        cls.cursors["postgres"].execute("SHOW data_directory")
        cls.data = cls.cursors["postgres"].fetchone()[0]
        cls.cursors["store"] = cls.cursor("store")
        shop = (HERE / "shop.sql").read_text(encoding="utf-8")
        cls.shop = shop.replace("@SOCKET@", cls.postgres.socket_directory).replace("@PORT@", str(cls.postgres.port))
        cls.rows = (HERE / "rows.sql").read_text(encoding="utf-8")
        cls.make_shop()

    @classmethod
    def cursor(cls, database):
        connection = psycopg2.connect(host="127.0.0.1", port=cls.postgres.port, user="postgres", dbname=database)
        connection.autocommit = True
        cls.addClassCleanup(connection.close)
        return connection.cursor()

    @classmethod
    def make_shop(cls):
        cls.cursors["store"].execute(cls.shop + cls.rows)
        cls.cursors["postgres"].execute("DELETE FROM cron.job")

    @classmethod
    def direct_url(cls, database="store"):
        return url(cls.postgres.socket_directory, cls.postgres.port, database)

    @classmethod
    def guarded_url(cls, database="store"):
        directory, name = os.path.split(cls.pgwarden.socket_path)
        return url(directory, name.rpartition(".")[2], database)

    def text(self, sql):
        own = f"host={self.postgres.socket_directory} port={self.postgres.port} dbname=store user=agent"
        return sql.replace("@SELF@", own).replace("@DATA@", self.data)

    def run_attack(self, base_url, attack, parameters=None):
        """What an agent reads of all steps of the attack, in a session of their own."""
        # Whatever makes URLs different; the server keeps a pool of connections for each.
        own = f"{base_url}{attack.options or '?'}&session={next(SESSIONS)}"
        answers = []
        for step in attack.steps:
            argument = "query" if attack.tool == "pg_execute_query" else "sql"
            arguments = {argument: self.text(step), "operation": "select"}
            if step is attack.steps[-1]:
                arguments["parameters"] = [self.text(value) if isinstance(value, str) else value
                                           for value in parameters or attack.parameters]
            answers.append(self.server.call(attack.tool, connectionString=own, **arguments))
        return "\n".join(answers)

    def run_attack_in(self, reference, attack):
        """The same with a reference server, which has one session for all."""
        return "\n".join(reference.call("query", sql=self.text(step)) for step in attack.steps)

    def is_done(self, attack, answers):
        """Whether the attack has done its harm."""
        if isinstance(attack.harm, Told):
            return attack.harm.text in answers
        cursor = self.cursors[attack.database]
        try:
            cursor.execute(attack.harm)
            return cursor.fetchone()[0]
        except psycopg2.errors.UndefinedTable:
            return False

    def state(self):
        state = []
        for database, tables in STATE.items():
            sums = (f"(SELECT md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {table} t)" for table in tables)
            self.cursors[database].execute("SELECT " + ", ".join(sums))
            state += zip(tables, self.cursors[database].fetchone())
        if self.preset == "read_only":
            # Which says that nobody has written anything at all, not even to undo it.
            self.cursors["store"].execute("SELECT pg_snapshot_xmax(pg_current_snapshot())")
            state.append(("next transaction ID", self.cursors["store"].fetchone()[0]))
        return state


class Direct(AgentTest):
    """Without pgwarden the attacks succeed: the tests below would prove nothing otherwise."""

    def setUp(self):
        # What the attacks of the other test leave outside the shop.
        execute = self.cursors["postgres"].execute
        execute("COPY (SELECT) TO PROGRAM 'rm -f pwned*'")
        execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
        execute("SELECT pg_create_physical_replication_slot('standby')")
        self.cursors["store"].execute("SELECT gid FROM pg_prepared_xacts")
        for (gid,) in self.cursors["store"].fetchall():
            self.cursors["store"].execute(f"ROLLBACK PREPARED '{gid}'")

    def check(self, attack, run):
        with self.subTest(attack.row, attack=attack.name):
            self.assertFalse(self.is_done(attack, ""))
            answers = run()
            self.assertTrue(self.is_done(attack, answers), answers)
        if attack.harm in OF_ROWS:
            self.cursors["store"].execute(self.rows)
        elif not isinstance(attack.harm, Told):
            self.make_shop()

    def test_attacks_do_their_harm(self):
        for attack in ATTACKS:
            self.check(attack, lambda attack=attack: self.run_attack(self.direct_url(attack.database), attack))

    def test_some_get_out_of_a_read_only_transaction(self):
        """Which is all that the reference server has against them."""
        with McpServer(REFERENCE, self.direct_url()) as reference:
            for attack in ATTACKS:
                if not attack.escapes:
                    continue
                self.check(attack, lambda: self.run_attack_in(reference, attack))
                reference.call("query", sql="COMMIT; RESET ALL; DEALLOCATE ALL")


class ReadOnly(AgentTest):
    """Behind pgwarden with the preset read_only the agent can work, and none of its attacks does anything."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reference = enter(cls, McpServer(REFERENCE, cls.guarded_url()))

    def check(self, attack, answers):
        self.assertRegex(answers, READ_ONLY_TRANSACTION if attack.hidden else DENIED)
        self.assertFalse(self.is_done(attack, answers), answers)
        self.assertEqual(self.state(), self.before)

    def test_the_reference_server_works(self):
        with McpServer(REFERENCE, self.direct_url()) as direct:
            self.assertEqual(direct.description, self.reference.description)
            tools = [server.request("tools/list")["result"] for server in (direct, self.reference)]
            self.assertEqual(*tools)
            resources = [server.request("resources/list")["result"]["resources"] for server in (direct, self.reference)]
            self.assertEqual(*([r["name"] for r in listed] for listed in resources))
            self.assertIn('"orders" database schema', [r["name"] for r in resources[1]])
            for ours, theirs in zip(*resources):
                schemas = [server.request("resources/read", uri=resource["uri"])["result"]["contents"][0]["text"]
                           for server, resource in ((direct, ours), (self.reference, theirs))]
                self.assertEqual(*schemas)
            for sql in SELECTS:
                with self.subTest(sql):
                    answer = self.reference.call("query", sql=sql)
                    self.assertEqual(direct.call("query", sql=sql), answer)
                    self.assertNotIn("pgwarden", answer)

    def test_the_capable_server_works(self):
        self.assertIn("pg_execute_sql", [tool["name"] for tool in self.server.request("tools/list")["result"]["tools"]])
        for tool, arguments in READING_CALLS:
            with self.subTest(tool, arguments=arguments):
                answers = [self.server.call(tool, connectionString=own, **arguments)
                           for own in (self.direct_url(), self.guarded_url())]
                self.assertEqual(*answers)
                self.assertNotRegex(answers[1], "pgwarden|MCP error")

    def test_attacks_are_refused(self):
        self.before = self.state()
        for attack in ATTACKS:
            with self.subTest(attack.row, attack=attack.name):
                self.check(attack, self.run_attack(self.guarded_url(attack.database), attack))

    def test_attacks_are_refused_in_the_extended_protocol(self):
        """Each is a Parse message here, because a parameter comes with it, which none of them has a use for."""
        self.before = self.state()
        for attack in ATTACKS:
            if ";" in attack.steps[-1] or attack.parameters or attack.hidden or attack.tool == "pg_execute_query":
                continue
            with self.subTest(attack.row, attack=attack.name):
                self.check(attack, self.run_attack(self.guarded_url(attack.database), attack, parameters=[1]))

    def test_attacks_are_refused_in_the_reference_server(self):
        self.before = self.state()
        for attack in ATTACKS:
            if not attack.escapes:
                continue
            with self.subTest(attack.row, attack=attack.name):
                self.check(attack, self.run_attack_in(self.reference, attack))

    def test_what_does_no_harm_passes(self):
        """A role's rights, and calling other sessions, are not pgwarden's business; what the role may then do, is."""
        for sql in ("SELECT set_config('role', 'pg_monitor', false)", "SELECT pg_notify('jobs', 'run')"):
            with self.subTest(sql):
                answers = [self.run_attack(own, Attack("", sql, "")) for own in (self.direct_url(), self.guarded_url())]
                self.assertEqual(*answers)
                self.assertIn("executed successfully", answers[1])

    def test_texts_that_only_a_guard_would_choke_on(self):
        """Deeper than PostgreSQL itself accepts: refused at once, and the next statement is answered."""
        for text in ("SELECT " + "1+" * 500_000 + "1", "SELECT " + "(" * 200_000 + "1" + ")" * 200_000,
                     "SELECT " + "NOT " * 300_000 + "true", "SELECT " + "ARRAY[" * 50_000 + "1" + "]" * 50_000,
                     "SELECT 1" + " UNION SELECT 1" * 50_000, "DROP TABLE " + "a, " * 50_000 + "orders",
                     "SELECT " + "CASE WHEN true THEN " * 50_000 + "1" + " END" * 50_000,
                     "SELECT '" + "\\" * 900_000 + "'; DROP TABLE orders; --'", "SELECT 1 /* " + "/*" * 400_000):
            with self.subTest(text[:40]):
                before = self.state()
                started = time.monotonic()
                answer = self.reference.call("query", sql=text)
                self.assertLess(time.monotonic() - started, 10)
                self.assertRegex(answer, DENIED)
                self.assertIn("40", self.reference.call("query", sql="SELECT count(*) FROM orders"))
                self.assertEqual(self.state(), before)

    def test_no_other_protocol_hides_what_is_sent(self):
        """What is not answered with encryption goes on in the clear, under the same rules."""
        for code in (80877103, 80877104):  # SSLRequest, GSSENCRequest
            session = player.Player(self.pgwarden.protected, False)
            self.addCleanup(session.socket.close)
            session.socket.sendall(struct.pack("!II", 8, code))
            self.assertEqual(session.socket.recv(1), b"N")
            session.startup("postgres", "store", (), (3, 0))
            session.until("Z", 1)
            session.received.clear()
            session.query("DROP TABLE orders CASCADE")
            session.until("Z", 1)
            errors = [player.error_fields(body)["C"] for tag, body in session.received if tag == "E"]
            self.assertEqual(errors, ["42501"])

    def test_the_server_lets_the_agent_in_through_pgwarden_only(self):
        """Another connection string is of no use where the server's pg_hba.conf says so; no proxy could."""
        around = f"postgres://agent@127.0.0.1:{self.postgres.port}/store"
        answer = self.server.call("pg_execute_sql", connectionString=around, sql="SELECT 1")
        self.assertIn("pg_hba.conf rejects connection", answer)


class Guarded(AgentTest):
    """Behind pgwarden with the preset guarded the agent may write, and none of its attacks loses data."""

    preset = "guarded"

    def test_attacks_that_lose_data_are_refused(self):
        before = self.state()
        for attack in ATTACKS:
            if attack.harm not in LOSSES or attack.hidden:
                continue
            with self.subTest(attack.row, attack=attack.name):
                answers = self.run_attack(self.guarded_url(attack.database), attack)
                self.assertRegex(answers, DENIED)
                self.assertFalse(self.is_done(attack, answers), answers)
                self.assertEqual(self.state(), before)


if __name__ == "__main__":
    unittest.main()
