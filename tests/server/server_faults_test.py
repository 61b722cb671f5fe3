"""The server fails in the middle of something. Clients see what they would see on a direct connection, nothing is sent to
a server a second time, and the next session works."""

import socket
import subprocess
import threading
import unittest

import psycopg2
from support import BINARY, ServerTest, eventually
from lib.servers import Pgwarden
from wire import player

ROWS = "SELECT repeat('x', 1000) FROM generate_series(1, {})"


class Faults(ServerTest):
    conf = "log_statement = all\nlog_min_messages = warning"

    def session(self, direct=False):
        """Logged in, with nothing received yet."""
        if direct:
            session = player.Player(self.postgres.address, True)
            session.startup("postgres", "postgres", [], (3, 0))
            session.until("Z", 1)
            self.addCleanup(session.socket.close)
            session.received.clear()
            return session
        return self.raw_session()

    def executed(self, mark):
        """How often the server was asked to do what has this mark."""
        return sum(mark in line and "LOG:" in line for line in self.postgres.log_text().splitlines())

    def end_of(self, session):
        """Types of the messages that came until the end, rows left out, and the SQLSTATEs of those with one."""
        session.finish()
        return [(tag, player.error_fields(body).get("C", "") if tag in "EN" else "")
                for tag, body in session.received if tag not in ("D", "cut")]

    def ends(self, play):
        """What a session sees, directly and through pgwarden, that `play` has brought to a point where the server fails."""
        seen = {}
        for direct in (True, False):
            session = self.session(direct)
            play(session)
            self.postgres.kill()
            seen[direct] = self.end_of(session)
            self.postgres.restart()
        self.assertEqual(self.psql("SELECT 'works'").stdout.strip(), "works")
        return seen[True], seen[False]


class Killed(Faults):
    """SIGKILL to all of its processes."""

    def test_amid_a_result(self):
        def play(session):
            session.query(ROWS.format(1_000_000) + " /* mark-result */")
            session.until("D", 1000)

        direct, proxied = self.ends(play)
        self.assertEqual(direct, proxied)
        self.assertEqual(proxied, [("T", "")])
        self.assertEqual(self.executed("mark-result"), 2)

    def test_amid_copy_in(self):
        self.postgres.psql("postgres", "CREATE TABLE copied (v text)")

        def play(session):
            session.query("COPY copied FROM STDIN /* mark-copy */")
            session.until("G", 1)
            for _ in range(100):
                session.outgoing += b"d" + (4 + 1001).to_bytes(4, "big") + b"x" * 1000 + b"\n"
            session.send()

        direct, proxied = self.ends(play)
        self.assertEqual(direct, proxied)
        self.assertEqual(proxied, [("G", "")])
        self.assertEqual(self.executed("mark-copy"), 2)
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM copied"), "0")

    def test_between_parse_and_sync(self):
        self.postgres.psql("postgres", "CREATE TABLE parsed (v int)")

        def play(session):
            for name, *args in (("Parse", "", "INSERT INTO parsed VALUES (1) /* mark-parse */"), ("Bind", "", ""),
                                ("Execute", ""), ("Flush",)):
                session.outgoing += player._message(name, args)
            session.until("C", 1)

        direct, proxied = self.ends(play)
        self.assertEqual(direct, proxied)
        self.assertEqual(proxied, [("1", ""), ("2", ""), ("C", "")])
        self.assertEqual(self.executed("mark-parse"), 2)
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM parsed"), "0")

    def test_one_backend_is_killed(self):
        """The server ends all sessions then, and says so to those that it had not killed itself."""
        seen = {}
        for direct in (True, False):
            killed, other = self.session(direct), self.session(direct)
            killed.query("SELECT pg_backend_pid()")
            killed.until("Z", 1)
            row = next(body for tag, body in killed.received if tag == "D")
            killed.received.clear()
            subprocess.run(["kill", "-KILL", row[6:].decode()], check=True)
            seen[direct] = self.end_of(killed), self.end_of(other)
            self.assertTrue(eventually(self.is_up))
        self.assertEqual(seen[True], seen[False])
        self.assertIn("57P02", [code for _, code in seen[False][1]])
        self.assertEqual(self.psql("SELECT 'works'").stdout.strip(), "works")

    def is_up(self):
        try:
            return self.postgres.psql("postgres", "SELECT 1") == "1"
        except subprocess.CalledProcessError:
            return False


