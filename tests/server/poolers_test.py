"""pgwarden in front of PgBouncer and behind it, and behind HAProxy: the programs themselves, configured with what is in
config/examples."""

import signal
import subprocess
import threading
import unittest

import psycopg2

from support import ServerTest, eventually
from lib.poolers import HAProxy, PgBouncer, example
from wire import player

PASSWORDS = {"app": "secret", "postgres": ""}
TRUSTING = "auth_type = trust\nserver_check_delay = 0\nserver_check_query = SELECT 1\n"
ONE_CONNECTION = TRUSTING + "default_pool_size = 1\n"
UNDER_TEST = PgBouncer.version()


class PoolerTest(ServerTest):
    extra = "log: {level: debug}\n"
    hba = "host all app 127.0.0.1/32 scram-sha-256"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE ROLE app LOGIN PASSWORD 'secret'; CREATE TABLE kept (v int)")

    def ask(self, session, *steps):
        """Sends these messages, and returns what they are answered, without NoticeResponse and ParameterStatus: the types,
        and the SQLSTATEs of errors."""
        session.received.clear()
        for name, *arguments in steps:
            session.outgoing += player._message(name, arguments)
        session.until("Z", sum(name in ("Query", "Sync", "CopyDone") for name, *_ in steps))
        received = [(tag, body) for tag, body in session.received if tag not in "NS"]
        return "".join(tag for tag, _ in received), [player.error_fields(body)["C"] for tag, body in received if tag == "E"]

    def value(self, session, sql):
        self.assertEqual(self.ask(session, ("Query", sql)), ("TDCZ", []), session.received)
        row = next(body for tag, body in session.received if tag == "D")
        return row[6:].decode()

    def kept(self):
        return self.postgres.psql("postgres", "SELECT string_agg(v::text, ',' ORDER BY v) FROM kept")


