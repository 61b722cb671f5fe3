"""A server that the network no longer reaches: what is sent to it is lost without a word. In a network namespace of its own;
where there is none, it is skipped."""

import ctypes
import os
import signal
import subprocess
import unittest

from support import ServerTest, eventually

CLONE_NEWNET = 0x40000000  # sched.h
SERVER = "10.66.0.1"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class BlackHole(ServerTest):
    conf = f"listen_addresses = '127.0.0.1, {SERVER}'\nlog_statement = all"
    hba = f"host all all {SERVER}/32 trust"
    extra = "limits: {upstream_connect_timeout: 2s}"

    @classmethod
    def setUpClass(cls):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise unittest.SkipTest(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            ip("link", "set", "lo", "up")
            ip("link", "add", "hole", "type", "veth", "peer", "name", "end")
            ip("address", "add", "10.66.1.1/24", "dev", "hole")
            ip("link", "set", "hole", "up")
            ip("link", "set", "end", "up")
            ip("route", "add", f"{SERVER}/32", "dev", "hole")
            ip("neighbour", "add", SERVER, "lladdr", "02:00:00:00:00:01", "dev", "hole", "nud", "permanent")
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(f"no network interface that loses packets: {error}") from error
        cls.reachable()
        super().setUpClass()

    @classmethod
    def reachable(cls):
        ip("address", "add", f"{SERVER}/32", "dev", "lo")

    @classmethod
    def unreachable(cls):
        """What is for it now leaves by an interface behind which nobody is."""
        ip("address", "delete", f"{SERVER}/32", "dev", "lo")

    def setUp(self):
        self.pgwarden.write_config(f"""
workers: 1
listeners:
  - {{listen: "127.0.0.1:{self.pgwarden.protected[1]}", upstream: "postgres://{SERVER}:{self.postgres.port}"}}
  - {{listen: "127.0.0.1:{self.pgwarden.unprotected[1]}", upstream: "postgres://127.0.0.1:{self.postgres.port}"}}
  - {{listen: {self.pgwarden.socket_path}, upstream: "postgres://127.0.0.1:{self.postgres.port}"}}
{self.extra}
""")
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: self.log_records("reloaded")))

    def test_a_session_waits_and_goes_on_where_it_was(self):
        session, other = self.raw_session(), self.raw_session(address="unprotected")
        self.unreachable()
        session.query("SELECT 'through the hole'")
        session.send()
        session.socket.settimeout(1)
        with self.assertRaises(TimeoutError):
            session.read_message()
        other.query("SELECT 1")
        other.until("Z", 1)
        refused = self.psql("SELECT 1", check=False).stderr
        self.assertIn(f'could not connect to upstream "{SERVER}:{self.postgres.port}": timeout expired', refused)
        self.reachable()
        session.socket.settimeout(60)  # sent again by the system, at growing intervals
        session.until("Z", 1)
        self.assertEqual([tag for tag, _ in session.received], ["T", "D", "C", "Z"])
        self.assertEqual(self.postgres.log_text().count("SELECT 'through the hole'"), 1)


if __name__ == "__main__":
    unittest.main()
