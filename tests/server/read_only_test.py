"""The preset read_only holds on the server too: what functions write is refused, and no client can change that."""

import signal
import unittest

from support import PROTECTED, ServerTest, eventually, player

FUNCTIONS = """
    CREATE TABLE victim (id int);
    CREATE SEQUENCE counter;
    CREATE FUNCTION inserts() RETURNS void LANGUAGE sql AS 'INSERT INTO victim VALUES (1)';
    CREATE FUNCTION inserts_as_owner() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN INSERT INTO victim VALUES (1); END $$;
    CREATE FUNCTION drops() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DROP TABLE victim; END $$;
    CREATE FUNCTION drops_as_owner() RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS
        $$ BEGIN DROP TABLE victim; END $$;
    CREATE FUNCTION switches_and_inserts() RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN PERFORM set_config('transaction_read_only', 'off', false); INSERT INTO victim VALUES (1); END $$;
    CREATE FUNCTION inserts_with_setting() RETURNS void LANGUAGE sql SET transaction_read_only = off AS
        'INSERT INTO victim VALUES (1)';
    CREATE FUNCTION inserts_with_default() RETURNS void LANGUAGE sql SET default_transaction_read_only = off AS
        'INSERT INTO victim VALUES (1)';
    CREATE FUNCTION switches_for_later() RETURNS void LANGUAGE sql AS
        $$ SELECT set_config('default_transaction_read_only', 'off', false) $$;
    CREATE ROLE app LOGIN;
    ALTER ROLE app SET default_transaction_read_only = off;
    ALTER DATABASE postgres SET default_transaction_read_only = off;
    GRANT ALL ON victim, counter TO app;
"""
WRITERS = ("inserts()", "inserts_as_owner()", "drops()", "drops_as_owner()", "switches_and_inserts()",
           "inserts_with_setting()", "inserts_with_default()")

SWITCHES = (
    "SET default_transaction_read_only = off",
    "SET SESSION default_transaction_read_only TO 'no'",
    "SET default_transaction_read_only TO DEFAULT",
    'SET "Default_Transaction_Read_Only" = 0',
    "RESET default_transaction_read_only",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY, READ WRITE",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT set_config('default_' || 'transaction_read_only', 'off', false)",
    "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'default_transaction_read_only'",
    "UPDATE pg_settings SET setting = 'off' WHERE name = 'default_transaction_read_only'",
    "ALTER ROLE postgres SET default_transaction_read_only = off",
    "DO $$ BEGIN COMMIT; SET TRANSACTION READ WRITE; INSERT INTO victim VALUES (1); END $$",
    "BEGIN READ WRITE",
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
    "START TRANSACTION READ ONLY, READ WRITE",
    "BEGIN; SET TRANSACTION READ WRITE",
    "BEGIN; SET LOCAL transaction_read_only = off",
    "BEGIN; RESET transaction_read_only",
    "BEGIN; SET transaction_read_only TO DEFAULT",
    "BEGIN; SELECT set_config('transaction_read_only', 'off', true)",
    "BEGIN; SAVEPOINT s; SET TRANSACTION READ WRITE",
)
# What changes nothing for the session stays allowed.
HARMLESS = (
    "RESET ALL", "DISCARD ALL", "SET default_transaction_read_only = on", "SET ROLE app", "RESET ROLE",
    "BEGIN READ ONLY; COMMIT AND CHAIN; COMMIT",
    "BEGIN; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY; COMMIT",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "BEGIN; ROLLBACK AND CHAIN; RESET ALL; ROLLBACK", "NOTIFY channel",
)
# "options" is applied before the parameters of the packet, these in their order.
STARTUP_OPTIONS = (
    "-c default_transaction_read_only=off", "-cdefault_transaction_read_only=off",
    "--default_transaction_read_only=off", "--default-transaction-read-only=off",
    "--DEFAULT-Transaction_Read-Only=0", r"-c default_transaction_read_only=\o\f\f",
    "-c transaction_read_only=off",
    "-c search_path=public -c default_transaction_read_only=off",
)