class Restarted(Faults):
    def test_sessions_end_as_the_server_says_and_new_ones_begin(self):
        idle, busy = self.session(), self.session()
        busy.query("SELECT pg_sleep(600) /* mark-sleep */")
        busy.send()
        self.assertTrue(eventually(lambda: self.executed("mark-sleep") == 1))
        self.postgres.restart()
        for session in (idle, busy):
            self.assertEqual(self.end_of(session)[-1], ("E", "57P01"))
        self.assertEqual(self.psql("SELECT 'works'").stdout.strip(), "works")
        self.assertEqual(self.executed("mark-sleep"), 1)

    def test_while_it_is_down_clients_are_told_which_server_is(self):
        self.postgres.kill()
        self.addCleanup(self.postgres.restart)
        refused = self.psql("SELECT 1", check=False).stderr
        self.assertIn(f'pgwarden could not connect to upstream "127.0.0.1:{self.postgres.port}": Connection refused', refused)
        self.assertIsNone(self.pgwarden.process.poll())


class Silent(ServerTest):
    """One that accepts connections and says nothing."""

    def setUp(self):
        silent = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(silent.close)
        self.silent = silent
        self.port = silent.getsockname()[1]

    def answer(self, limits, query=""):
        """What a client gets in the end, and whether others were served in the meantime."""
        pgwarden = Pgwarden(BINARY, self.postgres)
        pgwarden.write_config(f"""
workers: 1
listeners:
  - {{listen: "127.0.0.1:{pgwarden.protected[1]}", upstream: "postgres://127.0.0.1:{self.port}/{query}"}}
  - {{listen: "127.0.0.1:{pgwarden.unprotected[1]}", upstream: "postgres://127.0.0.1:{self.postgres.port}"}}
limits: {{{limits}}}
""")
        with pgwarden:
            waiting = player.Player(pgwarden.protected, False)
            self.addCleanup(waiting.socket.close)
            waiting.startup("postgres", "postgres", [], (3, 0))
            waiting.send()
            other = psycopg2.connect("host={} port={} user=postgres dbname=postgres".format(*pgwarden.unprotected))
            self.addCleanup(other.close)
            self.assertEqual(self.one(other, "SELECT 1"), 1)
            waiting.finish()
            self.assertEqual(self.one(other, "SELECT 2"), 2)
        fields = player.error_fields(waiting.received[-1][1])
        return len(waiting.received), fields["V"], fields["C"], fields["M"]

    def test_the_login_times_out(self):
        self.assertEqual(self.answer("login_timeout: 1s"),
                         (1, "FATAL", "57014", "canceling authentication due to timeout"))

    def test_the_answer_to_an_ssl_request_does(self):
        self.assertEqual(self.answer("upstream_connect_timeout: 1s", "?sslmode=require"),
                         (1, "FATAL", "08006", f'pgwarden could not connect to upstream "127.0.0.1:{self.port}": '
                                               "timeout expired"))

    def test_clients_that_have_left_are_not_waited_for(self):
        accepted = []
        threading.Thread(target=lambda: accepted.append(self.silent.accept()[0])).start()
        pgwarden = Pgwarden(BINARY, self.postgres)
        pgwarden.write_config(f"listeners: [{{listen: '127.0.0.1:{pgwarden.protected[1]}', "
                              f"upstream: 'postgres://127.0.0.1:{self.port}'}}]\n")
        with pgwarden:
            leaving = player.Player(pgwarden.protected, False)
            leaving.startup("postgres", "postgres", [], (3, 0))
            leaving.send()
            self.assertTrue(eventually(lambda: accepted))
            leaving.socket.close()
            with accepted[0] as server:
                server.settimeout(player.TIMEOUT_S)
                while server.recv(65536):
                    pass


if __name__ == "__main__":
    unittest.main()