class Statements:
    """What holds in every arrangement with PgBouncer."""

    def setUp(self):
        self.postgres.psql("postgres", "TRUNCATE kept")

    def test_a_denial_in_a_transaction(self):
        session = self.raw_session()
        backend = self.value(session, "SELECT pg_backend_pid()")
        self.ask(session, ("Query", "BEGIN"), ("Query", "INSERT INTO kept VALUES (1)"))
        self.assertEqual(self.ask(session, ("Query", "DROP TABLE kept")), ("EZ", ["42501"]))
        self.assertEqual(session.received[-1], ("Z", b"E"))
        self.assertEqual(self.ask(session, ("Query", "SELECT 1")), ("EZ", ["25P02"]))
        self.assertEqual(self.ask(session, ("Query", "COMMIT")), ("CZ", []))
        self.assertEqual(session.received[-1], ("Z", b"I"))
        self.assertEqual(self.value(session, "SELECT pg_backend_pid()"), backend)
        self.ask(session, ("Query", "INSERT INTO kept VALUES (2)"))
        self.assertEqual(self.kept(), "2")

    def test_a_client_that_leaves_after_a_denial(self):
        session = self.raw_session()
        self.ask(session, ("Query", "BEGIN"), ("Query", "DROP TABLE kept"))
        session.socket.close()
        self.assertEqual(self.value(self.raw_session(), "SELECT 1"), "1")

    def test_pipelines(self):
        session = self.raw_session()
        add = [("Parse", "", "INSERT INTO kept VALUES ($1::int)"), ("Bind", "", "", "7"), ("Execute", "")]
        drop = [("Parse", "", "DROP TABLE kept"), ("Bind", "", ""), ("Execute", "")]
        sync = [("Sync",)]
        self.assertEqual(self.ask(session, *add, *drop, *add, *sync), ("12CEZ", ["42501"]))
        self.assertEqual(self.kept(), "")
        self.assertEqual(self.ask(session, *add, *sync, *drop, *sync, *add, *sync), ("12CZEZ12CZ", ["42501"]))
        self.assertEqual(self.kept(), "7,7")
        self.assertEqual(self.ask(session, *(100 * [("Query", "SELECT 1"), ("Query", "DROP TABLE kept")])),
                         (100 * "TDCZEZ", 100 * ["42501"]))

    def test_prepared_statements(self):
        if self.pool_mode == "transaction" and UNDER_TEST < (1, 21):
            self.skipTest("this PgBouncer has none in transaction mode")
        session, other = self.raw_session(), self.raw_session()
        self.assertEqual(self.ask(session, ("Parse", "mine", "SELECT $1::int"), ("Sync",)), ("1Z", []))
        run = [("Bind", "", "mine", "7"), ("Execute", ""), ("Sync",)]
        self.assertEqual(self.ask(session, *run), ("2DCZ", []))
        if self.pool_mode == "transaction":  # on a server connection that has had another client meanwhile
            self.assertEqual(self.ask(other, ("Parse", "mine", "SELECT now()"), ("Sync",)), ("1Z", []))
        self.assertEqual(self.ask(session, *run, *run), ("2DCZ2DCZ", []))
        self.assertEqual(self.ask(session, ("Parse", "bad", "DROP TABLE kept"), ("Sync",)), ("EZ", ["42501"]))
        self.assertEqual(self.ask(session, *run), ("2DCZ", []))
        self.assertEqual(self.ask(session, ("Close", "S", "mine"), ("Sync",)), ("3Z", []))

    def test_copy(self):
        session = self.raw_session()
        session.query("COPY kept FROM STDIN")
        session.until("G", 1)
        self.assertEqual(self.ask(session, ("CopyData", "1\n2\n"), ("CopyDone",)), ("CZ", []))
        self.assertEqual(self.ask(session, ("Query", "COPY kept TO STDOUT")), ("HddcCZ", []))
        self.assertEqual(self.ask(session, ("Query", "COPY kept TO PROGRAM 'true'")), ("EZ", ["42501"]))
        self.assertEqual(self.kept(), "1,2")

    def test_a_statement_is_cancelled(self):
        host, port = self.address("protected")
        psql = subprocess.Popen(["psql", "-X", "-h", host, "-p", str(port), "-U", "postgres", "-c", "SELECT pg_sleep(60)"],
                                stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.assertTrue(eventually(lambda: self.postgres.psql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"))
        psql.send_signal(signal.SIGINT)
        self.assertIn("canceling statement due to user request", psql.communicate(timeout=30)[1])
        self.assertEqual(self.value(self.raw_session(), "SELECT 1"), "1")

    def test_the_server_ends_its_connections(self):
        session = self.raw_session()
        self.ask(session, ("Query", "BEGIN"))
        self.postgres.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                       "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        session.finish()
        self.assertEqual([player.error_fields(body)["S"] for tag, body in session.received[-1:]], ["FATAL"])
        self.assertEqual(self.value(self.raw_session(), "SELECT 1"), "1")

    def test_startup_parameters_and_settings(self):
        with psycopg2.connect(self.dsn() + " client_encoding=LATIN1 application_name=mine") as connection:
            cursor = connection.cursor()
            cursor.execute("SET LOCAL standard_conforming_strings = off")
            cursor.execute("SELECT 'a\\'b', current_setting('client_encoding')")
            self.assertEqual(cursor.fetchone(), ("a'b", "LATIN1"))
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT 'a\\'b'; DROP TABLE kept --'")
        connection.close()


class Sessions(Statements):
    """And what needs a session of one's own."""

    pool_mode = "session"

    def test_listen(self):
        connection = psycopg2.connect(self.dsn())
        connection.autocommit = True
        connection.cursor().execute("LISTEN news")
        self.postgres.psql("postgres", "NOTIFY news, 'hello'")
        self.assertTrue(eventually(lambda: (connection.poll(), connection.notifies)[1]))
        connection.close()


class Transactions(Statements):
    pool_mode = "transaction"


class InFront(PoolerTest):
    """Clients, pgwarden, PgBouncer, the server."""

    settings = ""

    @classmethod
    def upstream(cls):
        cls.pooler = cls.enterClassContext_(PgBouncer(cls.postgres.port, PASSWORDS, cls.settings))
        return cls.pooler


class InFrontOfSessions(Sessions, InFront):
    settings = TRUSTING + "pool_mode = session"

    def test_the_log_knows_the_client(self):
        session = self.raw_session(application_name="told apart")
        self.ask(session, ("Query", "DROP TABLE kept"))
        record = self.log_records("statement denied")[-1]
        self.assertEqual((record["client"], record["application_name"]),
                         ("%s:%d" % session.socket.getsockname(), "told apart"))


class InFrontOfTransactions(Transactions, InFront):
    settings = ONE_CONNECTION

    def test_many_clients_share_a_connection(self):
        sessions = [self.raw_session() for _ in range(20)]
        backends = {self.value(session, "SELECT pg_backend_pid()") for session in sessions}
        self.assertEqual(len(backends), 1)


class InFrontReadOnly(InFront):
    """What holds sessions to reading is a startup parameter, and not one of those that PgBouncer knows by itself."""

    extra = "preset: read_only"
    settings = ONE_CONNECTION

    def test_the_parameter_is_refused(self):
        self.assertIn("unsupported startup parameter: default_transaction_read_only", self.psql("SELECT 1", check=False).stderr)


class InFrontReadOnlyDropped(InFront):
    extra = "preset: read_only"
    settings = ONE_CONNECTION + "ignore_startup_parameters = default_transaction_read_only"

    def test_a_parameter_that_is_dropped_ends_the_session(self):
        self.assertIn("the server does not hold it to read-only transactions", self.psql("SELECT 1", check=False).stderr)


@unittest.skipIf(UNDER_TEST < (1, 20), "this PgBouncer cannot be told of other parameters")
class InFrontReadOnlyTracked(InFront):
    extra = "preset: read_only"
    settings = ONE_CONNECTION + "track_extra_parameters = IntervalStyle, default_transaction_read_only"

    def test_a_parameter_that_is_tracked_holds(self):
        self.postgres.psql("postgres", "CREATE FUNCTION writes() RETURNS void LANGUAGE sql AS 'INSERT INTO kept VALUES (1)'")
        sessions = [self.raw_session(), self.raw_session()]
        other = player.Player(self.pooler.address, False)  # past pgwarden, on the same server connection
        self.addCleanup(other.socket.close)
        other.startup("postgres", "postgres", [], (3, 0))
        other.until("Z", 1)
        for session in 2 * sessions:
            self.assertEqual(self.ask(session, ("Query", "SELECT writes()"))[1], ["25006"])
            self.assertEqual(self.ask(other, ("Query", "SELECT writes()"))[1], [])


class Logins:
    """Both ends want passwords: PgBouncer of its clients, and the server of PgBouncer."""

    def test_a_login(self):
        done = self.psql("SELECT current_user", user="app", environment={"PGPASSWORD": "secret"})
        self.assertEqual(done.stdout, "app\n")
        done = self.psql("SELECT 1", user="app", environment={"PGPASSWORD": "wrong"}, check=False)
        self.assertIn("SASL authentication failed", done.stderr)
        self.assertEqual(self.log_records("statement denied"), [])


class InFrontWithPasswords(Logins, InFront):
    pass


class Behind(PoolerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pooler = cls.enterClassContext_(cls.in_front())

    def address(self, name):
        return self.pooler.address


class BehindPgBouncer(Behind):
    """Clients, PgBouncer, pgwarden, the server."""

    settings = ""
    passwords = PASSWORDS

    @classmethod
    def in_front(cls):
        return PgBouncer(cls.pgwarden.protected[1], cls.passwords, cls.settings)


class BehindSessions(Sessions, BehindPgBouncer):
    settings = TRUSTING + "pool_mode = session"


class BehindTransactions(Transactions, BehindPgBouncer):
    settings = ONE_CONNECTION + "application_name_add_host = 1"

    def test_the_log_knows_the_pooler_and_what_it_says_of_the_client(self):
        session = self.raw_session(application_name="told apart")
        self.ask(session, ("Query", "DROP TABLE kept"))
        record = self.log_records("statement denied")[-1]
        self.assertNotEqual(record["client"], "%s:%d" % session.socket.getsockname())
        self.assertEqual(record["application_name"], "told apart - %s:%d" % session.socket.getsockname())

    def test_pgwarden_is_restarted(self):
        session = self.raw_session()
        self.value(session, "SELECT 1")
        self.pgwarden.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.pgwarden.process.wait(20), 0)
        self.pgwarden.__enter__()
        self.assertEqual(self.value(session, "SELECT 1"), "1")


class BehindReadOnly(BehindPgBouncer):
    extra = "preset: read_only"
    settings = ONE_CONNECTION + "pool_mode = session"

    def test_a_connection_is_cleaned_for_the_next_client(self):
        self.postgres.psql("postgres", "CREATE FUNCTION writes() RETURNS void LANGUAGE sql AS 'INSERT INTO kept VALUES (1)'")
        backends = set()
        for _ in range(3):
            session = self.raw_session()
            backends.add(self.value(session, "SELECT pg_backend_pid()"))
            self.assertNotIn("elsewhere", self.value(session, "SHOW search_path"))
            self.assertEqual(self.ask(session, ("Query", "SET search_path = elsewhere, public"),
                                      ("Query", "PREPARE mine AS SELECT 1")), ("CZCZ", []))
            self.assertEqual(self.ask(session, ("Query", "SELECT public.writes()"))[1], ["25006"])
            self.assertEqual(self.ask(session, ("Query", "INSERT INTO kept VALUES (1)")), ("EZ", ["42501"]))
            session.outgoing += player._message("Terminate", [])
            session.send()
            session.finish()
        self.assertEqual(len(backends), 1)
        denied = [record["statement"] for record in self.log_records("statement denied")]
        self.assertEqual(set(denied), {"INSERT INTO kept VALUES (?)"}, "nothing that PgBouncer itself asked")


class BehindWithPasswords(Logins, BehindPgBouncer):
    """PgBouncer asks the server, through pgwarden, what the passwords are."""

    passwords = {"postgres": ""}
    settings = "auth_user = postgres"


class BehindTerminating(BehindPgBouncer):
    extra = "rules: [{name: out, effect: deny, match: {classes: [ddl_drop]}, on_deny: terminate}]"
    settings = ONE_CONNECTION

    def test_a_rule_that_terminates_ends_the_connection_of_the_pool(self):
        session = self.raw_session()
        backend = self.value(session, "SELECT pg_backend_pid()")
        self.assertEqual(self.ask(session, ("Query", "DROP TABLE kept")), ("EE", ["42501", "08P01"]))
        self.assertNotEqual(self.value(self.raw_session(), "SELECT pg_backend_pid()"), backend)


class BehindHAProxy(Behind):
    """Clients, HAProxy, pgwarden, the server."""

    send = "send-proxy-v2"

    @classmethod
    def in_front(cls):
        text = example("behind_haproxy.yaml", {"10.0.0.5, 10.0.0.6": "127.0.0.1", "10.9.0.0/16": "127.9.0.0/16",
                                               "0.0.0.0:6432": f"127.0.0.1:{cls.pgwarden.protected[1]}",
                                               "db.example.com:5432": f"127.0.0.1:{cls.postgres.port}"})
        cls.pgwarden.write_config(text + cls.extra)
        cls.restart()
        return HAProxy(cls.pgwarden.protected[1], cls.send)

    @classmethod
    def restart(cls):
        cls.pgwarden.process.send_signal(signal.SIGTERM)
        cls.pgwarden.process.wait(20)
        cls.pgwarden.__enter__()

    def test_rules_and_log_know_the_client(self):
        drop = ("Query", "DROP TABLE IF EXISTS nothing")
        self.assertEqual(self.ask(self.raw_session(source="127.9.1.2"), drop), ("CZ", []))
        session = self.raw_session(source="127.8.1.2")
        self.assertEqual(self.ask(session, drop), ("EZ", ["42501"]))
        record = self.log_records("statement denied")[-1]
        self.assertEqual(record["client"], "%s:%d" % session.socket.getsockname())
        self.assertRegex(record["via"], "^127.0.0.1:")

    def test_a_client_cannot_claim_another_address(self):
        for header in (b"PROXY TCP4 127.9.1.2 127.0.0.1 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"):
            session = player.Player(self.pooler.address, False)
            self.addCleanup(session.socket.close)
            session.outgoing = header
            session.startup("postgres", "postgres", [], (3, 0))
            session.until("Z", 1)
            self.assertEqual([(tag, player.error_fields(body)["C"]) for tag, body in session.received], [("E", "08P01")])

    def test_a_statement_is_cancelled(self):
        with psycopg2.connect(self.dsn()) as connection:
            cursor = connection.cursor()
            timer = threading.Timer(0.5, connection.cancel)
            timer.start()
            with self.assertRaises(psycopg2.errors.QueryCanceled):
                cursor.execute("SELECT pg_sleep(60)")
            timer.join()
        connection.close()

    def test_health_checks(self):
        self.assertTrue(eventually(lambda: len(self.checks()) > 3))
        self.assertEqual({record["client"].split(":")[0] for record in self.checks()}, {"127.0.0.1"})
        self.restart()
        self.assertTrue(eventually(lambda: self.psql("SELECT 1", check=False).stdout == "1\n"))

    def checks(self):
        return [record for record in self.log_records("session begins") if record["user"] == "haproxy"]


class BehindHAProxyVersion1(BehindHAProxy):
    send = "send-proxy"


class BehindHAProxyWithoutHeaders(Behind):
    @classmethod
    def in_front(cls):
        return HAProxy(cls.pgwarden.protected[1], "")

    def test_the_client_is_haproxy(self):
        session = self.raw_session()
        self.assertEqual(self.ask(session, ("Query", "DROP TABLE kept")), ("EZ", ["42501"]))
        record = self.log_records("statement denied")[-1]
        self.assertNotEqual(record["client"], "%s:%d" % session.socket.getsockname())
        self.assertRegex(record["client"], "^127.0.0.1:")
        self.assertNotIn("via", record)


if __name__ == "__main__":
    unittest.main()
