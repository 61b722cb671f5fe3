"""Whoever does the same again and again fills no log, holds up nobody and is cheap."""

import os
import resource
import socket
import struct
import threading
import time
import unittest

import psycopg2
from support import BINARY, ServerTest, eventually
from lib import logged
from lib.servers import Pgwarden
from wire import player
from wire.player import CANCEL, error_fields, packet
from wire.relay import Relay


def denial_id(body):
    return error_fields(body)["M"].rpartition("(pgwarden ")[2].rstrip(")")


class Denials(ServerTest):
    def setUp(self):
        time.sleep(1.1)  # what one test has had written in a second, the next one may not

    def counted(self):
        return logged.decisions(logged.records(self.pgwarden.log_text()))

    def denied(self, session, statements):
        """Their ids, as the client sees them."""
        session.received.clear()
        for at in range(0, len(statements), 100):
            batch = statements[at : at + 100]
            for statement in batch:
                session.query(statement)
            session.until("Z", len(batch))
        return [denial_id(body) for tag, body in session.received if tag == "E"]

    def test_a_statement_denied_in_a_loop_is_recorded_once_and_counted(self):
        before = self.counted()
        session = self.raw_session()
        ids = self.denied(session, ["DROP TABLE loop"] * 500)
        self.assertEqual((len(ids), len(set(ids))), (500, 1))
        records = [record for record in self.log_records("statement denied") if record["decision"] == ids[0]]
        self.assertEqual(len(records), 1)
        self.denied(session, ["DROP TABLE other"])
        session.socket.close()
        self.assertTrue(eventually(lambda: self.counted() == before + 501), self.counted())
        repeated = [record for record in self.log_records("decision repeated") if record["decision"] == ids[0]]
        self.assertEqual([record["count"] for record in repeated], [499])
        self.assertEqual(repeated[0]["session"], records[0]["session"])

    def test_counts_are_recorded_while_the_session_goes_on(self):
        session = self.raw_session()
        identity, *_ = self.denied(session, ["DROP TABLE lasting"] * 3)

        def repeats():
            return [record["count"] for record in self.log_records("decision repeated")
                    if record["decision"] == identity]
        self.assertEqual(repeats(), [])
        self.assertTrue(eventually(lambda: repeats() == [2], 20))
        self.assertEqual(self.denied(session, ["DROP TABLE lasting"]), [identity])
        session.socket.close()
        self.assertTrue(eventually(lambda: repeats() == [2, 1]))

    def test_statements_that_all_differ_are_counted_as_well(self):
        before = self.counted()
        session = self.raw_session()
        ids = self.denied(session, [f"DROP TABLE different_{n}" for n in range(300)])
        self.assertEqual(len(ids), 300)
        recorded = {record["decision"] for record in self.log_records("statement denied")} & set(ids)
        self.assertEqual(len(recorded), 8)
        session.socket.close()
        self.assertTrue(eventually(lambda: self.counted() == before + 300), self.counted())

    def test_many_sessions_do_not_fill_the_log_either_and_no_denial_is_missing(self):
        before, lines = self.counted(), len(self.pgwarden.log_text().splitlines())

        def flood():
            for _ in range(30):
                session = player.Player(self.pgwarden.protected, False)
                session.startup("postgres", "postgres", [], (3, 0))
                for n in range(10):
                    session.query(f"DROP TABLE flood_{n}")
                session.until("Z", 11)
                session.socket.close()

        began = time.monotonic()
        threads = [threading.Thread(target=flood) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        self.assertTrue(eventually(lambda: self.counted() == before + 2400), self.counted() - before)
        # Three kinds of records, a hundred a second of each, and what was left out of them.
        self.assertLess(len(self.pgwarden.log_text().splitlines()) - lines, 310 * (seconds + 3))


class Turns(ServerTest):
    extra = "workers: 1"

    def test_those_who_are_denied_take_turns_and_others_do_not_wait_for_them(self):
        sessions = [self.raw_session() for _ in range(20)]
        bystander = self.raw_session()
        done = threading.Event()

        def flood():
            try:
                for session in sessions:
                    for _ in range(50):
                        session.query("DROP TABLE turns")
                    session.send()
                for session in sessions:
                    session.until("Z", 50)
            finally:
                done.set()

        began = time.monotonic()
        thread = threading.Thread(target=flood)
        thread.start()
        waits = []
        while not done.is_set():
            asked = time.monotonic()
            bystander.query("SELECT 1")
            bystander.until("Z", 1)
            waits.append(time.monotonic() - asked)
        thread.join()
        # 500 of a worker in a second, and 50 at once.
        self.assertGreater(time.monotonic() - began, 950 * 0.002)
        for session in sessions:
            self.assertEqual([tag for tag, _ in session.received].count("E"), 50)
        self.assertGreater(len(waits), 100)

    def test_a_permitted_statement_does_not_wait_after_a_denied_one(self):
        flood = [self.raw_session() for _ in range(20)]
        for session in flood:
            for _ in range(40):
                session.query("DROP TABLE turns")
            session.send()
        session = self.raw_session()
        session.query("BEGIN")
        session.query("DROP TABLE turns")
        session.until("Z", 2)
        asked = time.monotonic()
        session.query("ROLLBACK")
        session.until("Z", 1)
        self.assertLess(time.monotonic() - asked, 0.5)
        for other in flood:
            other.until("Z", 40)

    def test_who_leaves_while_its_denial_waits_leaves_nothing_behind(self):
        for end in ("client", "server"):
            with self.subTest(end):
                session = self.raw_session(application_name="waits")
                for _ in range(400):
                    session.query("DROP TABLE turns")
                session.send()
                session.until("Z", 60)
                if end == "client":
                    session.socket.close()
                else:
                    self.postgres.psql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                                   "WHERE application_name = 'waits'")
                    session.finish()
                gone = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waits'"
                self.assertTrue(eventually(lambda: self.postgres.psql("postgres", gone) == "0", 20))


