"""A pgwarden that takes over from another: no connection fails, and no session ends that its client does not end."""

import functools
import pathlib
import signal
import socket
import subprocess
import threading
import unittest

import psycopg2

from support import BINARY, Clients, ServerTest, eventually
from lib.servers import Pgwarden
from wire import player

SUCCESSIONS = 4


class Storm(Clients):
    """Clients that come and go on threads, by TCP and by the Unix-domain socket."""

    def __init__(self, addresses):
        super().__init__([functools.partial(self.run, address) for address in addresses])
        self.sessions = 0

    def run(self, address):
        while not self.over.is_set():
            try:
                connection = psycopg2.connect(host=address[0], port=address[1], user="postgres", dbname="postgres")
                connection.cursor().execute("SELECT 1")
                connection.close()
                with self.lock:
                    self.sessions += 1
            except psycopg2.Error as error:
                self.failures.append(str(error))


class Restart(ServerTest):
    def start(self, pgwarden):
        pgwarden.__enter__()
        self.addCleanup(pgwarden.__exit__, None, None, None)
        return pgwarden

    def setUp(self):
        self.old = self.start(Pgwarden(BINARY, self.postgres, "limits: {drain_timeout: 60s}"))

    def hand_over(self, old):
        old.process.send_signal(signal.SIGUSR1)
        self.assertTrue(eventually(lambda: "handing over" in old.log_text()), old.log_text())

    def ends(self, pgwarden):
        self.assertEqual(pgwarden.process.wait(60), 0, pgwarden.log_text())

    def connect(self, address):
        connection = psycopg2.connect(host=address[0], port=address[1], user="postgres", dbname="postgres")
        connection.autocommit = True
        self.addCleanup(connection.close)
        return connection

    def test_no_connection_of_a_storm_fails(self):
        current = self.old
        with Storm([current.protected] * 4 + [current.unprotected] + [current.unix_socket] * 3) as storm:
            for _ in range(SUCCESSIONS):
                seen = storm.sessions
                successor = self.start(current.successor())
                self.hand_over(current)
                self.ends(current)
                current = successor
                self.assertTrue(eventually(lambda seen=seen: storm.sessions > seen + 20, 60))
        self.assertEqual(storm.failures, [])
        print(f"{storm.sessions} connections, {SUCCESSIONS} successions ", end="")

    def test_what_waits_to_be_accepted_is_accepted(self):
        successor = self.start(self.old.successor())
        self.old.process.send_signal(signal.SIGSTOP)
        # About half of them queue up at the process that stands still.
        peers = [socket.create_connection(self.old.protected) for _ in range(40)]
        self.old.process.send_signal(signal.SIGUSR1)
        self.old.process.send_signal(signal.SIGCONT)
        self.serve(peers)
        self.ends(self.old)
        successor.process.send_signal(signal.SIGTERM)

    def test_what_waits_at_a_unix_domain_socket_is_accepted(self):
        self.old.process.send_signal(signal.SIGSTOP)
        peers = []
        for _ in range(10):
            peers.append(socket.socket(socket.AF_UNIX))
            peers[-1].connect(self.old.socket_path)
        successor = self.old.successor()
        self.start(successor)
        self.old.process.send_signal(signal.SIGUSR1)
        self.old.process.send_signal(signal.SIGCONT)
        self.serve(peers)
        self.ends(self.old)
        self.assertTrue(pathlib.Path(self.old.socket_path).is_socket())
        self.assertEqual(self.one(self.connect(successor.unix_socket), "SELECT 1"), 1)

    def test_a_successor_that_cannot_start_takes_nothing(self):
        successor = self.old.successor()
        successor.config = pathlib.Path(successor.directory, "pgwarden.yaml")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            addresses = (self.old.socket_path, f"127.0.0.1:{taken.getsockname()[1]}")
            successor.write_config("listeners:\n" + "".join(
                f"  - {{listen: '{address}', upstream: 'postgres://127.0.0.1:{self.postgres.port}'}}\n" for address in addresses))
            with self.assertRaisesRegex(RuntimeError, "cannot listen on .*Address already in use"):
                successor.__enter__()
        self.assertEqual(self.one(self.connect(self.old.unix_socket), "SELECT 1"), 1)
        self.assertEqual(list(pathlib.Path(self.old.socket_path).parent.glob(".new.*")), [])

    def serve(self, peers):
        """Each is told that there is no TLS: it has been accepted."""
        for peer in peers:
            peer.settimeout(60)
            peer.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
            self.assertEqual(peer.recv(1), b"N")
            peer.close()

    def test_new_connections_come_to_the_successor_alone(self):
        successor = self.start(self.old.successor())
        self.hand_over(self.old)
        for _ in range(20):
            with self.assertRaises(psycopg2.errors.InsufficientPrivilege):
                self.connect(self.old.protected).cursor().execute("DROP TABLE nothing")
        self.assertEqual(len(self.log_records("statement denied", self.old)), 0)
        self.assertEqual(len(self.log_records("statement denied", successor)), 20)

    def test_sessions_go_on_until_their_clients_leave(self):
        sessions = [self.connect(address) for address in (self.old.protected, self.old.unix_socket)]
        sessions[0].cursor().execute("BEGIN")
        self.start(self.old.successor())
        self.hand_over(self.old)
        with self.assertRaises(subprocess.TimeoutExpired):
            self.old.process.wait(3)  # longer than it listens
        for session in sessions:
            self.assertEqual(self.one(session, "SELECT 1"), 1)
        sessions[0].cursor().execute("COMMIT")
        for session in sessions:
            session.close()
        self.ends(self.old)

    def test_who_hands_over_can_still_be_told_to_end(self):
        idle = self.raw_session(self.old)
        self.start(self.old.successor())
        self.hand_over(self.old)
        self.old.process.send_signal(signal.SIGTERM)
        idle.finish()
        self.assertEqual(player.error_fields(idle.received[0][1])["C"], "57P01")
        self.ends(self.old)

    def test_a_cancel_request_that_comes_to_the_successor(self):
        session = self.connect(self.old.protected)
        self.start(self.old.successor())
        self.hand_over(self.old)
        failures = []

        def sleep():
            try:
                session.cursor().execute("/* sleeper */ SELECT pg_sleep(600)")
            except psycopg2.errors.QueryCanceled:
                return
            failures.append("was not cancelled")
        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        self.assertTrue(eventually(lambda: self.postgres.psql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '/* sleeper */%' AND state = 'active'")
            == "1"))
        session.cancel()
        sleeper.join(60)
        self.assertEqual((sleeper.is_alive(), failures), (False, []))

    def test_nobody_takes_over_by_mistake(self):
        for listen in (f"127.0.0.1:{self.old.protected[1]}", self.old.socket_path):
            done = subprocess.run([BINARY, "run", "postgres://u@127.0.0.1/d", "--listen", listen], capture_output=True,
                                  text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr, f"cannot listen on {listen}: Address already in use")
        self.assertEqual(self.one(self.connect(self.old.unix_socket), "SELECT 1"), 1)

    def test_no_file_but_a_socket_is_replaced(self):
        path = pathlib.Path(self.old.directory, ".s.PGSQL.7000")
        path.write_text("mine", encoding="ascii")
        for options in ((), ("--take-over",)):
            done = subprocess.run([BINARY, "run", "postgres://u@127.0.0.1/d", "--listen", path, *options],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertRegex(done.stderr, "Address already in use")
        self.assertEqual(path.read_text(encoding="ascii"), "mine")

    def test_there_may_be_nobody_to_take_over_from(self):
        self.old.process.send_signal(signal.SIGTERM)
        self.ends(self.old)
        self.assertFalse(pathlib.Path(self.old.socket_path).exists())
        successor = self.start(self.old.successor())
        self.assertEqual(self.one(self.connect(successor.protected), "SELECT 1"), 1)


if __name__ == "__main__":
    unittest.main()
