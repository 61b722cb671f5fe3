"""Who is let in: how many sessions, of whom, with how much memory, and not after too many failed logins."""

import os
import pathlib
import signal
import socket
import struct
import tempfile
import time
import unittest

import psycopg2
from support import ServerTest, eventually
from lib.certificates import Authority
from wire import player

OFFICE = "203.0.113.7"
ELSEWHERE = "203.0.113.8"


def refusal(session):
    """The code, message and hint of a FATAL that was the last that came; None when the session has logged in."""
    if session.received[-1][0] == "Z":
        return None
    fields = player.error_fields(session.received[-1][1])
    return fields["C"], fields["M"], fields.get("H", "")


def ends(peer):
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True


def key_of(session):
    return next(body for tag, body in session.received if tag == "K")


class Admission(ServerTest):
    def connect(self, user="postgres", client=None, password=None):
        """A session after its login, or after what it was refused with. `client`: the address that a proxy's header
        says."""
        session = player.Player(self.pgwarden.protected, False)
        self.addCleanup(session.socket.close)
        if client:
            family, here = ("TCP6", "::1") if ":" in client else ("TCP4", "127.0.0.1")
            session.outgoing = f"PROXY {family} {client} {here} 5000 6432\r\n".encode()
        session.startup(user, "postgres", [], (3, 0))
        if password is not None:
            session.until("R", 1)
            session.outgoing = b"p" + struct.pack("!I", len(password) + 5) + password.encode() + b"\0"
        session.until("Z", 1)
        return session

    def refusals(self, sessions):
        return [refusal(session) for session in sessions]

    def resident(self):
        with open(f"/proc/{self.pgwarden.process.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class MaxConnections(Admission):
    extra = "limits: {max_connections: 4}"

    def test_more_sessions_are_refused_until_others_end_and_cancels_are_not(self):
        sessions = [self.connect() for _ in range(4)]
        self.assertEqual(self.refusals(sessions), [None] * 4)
        code, message, hint = refusal(self.connect())
        self.assertEqual((code, message), ("53300", "sorry, too many clients already"))
        self.assertIn('"max_connections"', hint)
        key = key_of(sessions[0])
        sessions[0].query("SELECT pg_sleep(60)")
        sessions[0].send()
        time.sleep(0.3)
        sessions[0].cancel(key)
        sessions[0].until("Z", 1)
        self.assertEqual(player.error_fields(sessions[0].received[-2][1])["C"], "57014")
        self.assertIsNotNone(refusal(self.connect()))
        sessions.pop().socket.close()
        self.assertTrue(eventually(lambda: refusal(self.connect()) is None))
        self.assertEqual({(record["reason"], record["user"]) for record in self.log_records("session refused")},
                         {("sorry, too many clients already", "postgres")})

    def test_of_silent_connections_the_oldest_gives_way(self):
        silent = [socket.create_connection(self.pgwarden.protected, 10) for _ in range(50)]
        for connection in silent:
            self.addCleanup(connection.close)
            connection.setblocking(False)

        def closed():
            count = 0
            for connection in silent:
                try:
                    count += connection.recv(1) == b""
                except BlockingIOError:
                    pass
            return count

        # So many of each worker: 4 in all and one more.
        kept_max = 4 + (os.cpu_count() or 1)
        self.assertTrue(eventually(lambda: closed() >= 50 - kept_max), closed())
        self.assertLess(closed(), 50)
        self.assertTrue(eventually(lambda: refusal(self.connect()) is None))
        self.assertTrue(self.log_records("connection closed for a newer one"))


class MaxConnectionsPerUser(Admission):
    hba = "host all guarded 127.0.0.1/32 password"
    extra = "limits: {max_connections_per_user: 2}"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'secret'")

    def test_each_user_has_so_many_sessions(self):
        sessions = [self.connect(), self.connect()]
        code, message, hint = refusal(self.connect())
        self.assertEqual((code, message), ("53300", 'too many connections for role "postgres"'))
        self.assertIn('"max_connections_per_user"', hint)
        self.assertIsNone(refusal(self.connect("guarded", password="secret")))
        sessions.pop().socket.close()
        self.assertTrue(eventually(lambda: refusal(self.connect()) is None))

    def test_those_who_do_not_log_in_keep_nobody_out_and_nobody_slips_in_with_them(self):
        begun = []
        for _ in range(5):
            session = player.Player(self.pgwarden.protected, False)
            self.addCleanup(session.socket.close)
            session.startup("guarded", "postgres", [], (3, 0))
            session.until("R", 1)
            begun.append(session)
        for session in begun:
            session.outgoing = b"p" + struct.pack("!I", 11) + b"secret\0"
            session.until("Z", 1)
            session.query("SELECT 1")
            session.until("Z", 1)
        self.assertEqual(sorted(session.received[-1][0] for session in begun), ["E", "E", "E", "Z", "Z"])
        self.assertEqual({refusal(session)[0] for session in begun if refusal(session)}, {"53300"})


class MaxConnectionsPerAddress(Admission):
    extra = "limits: {max_connections_per_address: 2}"
    listener = "proxy_protocol_networks: [127.0.0.1]"

    def test_each_address_has_so_many_sessions(self):
        for first, second, other in ((OFFICE, OFFICE, ELSEWHERE),
                                     ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", "2001:db8:1:3::1")):
            with self.subTest(first):
                sessions = [self.connect(client=first), self.connect(client=second)]
                code, message, hint = refusal(self.connect(client=first))
                self.assertEqual((code, message), ("53300", "too many connections from this address"))
                self.assertIn('"max_connections_per_address"', hint)
                self.assertIsNone(refusal(self.connect(client=other)))
                sessions.pop().socket.close()
                self.assertTrue(eventually(lambda: refusal(self.connect(client=first)) is None))

    def test_clients_of_a_unix_domain_socket_are_not_counted(self):
        for _ in range(4):
            connection = psycopg2.connect(self.dsn("unix_socket"))
            self.addCleanup(connection.close)


class FailedLogins(Admission):
    hba = "host all guarded 127.0.0.1/32 password"
    extra = "limits: {max_failed_logins: 3}"
    listener = "proxy_protocol_networks: [127.0.0.1]"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'secret'")

    def codes(self, client, count=6, **login):
        return [(refusal(self.connect("guarded", client, **login)) or ["in"])[0] for _ in range(count)]

    def test_an_address_that_fails_too_often_is_blocked_and_no_other(self):
        running = self.connect(client=OFFICE)
        self.assertEqual(self.codes(OFFICE, 2, password="secret"), ["in"] * 2)
        self.assertEqual(self.codes(OFFICE, 3, password="wrong"), ["28P01"] * 3)
        code, message, _ = refusal(self.connect("guarded", OFFICE))
        self.assertEqual((code, message), ("28000", "too many failed logins from this address"))
        self.assertEqual(self.codes(OFFICE, 5), ["28000"] * 5)
        self.assertEqual(self.codes(ELSEWHERE, 1, password="secret"), ["in"])
        running.query("SELECT 1")
        running.until("Z", 1)
        self.assertEqual(running.received[-1], ("Z", b"I"))
        blocked = self.log_records("too many failed logins: address blocked for a minute")
        self.assertEqual([(record["user"], record["failures"]) for record in blocked], [("guarded", 3)])

    def test_what_may_be_anybody_is_not_blocked(self):
        self.assertEqual(self.codes("127.0.0.7", password="wrong"), ["28P01"] * 6)
        self.assertEqual(self.codes("::1", password="wrong"), ["28P01"] * 6)

    def test_other_errors_of_a_login_are_not_counted(self):
        for _ in range(6):
            session = player.Player(self.pgwarden.protected, False)
            self.addCleanup(session.socket.close)
            session.outgoing = b"PROXY TCP4 203.0.113.9 127.0.0.1 5000 6432\r\n"
            session.startup("postgres", "no such database", [], (3, 0))
            session.until("Z", 1)
            self.assertEqual(refusal(session)[0], "3D000")


class MaxMemory(Admission):
    extra = "limits: {max_memory: 0}"

    def set_limit(self, size):
        text = self.pgwarden.config.read_text(encoding="utf-8")
        self.pgwarden.write_config(text.replace("max_memory: 0", f"max_memory: {size}"))
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: self.log_records("reloaded")))

    def test_without_memory_there_are_no_new_sessions_until_it_is_free_again(self):
        before = self.connect()
        self.set_limit(self.resident() + 60_000_000)
        for times in (1, 2):  # the allocator keeps what is freed the second time
            self.assertIsNone(refusal(self.connect()))
            hogs = [self.connect() for _ in range(10)]
            for hog in hogs:
                hog.socket.sendall(b"Q" + struct.pack("!I", 15_000_000) + b"x" * 12_000_000)
            self.assertTrue(eventually(lambda: len(self.log_records("memory is full: no new sessions")) == times))
            code, message, hint = refusal(self.connect())
            self.assertEqual((code, message), ("53200", "pgwarden has no memory for another session"))
            self.assertIn('"max_memory"', hint)
            before.query("SELECT 1")
            before.until("Z", 1)
            self.assertEqual(before.received[-1], ("Z", b"I"))
            for hog in hogs:
                hog.socket.close()
            self.assertTrue(eventually(lambda: refusal(self.connect()) is None))
            self.assertEqual(len(self.log_records("memory for new sessions again")), times)


