"""A proxy's header says who the client is: to rules and in the log, and only where the configuration trusts it."""

import signal
import socket
import struct
import subprocess
import time
import unittest

from support import BINARY, ServerTest, eventually
from wire import player

PROXY = "127.0.0.2"
ELSEWHERE = "127.0.0.1"
OFFICE = "203.0.113.7"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client=OFFICE, port=56280):
    family = "TCP6" if ":" in client else "TCP4"
    destination = "::1" if ":" in client else "127.0.0.1"
    return f"PROXY {family} {client} {destination} {port} 6432\r\n".encode()


def v2(client=OFFICE, port=56280, tlvs=b"\x04\0\x03abc"):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    address = socket.inet_pton(family, client)
    body = address + bytes(len(address)) + struct.pack("!HH", port, 6432) + tlvs
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x21 if ":" in client else 0x11, len(body)) + body


V2_LOCAL = SIGNATURE + b"\x20\0\0\0"
UNKNOWN = b"PROXY UNKNOWN\r\n"


class ProxyProtocolTest(ServerTest):
    extra = f"""
rules:
  - {{name: office, effect: allow, match: {{classes: [ddl_drop], networks: [{OFFICE}, "2001:db8::/32"]}}}}
  - {{name: machine-of-the-proxy, effect: warn, match: {{classes: [ddl_drop], networks: [{PROXY}]}}}}
limits: {{login_timeout: 2s}}
log: {{level: debug}}
"""
    listener = f"proxy_protocol_networks: [{PROXY}/32]"

    def connect(self, header, source=PROXY, piece=None, address=None):
        """A session that is logged in, with nothing received yet; or the one that was refused."""
        session = player.Player(address or self.pgwarden.protected, False, piece, source)
        self.addCleanup(session.socket.close)
        session.outgoing = header
        session.startup("postgres", "postgres", [], (3, 0))
        session.until("Z", 1)
        return session

    def drop(self, session):
        """What a DROP is answered: the message types, and the error's fields."""
        session.received.clear()
        session.query("DROP TABLE IF EXISTS nothing")
        session.until("Z", 1)
        errors = [player.error_fields(body) for tag, body in session.received if tag == "E"]
        return "".join(tag for tag, _ in session.received if tag != "N"), errors[0]["M"] if errors else ""

    def refused(self, session):
        """The FATAL message that was the only answer."""
        session.finish()
        self.assertEqual([tag for tag, _ in session.received], ["E"])
        fields = player.error_fields(session.received[0][1])
        self.assertEqual((fields["V"], fields["C"]), ("FATAL", "08P01"))
        return fields["M"]


