"""Whether pgwarden relays by io_uring: where it may, where it must not, and where the kernel forbids it; and that a
session loses nothing in either way when its client does not read. That the workers, when woken, let others finish, and
that sessions that are relayed all the time leave the others their turn."""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import time
import unittest

import psycopg2

from support import BINARY, startup_packet
from lib.servers import Pgwarden, ScratchPostgres

WITHOUT = "relaying without io_uring"
# Debian's own Python, which has the module seccomp.
FORBIDDING = f"""\
#!/usr/bin/python3
import errno, os, seccomp, sys
rules = seccomp.SyscallFilter(seccomp.ALLOW)
rules.add_rule(seccomp.ERRNO(errno.EPERM), "io_uring_setup")
rules.load()
os.execv("{os.path.abspath(BINARY)}", sys.argv)
"""
STATEMENTS = 4_000


def has_ring(pgwarden):
    descriptors = pathlib.Path(f"/proc/{pgwarden.process.pid}/fd")
    return any("io_uring" in os.readlink(each) for each in descriptors.iterdir())


class IoUring(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext(ScratchPostgres())

    def ask(self, pgwarden):
        host, port = pgwarden.protected
        with psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres") as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            self.assertEqual(cursor.fetchall(), [(1,)])

    def overrun(self, pgwarden):
        """A client that reads nothing until all is asked for, and then finds each answer in its place. They come one by
        one, and are more than the sockets hold."""
        with socket.create_connection(pgwarden.protected, 60) as client:
            client.sendall(startup_packet(user="postgres", database="postgres"))
            for i in range(STATEMENTS):
                text = f"SELECT {i} || repeat(' ', 3000)".encode() + b"\0"
                client.sendall(b"Q" + struct.pack("!I", len(text) + 4) + text)
                time.sleep(0.0005)
            client.sendall(b"X\0\0\0\4")
            received = b"".join(iter(lambda: client.recv(1 << 20), b""))
        values, position = [], 0
        while position < len(received):
            kind, size = struct.unpack_from("!cI", received, position)
            if kind == b"D":
                values.append(int(received[position + 11 : position + size + 1]))
            position += size + 1
        self.assertEqual(values, list(range(STATEMENTS)))

    def test_workers_let_others_finish(self):
        with Pgwarden(BINARY, self.postgres, "workers: 3") as pgwarden:
            self.ask(pgwarden)
            threads = os.listdir(f"/proc/{pgwarden.process.pid}/task")
            policies = [os.sched_getscheduler(int(thread)) for thread in threads]
            self.assertEqual(policies.count(os.SCHED_BATCH), 3)

    def test_a_busy_ring_leaves_others_their_turn(self):
        with Pgwarden(BINARY, self.postgres, "workers: 1") as pgwarden, tempfile.NamedTemporaryFile("w") as script:
            print("SELECT 1;", file=script, flush=True)
            host, port = pgwarden.protected
            with subprocess.Popen(["pgbench", "-n", "-c", "4", "-T", "20", "-f", script.name, "-h", host, "-p", str(port),
                                   "-U", "postgres", "postgres"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as busy:
                time.sleep(1)
                for _ in range(20):
                    self.ask(pgwarden)
                pgwarden.process.send_signal(signal.SIGHUP)
                while "reloaded" not in pgwarden.log_text() and busy.poll() is None:
                    time.sleep(0.05)
                self.assertIsNone(busy.poll())
                pgwarden.process.send_signal(signal.SIGTERM)
                self.assertEqual(pgwarden.process.wait(30), 0)
                self.assertNotEqual(busy.wait(30), 0)

    def test_by_default(self):
        with Pgwarden(BINARY, self.postgres) as pgwarden:
            self.ask(pgwarden)
            self.assertNotEqual(has_ring(pgwarden), WITHOUT in pgwarden.log_text())
            self.overrun(pgwarden)

    def test_switched_off(self):
        with Pgwarden(BINARY, self.postgres, "io_uring: false") as pgwarden:
            self.ask(pgwarden)
            self.assertFalse(has_ring(pgwarden))
            self.assertNotIn(WITHOUT, pgwarden.log_text())
            self.overrun(pgwarden)

    def test_forbidden(self):
        """As Docker's seccomp profile does."""
        with tempfile.TemporaryDirectory() as directory:
            forbidding = pathlib.Path(directory, "pgwarden")
            forbidding.write_text(FORBIDDING, encoding="utf-8")
            forbidding.chmod(0o755)
            with Pgwarden(forbidding, self.postgres) as pgwarden:
                self.ask(pgwarden)
                self.assertFalse(has_ring(pgwarden))
                self.assertEqual(pgwarden.log_text().count(WITHOUT), 1)


if __name__ == "__main__":
    unittest.main()