class SlowServer(Relay):
    """A server that is not given a cancel request before it is told to."""

    def __init__(self, postgres):
        super().__init__(postgres)
        self.released = threading.Event()
        self.cancels = 0

    def __exit__(self, *exception):
        self.released.set()
        super().__exit__(*exception)

    def _relay(self, client):
        with client, socket.create_connection(self.target) as server:
            back = threading.Thread(target=self._copy, args=(server, client), daemon=True)
            back.start()
            self._copy(client, server)
            back.join()

    def _copy(self, source, target):
        try:
            while data := source.recv(65536):
                if data[4:8] == struct.pack("!I", CANCEL):
                    self.cancels += 1
                    self.released.wait(30)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Cancels(ServerTest):
    KEY = struct.pack("!II", 1, 2)

    @classmethod
    def upstream(cls):
        cls.server = cls.enterClassContext_(SlowServer(cls.postgres))
        return cls.server

    def setUp(self):
        self.server.released.clear()

    def request(self, key, pgwarden=None):
        peer = socket.create_connection((pgwarden or self.pgwarden).protected, 15)
        self.addCleanup(peer.close)
        peer.sendall(packet(CANCEL, key))
        return peer

    def session_with_key(self, pgwarden=None):
        session = player.Player((pgwarden or self.pgwarden).protected, False)
        self.addCleanup(session.socket.close)
        session.startup("postgres", "postgres", [], (3, 0))
        session.until("Z", 1)
        return session, next(body for tag, body in session.received if tag == "K")

    def sleep(self, session):
        session.query("SELECT pg_sleep(60)")
        session.send()
        self.assertTrue(eventually(lambda: self.postgres.psql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == "1"))

    def assert_is_cancelled(self, session):
        session.until("Z", 1)
        self.assertEqual(error_fields(session.received[-2][1])["C"], "57014")

    def test_the_clients_connection_ends_when_the_server_has_ended_its_own(self):
        session, key = self.session_with_key()
        self.sleep(session)
        peer = self.request(key)
        peer.settimeout(1)
        with self.assertRaises(TimeoutError):
            peer.recv(1)
        self.server.released.set()
        peer.settimeout(10)
        self.assertEqual(peer.recv(1), b"")
        self.assert_is_cancelled(session)

    def test_forged_ones_are_passed_on_a_few_at_a_time_and_hold_up_no_others(self):
        session, key = self.session_with_key()
        self.sleep(session)
        before = self.server.cancels
        forged = [self.request(self.KEY) for _ in range(100)]
        self.assertTrue(eventually(lambda: self.server.cancels - before == 16), self.server.cancels - before)
        time.sleep(0.5)
        self.assertEqual(self.server.cancels - before, 16)
        right = self.request(key)
        self.assertTrue(eventually(lambda: self.server.cancels - before == 17))
        self.server.released.set()
        self.assertEqual(right.recv(1), b"")
        self.assert_is_cancelled(session)
        for peer in forged:
            self.assertEqual(peer.recv(1), b"")
        self.assertEqual(len(self.log_records("cancel request dropped: too many at once")), 84)

    def test_a_server_that_does_not_answer_one_holds_it_for_ten_seconds(self):
        began = time.monotonic()
        self.assertEqual(self.request(self.KEY).recv(1), b"")
        self.assertGreater(time.monotonic() - began, 9)

    def test_two_instances_before_one_server_pass_on_each_others(self):
        self.server.released.set()
        other = self.enterContext_(Pgwarden(BINARY, self.server))
        for here, there in ((self.pgwarden, other), (other, self.pgwarden)):
            session, key = self.session_with_key(here)
            self.sleep(session)
            self.assertEqual(self.request(key, there).recv(1), b"")
            self.assert_is_cancelled(session)

    def test_with_several_upstreams_only_the_instance_that_knows_a_key_passes_it_on(self):
        self.server.released.set()
        other = Pgwarden(BINARY, self.server)
        upstream = f"postgres://127.0.0.1:{self.server.port}"
        other.write_config(f"listeners: [{{listen: '127.0.0.1:{other.protected[1]}', upstream: '{upstream}', "
                           f"databases: {{shop: '{upstream}'}}}}]")
        self.enterContext_(other)
        session, key = self.session_with_key(other)
        self.sleep(session)
        before = self.server.cancels
        self.assertEqual(self.request(self.KEY, other).recv(1), b"")
        self.assertEqual(self.server.cancels, before)
        self.assertEqual(other.log_text().count("cancel request for an unknown session"), 1)
        self.assertEqual(self.request(key, other).recv(1), b"")
        self.assert_is_cancelled(session)

    def enterContext_(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value


# It opens a pipe to look whether memory may be read, and takes a pointer for bad when there is none to be had
# (sanitizer_posix_libcdep.cpp, IsAccessibleMemoryRange).
@unittest.skipIf("undefined" in os.environ.get("PGWARDEN_SANITIZE", ""), "the sanitizer needs descriptors itself")
class FileDescriptors(ServerTest):
    def setUp(self):
        self.limited = Pgwarden(BINARY, self.postgres)
        self.limited.__enter__()
        self.addCleanup(self.limited.__exit__, None, None, None)
        used = len(os.listdir(f"/proc/{self.limited.process.pid}/fd"))
        resource.prlimit(self.limited.process.pid, resource.RLIMIT_NOFILE, (used + 20, used + 20))

    def records(self, message):
        return sum(message in line for line in self.limited.log_text().splitlines())

    def test_accepting_pauses_at_the_limit_says_so_once_and_goes_on(self):
        session = self.raw_session(self.limited)
        held = [socket.create_connection(self.limited.protected, 10) for _ in range(40)]
        self.assertTrue(eventually(lambda: self.records("cannot accept connections") == 1))
        time.sleep(1)
        used = self.processor_time()
        time.sleep(1)
        self.assertLess(self.processor_time() - used, 0.3)
        session.query("SELECT 1")
        session.until("Z", 1)
        self.assertEqual(session.received[-1], ("Z", b"I"))
        for connection in held:
            connection.close()
        self.assertTrue(eventually(lambda: self.log_in()))
        self.assertEqual(self.records("cannot accept connections"), 1)
        self.assertEqual(self.records("accepting connections again"), 1)

    def log_in(self):
        time.sleep(1.1)  # it takes a while without a failure
        with psycopg2.connect("host={} port={} user=postgres dbname=postgres".format(*self.limited.protected)):
            return self.records("accepting connections again") == 1

    def processor_time(self):
        with open(f"/proc/{self.limited.process.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    unittest.main()
