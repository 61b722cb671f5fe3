"""Bad input ends in a clear error on the right side; limits hold."""

import os
import socket
import struct
import threading
import time
import unittest

from support import ServerTest, eventually, startup_packet
from wire import player

LIMIT = 200_000


def frame(tag, body):
    return tag + struct.pack("!I", len(body) + 4) + body


class Limits(ServerTest):
    extra = f"limits: {{max_statement_bytes: {LIMIT}, login_timeout: 2s}}"

    def connect(self):
        peer = socket.create_connection(self.pgwarden.protected, 15)
        self.addCleanup(peer.close)
        return peer

    def answer(self, data, peer=None):
        """Everything that comes until the other side closes."""
        peer = peer or self.connect()
        peer.sendall(data)
        return self.rest(peer)

    def rest(self, peer):
        received = b""
        while True:
            try:
                data = peer.recv(65536)
            except ConnectionResetError:
                return received
            if not data:
                return received
            received += data

    def errors_of(self, data):
        session = self.raw_session()
        session.outgoing = data
        session.send()
        session.finish()
        return [player.error_fields(body) for tag, body in session.received if tag == "E"]

    def test_garbage_is_answered_with_silence_as_by_the_server(self):
        for garbage in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\0" * 16,
                        b"\xff" * 16, struct.pack("!I", 7) + b"abcd", frame(b"X", b""),
                        startup_packet(user="x" * 10_000), struct.pack("!III", 12, 80877102, 0)):
            with self.subTest(garbage), socket.create_connection(self.postgres.address, 15) as direct:
                self.assertEqual(self.answer(garbage, direct), b"")
                self.assertEqual(self.answer(garbage), b"")

    def test_startup_packets(self):
        self.assertIn(b"C0A000", self.answer(struct.pack("!III", 9, 2 << 16, 0)[:9]))
        self.assertIn(b"C08P01", self.answer(startup_packet(user="a")[:-1] + b"x"))
        self.assertIn(b"C28000", self.answer(struct.pack("!II", 9, 196608) + b"\0"))

    def test_bytes_stuffed_behind_an_encryption_request(self):
        for code in (80877103, 80877104):
            with self.subTest(code):
                answer = self.answer(struct.pack("!II", 8, code) + startup_packet(user="postgres"))
                self.assertIn(b"received unencrypted data after", answer)
                self.assertTrue(answer.startswith(b"NE"))  # as the server: the request itself was answered

    def test_encryption_is_declined_and_the_login_goes_on(self):
        peer = self.connect()
        for code in (80877104, 80877103):
            peer.sendall(struct.pack("!II", 8, code))
            self.assertEqual(peer.recv(1), b"N")
        peer.sendall(startup_packet(user="postgres"))
        self.assertEqual(peer.recv(1), b"R")

    def test_a_login_that_is_not_finished_is_closed(self):
        for begun in (b"", b"\0\0\0", startup_packet(user="postgres")[:20]):
            with self.subTest(begun):
                began = time.monotonic()
                answer = self.answer(begun)
                self.assertIn(b"canceling authentication due to timeout", answer)
                self.assertLess(time.monotonic() - began, 10)

    def test_broken_frames_end_the_session_with_08P01(self):
        for data in (b"Q\0\0\0\3", b"Q\xff\xff\xff\xff", b"?\0\0\0\4", b"\0\0\0\0\0", frame(b"Z", b"I"), b"S\x7f\0\0\0"):
            with self.subTest(data):
                errors = self.errors_of(data)
                self.assertEqual([(error["V"], error["C"]) for error in errors], [("FATAL", "08P01")])

    def test_what_came_before_a_broken_frame_is_answered(self):
        session = self.raw_session()
        session.outgoing = frame(b"Q", b"SELECT 1\0") + b"?????"
        session.send()
        session.finish()
        self.assertEqual([tag for tag, _ in session.received], ["T", "D", "C", "Z", "E"])

    def test_malformed_statements_are_answered_like_the_server_does(self):
        for body in (b"SELECT 1\0\0", b"SELECT 1\0DROP TABLE x\0", b"SELECT 1", b""):
            with self.subTest(body):
                session = self.raw_session()
                session.outgoing = frame(b"Q", body) + frame(b"Q", b"SELECT 1\0")
                session.until("Z", 2)
                self.assertEqual([tag for tag, _ in session.received], ["E", "Z", "T", "D", "C", "Z"])
                self.assertEqual(player.error_fields(session.received[0][1])["C"], "08P01")

    def test_a_statement_over_the_limit_is_refused_and_the_session_goes_on(self):
        session = self.raw_session()
        text = b"SELECT '" + b"x" * LIMIT + b"'\0"
        for data in (frame(b"Q", text), frame(b"P", b"\0" + text + b"\0\0") + frame(b"S", b"")):
            session.outgoing = data
            session.until("Z", 1)
            self.assertEqual([tag for tag, _ in session.received], ["E", "Z"])
            self.assertEqual(player.error_fields(session.received[0][1])["C"], "54000")
            session.received.clear()
        session.outgoing = frame(b"Q", b"SELECT '" + b"x" * (LIMIT - 20) + b"'\0")
        session.until("Z", 1)
        self.assertEqual([tag for tag, _ in session.received], ["T", "D", "C", "Z"])

    def test_large_statements_wait_for_their_verdict_in_order(self):
        session = self.raw_session()
        large = b"SELECT length('" + b"x" * 150_000 + b"')\0"
        denied = b"DROP TABLE x /*" + b"x" * 150_000 + b"*/\0"
        for _ in range(10):
            session.outgoing += frame(b"Q", large) + frame(b"Q", denied) + frame(b"Q", b"SELECT 1\0")
        session.until("Z", 30)
        self.assertEqual("".join(tag for tag, _ in session.received), "TDCZEZTDCZ" * 10)

    def test_a_large_statement_in_a_pipeline_whose_server_is_busy(self):
        session = self.raw_session()
        session.query("SELECT pg_sleep(0.3)")
        session.outgoing += frame(b"Q", b"SELECT length('" + b"x" * 150_000 + b"')\0") * 3
        session.outgoing += frame(b"Q", b"SELECT 'small enough'\0") * 5_000
        sender = threading.Thread(target=session.send)
        sender.start()
        session.until("Z", 5_004)
        sender.join()
        self.assertEqual("".join(tag for tag, _ in session.received), "TDCZ" * 5_004)

    def test_memory_does_not_grow(self):
        def resident():
            with open(f"/proc/{self.pgwarden.process.pid}/statm", encoding="ascii") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

        def load():
            for data in (b"?????", frame(b"Q", b"x" * (LIMIT + 10)), frame(b"Q", b"DROP TABLE x\0") * 200):
                session = self.raw_session()
                session.outgoing = data
                session.send()
                session.socket.shutdown(socket.SHUT_WR)
                session.finish()

        for _ in range(20):
            load()
        before = resident()
        for _ in range(100):
            load()
        # A sanitizer keeps freed memory for a while; a leak of each round's 200 kB would be 60 MB.
        self.assertTrue(eventually(lambda: resident() - before < 30_000_000), resident() - before)


if __name__ == "__main__":
    unittest.main()