class BeforeTheLogin(Admission):
    """What a connection costs that has not logged in."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="pgwarden-test-")
        cls.addClassCleanup(folder.cleanup)
        certificate, key = Authority(pathlib.Path(folder.name), "authority").issue("server", "localhost")
        cls.listener = f"tls: {{mode: prefer, certificate: {certificate}, key: {key}}}"
        super().setUpClass()

    def hello(self, message_bytes, sent):
        """The beginning of a ClientHello, behind an SSLRequest."""
        peer = socket.create_connection(self.pgwarden.protected, 10)
        self.addCleanup(peer.close)
        peer.sendall(struct.pack("!II", 8, 80877103))
        self.assertEqual(peer.recv(1), b"S")
        record = b"\x01" + struct.pack("!I", message_bytes)[1:] + b"\x03\x03" + b"x" * sent
        peer.sendall(b"\x16\x03\x01" + struct.pack("!H", 16384) + record)
        return peer

    def test_a_message_of_a_size_that_no_client_sends_ends_the_connection(self):
        for size in (16 * 1024 + 1, 130_000, 0xFFFFFF):
            with self.subTest(size):
                self.assertTrue(ends(self.hello(size, 10)))
        peer = socket.create_connection(self.pgwarden.protected, 10)
        self.addCleanup(peer.close)
        peer.sendall(b"\x16\x03\x01\x00\x01\x01")  # a head in pieces, directly
        peer.shutdown(socket.SHUT_WR)
        self.assertTrue(ends(peer))

    def test_the_beginning_of_a_handshake_holds_little_memory(self):
        held = [self.hello(16 * 1024, 12_000) for _ in range(20)]  # what is there once for all
        before = self.resident()
        held += [self.hello(16 * 1024, 12_000) for _ in range(200)]
        time.sleep(0.5)
        each = (self.resident() - before) / 200
        self.assertLess(each, 600_000 if os.environ.get("PGWARDEN_SANITIZE") else 100_000)
        self.assertEqual(len(held), 220)


if __name__ == "__main__":
    unittest.main()
