"""Sessions that are idle or unread for too long end, and no others."""

import socket
import struct
import time
import unittest

from support import ServerTest, eventually
from wire import player


class Timeouts(ServerTest):
    def last_words(self, session):
        session.finish()
        fields = player.error_fields(session.received[-1][1])
        return session.received[-1][0], fields.get("V"), fields.get("C"), fields.get("M")


class Idle(Timeouts):
    extra = "limits: {idle_timeout: 5s, idle_in_transaction_timeout: 1s}"
    REASON = "terminating connection due to idle-session timeout"

    def idle_sessions_ended(self):
        return sum(record["reason"] == self.REASON for record in self.log_records("session ended"))

    def test_an_idle_session_ends_and_a_busy_one_does_not(self):
        busy, working, idle = self.raw_session(), self.raw_session(), self.raw_session()
        working.query("SELECT pg_sleep(8)")
        working.send()

        def idle_has_ended():
            time.sleep(0.2)
            busy.query("SELECT 1")
            busy.until("Z", 1)
            self.assertEqual(busy.received[-1], ("Z", b"I"))
            return self.idle_sessions_ended() > 0

        self.assertTrue(eventually(idle_has_ended))
        self.assertEqual(self.last_words(idle), ("E", "FATAL", "57P05", self.REASON))
        working.until("Z", 1)
        self.assertEqual([tag for tag, _ in working.received], ["T", "D", "C", "Z"])

    def test_a_session_ends_that_is_idle_in_a_transaction_with_what_it_had_locked(self):
        self.postgres.psql("postgres", "CREATE TABLE held (v int)")
        for broken in (False, True):
            with self.subTest(broken=broken):
                session = self.raw_session(application_name="holding")
                session.query("BEGIN")
                session.query("LOCK TABLE held")
                if broken:
                    session.query("SELECT 1/0")
                session.until("Z", 3 if broken else 2)
                self.assertEqual(self.last_words(session),
                                 ("E", "FATAL", "25P03", "terminating connection due to idle-in-transaction timeout"))
                self.assertTrue(eventually(lambda: self.backends("holding") == 0))
        self.postgres.psql("postgres", "SET lock_timeout = '5s'; DROP TABLE held")


class IdleWithAnUnreadResult(Timeouts):
    extra = "limits: {idle_timeout: 1s, idle_in_transaction_timeout: 1s}"

    def test_a_result_is_whole_however_late_its_end_is_read(self):
        # Of some the kernel has all, of others pgwarden still has a part when the server has done its work.
        peers = {}
        for rows in range(20, 600, 20):
            peer = peers[rows] = socket.socket(socket.AF_UNIX)
            self.addCleanup(peer.close)
            peer.settimeout(player.TIMEOUT_S)
            peer.connect(self.pgwarden.socket_path)
            peer.sendall(player.packet(3 << 16, b"user\0postgres\0database\0postgres\0\0"))
            sql = f"SELECT repeat('x', 1000) FROM generate_series(1, {rows})\0".encode()
            peer.sendall(b"Q" + struct.pack("!I", len(sql) + 4) + sql)
        time.sleep(5)
        for rows, peer in peers.items():
            end = f"SELECT {rows}\0Z".encode()
            received = b""
            while end not in received[-100:] and (more := peer.recv(1 << 20)):
                received += more
            with self.subTest(rows=rows):
                self.assertIn(end, received[-1000:])


class NoTimeouts(Timeouts):
    def test_by_default_sessions_may_be_idle(self):
        idle, in_transaction = self.raw_session(), self.raw_session()
        in_transaction.query("BEGIN")
        in_transaction.until("Z", 1)
        time.sleep(4)
        for session, status in ((idle, b"I"), (in_transaction, b"T")):
            session.query("SELECT 1")
            session.until("Z", 1)
            self.assertEqual(session.received[-1], ("Z", status))


class Unread(Timeouts):
    extra = "limits: {write_timeout: 4s}"
    RESULT = "SELECT repeat('x', 1000) FROM generate_series(1, 100000)"

    def test_a_client_that_does_not_read_ends_with_its_backend(self):
        session = self.raw_session(application_name="unread")
        self.assertEqual(self.backends("unread"), 1)
        session.query(self.RESULT)
        session.send()
        self.assertTrue(eventually(lambda: self.backends("unread") == 0))
        self.assertTrue(eventually(lambda: [record["reason"] for record in self.log_records("session ended")]
                                   == ["terminating connection because the client does not read"]))
        session.finish()
        self.assertLess(sum(tag == "D" for tag, _ in session.received), 100_000)

    def test_a_client_that_reads_slowly_or_waits_for_the_server_goes_on(self):
        slow, waiting = self.raw_session(), self.raw_session()
        waiting.query("SELECT pg_sleep(7)")
        waiting.send()
        slow.query(self.RESULT)
        slow.send()
        for _ in range(40):  # all the time something waits to be read, for longer than the timeout
            for _ in range(2000):
                slow.read_message()
            time.sleep(0.2)
        slow.until("Z", 1)
        self.assertEqual(sum(tag == "D" for tag, _ in slow.received), 100_000)
        waiting.until("Z", 1)
        self.assertEqual(waiting.received[-1], ("Z", b"I"))


if __name__ == "__main__":
    unittest.main()