class ReadOnly(ServerTest):
    extra = "preset: read_only\n"
    conf = "max_prepared_transactions = 2"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", FUNCTIONS)

    def tearDown(self):
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM victim"), "0")

    def login(self, *parameters, user="postgres", address=PROTECTED):
        session = player.Player(getattr(self.pgwarden, address), False)
        self.addCleanup(session.socket.close)
        session.startup(user, "postgres", parameters, (3, 0))
        session.until("Z", 1)
        return session

    def answer(self, session, sql):
        """The SQLSTATE of the error that `sql` gives, or its first column; None when it gives nothing."""
        session.received.clear()
        session.query(sql)
        session.until("Z", 1)
        for tag, body in session.received:
            if tag == "E":
                return player.error_fields(body)["C"]
            if tag == "D":
                return body[6:].decode()
        return None

    def assert_read_only(self, session):
        self.assertEqual(self.answer(session, "SHOW transaction_read_only"), "on")
        self.assertEqual(self.answer(session, "SELECT inserts()"), "25006")

    def test_functions_cannot_write(self):
        for user in ("postgres", "app"):
            session = self.login(user=user)
            for call in WRITERS:
                with self.subTest(call, user=user):
                    self.assertIn(self.answer(session, f"SELECT {call}"), ("25006", "25001"))
                    self.assertIn(self.answer(session, f"BEGIN; SELECT {call}"), ("25006", "25001"))
                    self.answer(session, "ROLLBACK")
            self.assertEqual(self.answer(session, "SELECT nextval('counter')"), "25006")
            self.assert_read_only(session)

    def test_no_spelling_switches_it_off(self):
        session = self.login()
        for sql in SWITCHES:
            with self.subTest(sql):
                self.assertEqual(self.answer(session, sql), "42501")
                self.answer(session, "ROLLBACK")
                session.outgoing += (player._message("Parse", ["", sql.replace("BEGIN; ", "")])
                                     + player._message("Bind", ["", ""]) + player._message("Execute", [""])
                                     + player._message("Sync", []))
                session.received.clear()
                session.until("Z", 1)
                self.assertEqual([tag for tag, _ in session.received], ["E", "Z"])
                self.assert_read_only(session)

    def test_a_denied_switch_and_a_write_in_one_segment(self):
        session = self.login()
        for sql in ("BEGIN READ WRITE", "SET default_transaction_read_only = off"):
            session.received.clear()
            session.query(sql)
            session.query("SELECT inserts()")
            session.outgoing += player._message("Parse", ["", sql]) + player._message("Parse", ["", "SELECT inserts()"])
            session.outgoing += player._message("Sync", [])
            session.query("SELECT inserts(); COMMIT")
            session.until("Z", 4)
            self.assertEqual([player.error_fields(body)["C"] for tag, body in session.received if tag == "E"],
                             ["42501", "25006", "42501", "25006"])

    def test_what_is_harmless_passes_and_leaves_it_on(self):
        session = self.login()
        for sql in HARMLESS:
            with self.subTest(sql):
                for part in sql.split("; "):
                    self.assertIsNone(self.answer(session, part))
                self.assert_read_only(session)

    def test_no_startup_parameter_switches_it_off(self):
        for options in STARTUP_OPTIONS:
            with self.subTest(options):
                session = self.login(("options", options))
                self.assert_read_only(session)
                self.assertIsNone(self.answer(session, "DISCARD ALL"))
                self.assert_read_only(session)
        for parameters in ((("default_transaction_read_only", "off"), ("Default_Transaction_Read_Only", "off")),
                           (("transaction_read_only", "off"), ("options", STARTUP_OPTIONS[0]))):
            with self.subTest(parameters):
                self.assert_read_only(self.login(*parameters))

    def test_temporary_tables_are_denied_as_the_server_would(self):
        self.assertIn("read-only", self.psql("CREATE TEMP TABLE t (a int)", check=False).stderr)

    def test_a_function_that_switches_it_off_for_later_ends_the_session(self):
        session = self.login()
        session.query("SELECT switches_for_later()")
        session.until("Z", 1)
        tag, body = session.received[-1]
        self.assertEqual((tag, player.error_fields(body)["V"], player.error_fields(body)["C"]), ("E", "FATAL", "25006"))
        self.assertIsNone(session.read_message())

    def test_a_host_that_is_not_protected_is_as_it_was(self):
        session = self.login(address="unprotected")
        self.assertEqual(self.answer(session, "SHOW transaction_read_only"), "off")

    def test_a_running_session_keeps_what_it_began_with(self):
        original = self.pgwarden.config.read_text(encoding="utf-8")
        session = self.login()
        self.reload(original.replace("preset: read_only", "preset: observe"))
        self.assert_read_only(session)
        self.assertEqual(self.answer(self.login(), "SHOW transaction_read_only"), "off")
        self.reload(original)

    def reload(self, text):
        seen = len(self.log_records("reloaded"))
        self.pgwarden.write_config(text)
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: len(self.log_records("reloaded")) > seen), self.pgwarden.log_text())


if __name__ == "__main__":
    unittest.main()
