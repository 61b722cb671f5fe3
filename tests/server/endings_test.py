"""How sessions and the proxy end, and that no byte in flight is lost."""

import signal
import socket
import subprocess
import time
import unittest

from support import BINARY, ServerTest, eventually
from lib.servers import Pgwarden
from wire import player


class Vanishing(ServerTest):
    def test_a_client_that_vanishes_takes_its_backend_with_it(self):
        session = self.raw_session(application_name="vanishing")
        self.assertEqual(self.backends("vanishing"), 1)
        session.socket.close()
        self.assertTrue(eventually(lambda: self.backends("vanishing") == 0))

    def test_a_client_that_is_reset_takes_its_backend_with_it(self):
        session = self.raw_session(application_name="resetting")
        linger = b"\1\0\0\0\0\0\0\0"
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        session.socket.close()
        self.assertTrue(eventually(lambda: self.backends("resetting") == 0))

    def test_a_backend_that_is_terminated_says_so_to_its_client(self):
        session = self.raw_session(application_name="terminated")
        self.postgres.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                       "WHERE application_name = 'terminated'")
        session.finish()
        self.assertEqual(player.error_fields(session.received[-1][1])["C"], "57P01")

    def test_a_backend_killed_while_a_result_is_read_loses_no_byte_already_sent(self):
        session = self.raw_session(application_name="streaming")
        session.query("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")
        session.until("D", 1)
        time.sleep(0.3)  # the buffers between are full now
        self.postgres.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                       "WHERE application_name = 'streaming'")
        session.finish()
        tags = [tag for tag, _ in session.received]
        self.assertNotIn("cut", tags[:-1])
        self.assertIn("D", tags[-3])

    def test_an_upstream_that_is_not_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            done = subprocess.run(
                ["bash", "-c", f"{BINARY} run postgres://u@127.0.0.1:{unused.getsockname()[1]}/d --listen 127.0.0.1:0 "
                 "-- bash -c 'psql -X -c \"SELECT 1\" \"$DATABASE_URL\"'"], capture_output=True, text=True, check=False)
            self.assertIn("pgwarden could not connect to upstream", done.stderr)


class Shutdown(ServerTest):
    def start(self, extra=""):
        pgwarden = Pgwarden(BINARY, self.postgres, extra)
        pgwarden.__enter__()
        self.addCleanup(pgwarden.__exit__, None, None, None)
        return pgwarden

    def in_transaction(self, pgwarden):
        session = self.raw_session(pgwarden)
        session.query("BEGIN")
        session.until("Z", 1)
        session.received.clear()
        return session

    def assert_terminated(self, session):
        session.finish()
        self.assertEqual([(tag, player.error_fields(body)["C"]) for tag, body in session.received], [("E", "57P01")])

    def test_idle_sessions_end_with_57P01_and_running_transactions_may_end(self):
        pgwarden = self.start("limits: {drain_timeout: 30s}")
        idle, busy = self.raw_session(pgwarden), self.in_transaction(pgwarden)
        pgwarden.process.send_signal(signal.SIGTERM)
        self.assert_terminated(idle)
        with socket.socket() as late:
            self.assertNotEqual(late.connect_ex(pgwarden.protected), 0)
        busy.query("SELECT 1")
        busy.until("Z", 1)
        self.assertEqual([tag for tag, _ in busy.received], ["T", "D", "C", "Z"])
        busy.received.clear()
        busy.query("COMMIT")
        busy.until("Z", 1)
        self.assertEqual([tag for tag, _ in busy.received], ["C", "Z"])
        busy.received.clear()
        self.assert_terminated(busy)
        self.assertEqual(pgwarden.process.wait(10), 0)

    def test_the_drain_ends_in_time(self):
        pgwarden = self.start("limits: {drain_timeout: 500ms}")
        busy = self.in_transaction(pgwarden)
        began = time.monotonic()
        pgwarden.process.send_signal(signal.SIGTERM)
        self.assert_terminated(busy)
        self.assertGreater(time.monotonic() - began, 0.4)
        self.assertEqual(pgwarden.process.wait(10), 0)

    def test_a_statement_that_outlives_the_drain_is_cancelled(self):
        self.postgres.psql("postgres", "CREATE TABLE kept (v int); INSERT INTO kept VALUES (1)")
        pgwarden = self.start("limits: {drain_timeout: 300ms}")
        busy = self.raw_session(pgwarden, application_name="outliving")
        busy.query("UPDATE kept SET v = 2 WHERE v = 1 AND pg_sleep(3) IS NOT NULL")
        busy.send()
        time.sleep(0.3)
        pgwarden.process.send_signal(signal.SIGTERM)
        self.assert_terminated(busy)
        self.assertTrue(eventually(lambda: self.backends("outliving") == 0))
        self.assertEqual(self.postgres.psql("postgres", "SELECT v FROM kept"), "1")

    def test_a_second_signal_closes_at_once(self):
        pgwarden = self.start("limits: {drain_timeout: 60s}")
        busy = self.in_transaction(pgwarden)
        pgwarden.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(pgwarden.process.poll())
        pgwarden.process.send_signal(signal.SIGTERM)
        self.assert_terminated(busy)
        self.assertEqual(pgwarden.process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