class TrueAddress(ProxyProtocolTest):
    def test_rules_judge_by_the_clients_address(self):
        for header in (v1, v2):
            for client, allowed in ((OFFICE, True), ("2001:db8::1", True), ("::ffff:" + OFFICE, True),
                                    ("203.0.113.8", False), ("2001:db9::1", False), (PROXY, True)):
                with self.subTest(header=header.__name__, client=client):
                    answer, error = self.drop(self.connect(header(client)))
                    self.assertEqual(answer, "CZ" if allowed else "EZ")
                    self.assertEqual("cannot execute DROP TABLE" in error, not allowed)

    def test_the_log_names_the_client_and_the_proxy(self):
        for header, client, name in ((v1, "198.51.100.1", "198.51.100.1:41"), (v2, "2001:db9::2", "[2001:db9::2]:41"),
                                     (v2, "::ffff:198.51.100.3", "198.51.100.3:41")):
            with self.subTest(name):
                session = self.connect(header(client, 41))
                self.drop(session)
                via = "%s:%d" % session.socket.getsockname()
                for message in ("session begins", "statement denied"):
                    records = [record for record in self.log_records(message) if record["client"] == name]
                    self.assertEqual([record["via"] for record in records], [via])

    def test_a_header_may_come_in_any_pieces(self):
        for header in (v1(), v2(), v2(tlvs=b"\x04\x08\0" + bytes(2048))):
            for piece in (None, 1, 7, len(header) - 1, len(header), len(header) + 1):
                with self.subTest(header=header[:16], piece=piece):
                    self.assertEqual(self.drop(self.connect(header, piece=piece))[0], "CZ")

    def test_a_header_goes_before_an_encryption_request(self):
        session = player.Player(self.pgwarden.protected, False, source=PROXY)
        self.addCleanup(session.socket.close)
        session.socket.sendall(v2() + struct.pack("!II", 8, 80877103))
        self.assertEqual(session.socket.recv(2), b"N")
        session.startup("postgres", "postgres", [], (3, 0))
        session.until("Z", 1)
        self.assertEqual(self.drop(session)[0], "CZ")

    def test_a_connection_of_the_proxys_own_has_the_proxys_address(self):
        for header in (V2_LOCAL, UNKNOWN, SIGNATURE + b"\x21\x31" + struct.pack("!H", 216) + bytes(216)):
            with self.subTest(header[:16]):
                session = self.connect(header)
                self.assertEqual(self.drop(session), ("CZ", ""))
                name = "%s:%d" % session.socket.getsockname()
                records = [record for record in self.log_records("statement allowed with a warning")
                           if record["client"] == name]
                self.assertEqual([record.get("via") for record in records], [None])

    def test_a_cancel_request_with_a_header(self):
        for header in (v1(), v2(), V2_LOCAL):
            with self.subTest(header[:16]):
                session = self.connect(header)
                key = next(body for tag, body in session.received if tag == "K")
                session.received.clear()
                session.query("SELECT pg_sleep(60)")
                session.send()
                self.assertTrue(eventually(lambda: self.postgres.psql(
                    "postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"))
                with socket.create_connection(self.pgwarden.protected, 10, (PROXY, 0)) as cancel:
                    cancel.sendall(header + struct.pack("!II", 16, 80877102) + key)
                    self.assertEqual(cancel.recv(1), b"")
                session.until("Z", 1)
                errors = [player.error_fields(body)["C"] for tag, body in session.received if tag == "E"]
                self.assertEqual(errors, ["57014"])

    def test_clients_from_elsewhere_are_served_as_before(self):
        session = self.connect(b"", ELSEWHERE)
        self.assertEqual(self.drop(session)[0], "EZ")
        record = self.log_records("statement denied")[-1]
        self.assertEqual(record["client"], "%s:%d" % session.socket.getsockname())
        self.assertNotIn("via", record)


class Refused(ProxyProtocolTest):
    def assert_logged(self, session, reason, via=None):
        record = self.log_records("connection refused")[-1]
        self.assertEqual((record["client"], record["reason"]), (session, reason))
        self.assertEqual(record.get("via"), via)

    def test_a_header_from_elsewhere_ends_the_connection(self):
        unexpected = "received a PROXY protocol header, which this address may not send"
        for header in (v1(), v2(), V2_LOCAL, UNKNOWN):
            for piece in (None, 1, len(header)):
                with self.subTest(header=header, piece=piece):
                    session = self.connect(header, ELSEWHERE, piece)
                    name = "%s:%d" % session.socket.getsockname()
                    self.assertEqual(self.refused(session), unexpected)
                    self.assert_logged(name, unexpected)
                    self.assertIsNone(next((record for record in self.log_records("session begins")
                                            if record["client"].startswith(OFFICE)), None))

    def test_a_client_cannot_send_a_header_of_its_own_through_the_proxy(self):
        session = self.connect(v2("198.51.100.1", 41) + v2())
        via = "%s:%d" % session.socket.getsockname()
        reason = "received a PROXY protocol header, which this address may not send"
        self.assertEqual(self.refused(session), reason)
        self.assert_logged("198.51.100.1:41", reason, via)

    def test_a_connection_from_a_proxy_without_a_header(self):
        for begun in (b"", b"GET / HTTP/1.1\r\n\r\n", v1().replace(b"TCP4", b"UDP4"), v2()[:13] + b"\x51" + v2()[14:]):
            with self.subTest(begun):
                session = self.connect(begun)
                name = "%s:%d" % session.socket.getsockname()
                words = self.refused(session)
                self.assertRegex(words, "^expected a PROXY protocol header from this address, received ")
                self.assert_logged(name, words)

    def test_a_header_that_does_not_come_is_waited_for_as_long_as_a_login(self):
        for begun in (b"", v1()[:-1], v2()[:20], v2() + b"\0\0"):
            with self.subTest(begun):
                began = time.monotonic()
                with socket.create_connection(self.pgwarden.protected, 15, (PROXY, 0)) as peer:
                    peer.sendall(begun)
                    self.assertIn(b"canceling authentication due to timeout", peer.recv(1000))
                    self.assertEqual(peer.recv(1), b"")
                self.assertGreater(time.monotonic() - began, 1.5)
                self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(self.log_records("login timed out")[-1]["client"], f"{OFFICE}:56280")

    def test_a_check_that_sends_nothing_is_no_matter_for_the_log(self):
        with socket.create_connection(self.pgwarden.protected, 10, (PROXY, 0)) as peer:
            name = "%s:%d" % peer.getsockname()
            peer.shutdown(socket.SHUT_WR)
            self.assertEqual(peer.recv(1), b"")
        self.assertNotIn(name, self.pgwarden.log_text())


class Reloaded(ProxyProtocolTest):
    listener = ""

    def reload(self, config):
        reloads = len(self.log_records("reloaded"))
        self.pgwarden.write_config(config)
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: len(self.log_records("reloaded")) > reloads), self.pgwarden.log_text())

    def test_networks_of_proxies_come_and_go_with_a_reload(self):
        before = self.pgwarden.config.read_text(encoding="utf-8")
        first, path = f"listen: 127.0.0.1:{self.pgwarden.protected[1]}\n", f"listen: {self.pgwarden.socket_path}\n"
        self.refused(self.connect(v2()))
        self.reload(before.replace(first, first + f"    proxy_protocol_networks: [{PROXY}, {ELSEWHERE}]\n")
                    .replace(path, path + "    proxy_protocol_networks: [unix]\n"))
        for source in (PROXY, ELSEWHERE):
            self.assertEqual(self.drop(self.connect(v2(), source))[0], "CZ")
        with self.subTest("a Unix-domain socket"):
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(10)
                peer.connect(self.pgwarden.socket_path)
                peer.sendall(v1() + struct.pack("!II", 8, 80877103))
                self.assertEqual(peer.recv(2), b"N")
            done = self.psql("SELECT 1", address="unix_socket", check=False)
            self.assertIn("expected a PROXY protocol header from this address", done.stderr)
        with self.subTest("the health check sends a header of its own"):
            health = subprocess.run([BINARY, "health", "--config", self.pgwarden.config], capture_output=True, text=True,
                                    check=False, timeout=30)
            self.assertEqual((health.returncode, health.stdout.split(": ")[1]), (0, "healthy\n"))
        self.reload(before)
        self.refused(self.connect(v2()))
        self.connect(b"")


if __name__ == "__main__":
    unittest.main()
