"""Upstreams of several servers: which of them a session comes to, and what is said when it is none."""

import contextlib
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

import psycopg2
from support import BINARY, ServerTest
from lib.servers import Pgwarden, ScratchPostgres


def error_response(sqlstate, message):
    fields = b"".join(code + text.encode() + b"\0" for code, text in
                      ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", sqlstate), (b"M", message))) + b"\0"
    return b"E" + struct.pack("!I", len(fields) + 4) + fields


class Fake(contextlib.AbstractContextManager):
    """A server that answers each first packet with `answer`; with None it takes no connection, nor refuses any."""

    def __init__(self, answer, host="127.0.0.1", port=0):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listening = socket.create_server((host, port), family=family, backlog=0 if answer is None else 16)
        self.port = self.listening.getsockname()[1]
        self.answer, self.asked, self.fillers = answer, 0, []
        if answer is None:
            self.fill()
        else:
            threading.Thread(target=self.serve, daemon=True).start()

    def fill(self):
        """Connections until the queue is full: then the system answers no further ones."""
        for _ in range(8):
            filler = socket.socket(self.listening.family)
            filler.setblocking(False)
            filler.connect_ex(self.listening.getsockname())
            self.fillers.append(filler)
        time.sleep(0.1)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listening.accept()
                with peer, contextlib.suppress(OSError):
                    peer.settimeout(20)
                    if peer.recv(10_000):
                        self.asked += 1
                        if self.answer:
                            peer.sendall(self.answer)
                        peer.recv(1)

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        for one in (self.listening, *self.fillers):
            one.close()


STARTING = error_response("57P03", "the database system is starting up")


class Hosts(ServerTest):
    """A primary and its standby."""

    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        certificate, key = cls.authority.issue("server", "localhost", ["DNS:localhost"], "postgres")
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n", "host all nobody all reject"))
        cls.standby = cls.enterClassContext_(ScratchPostgres(standby_of=cls.postgres.port))

    def through(self, url, binary=BINARY, timeout="2s", extra=""):
        """A pgwarden of its own before `url`."""
        for last in (False, False, True):
            pgwarden = Pgwarden(binary, self.postgres)
            pgwarden.write_config("listeners:\n"
                                  f"  - listen: 127.0.0.1:{pgwarden.protected[1]}\n"
                                  f"    upstream: {url}\n"
                                  f"limits: {{upstream_connect_timeout: {timeout}}}\n{extra}\n")
            try:
                return self.enterContext_(pgwarden)
            except RuntimeError as error:  # somebody else may have been given its port in the meantime
                shutil.rmtree(pgwarden.directory)
                if last or "Address already in use" not in str(error):
                    raise
        return None

    def connect(self, pgwarden, **parameters):
        parameters = {"host": "127.0.0.1", "port": pgwarden.protected[1], "user": "postgres", "dbname": "postgres",
                      "connect_timeout": 20, "gssencmode": "disable", "sslmode": "disable", **parameters}
        connection = psycopg2.connect(**parameters)
        self.addCleanup(connection.close)
        connection.autocommit = True
        return connection

    def refused(self, pgwarden, **parameters):
        with self.assertRaises(psycopg2.OperationalError) as caught:
            self.connect(pgwarden, **parameters)
        return str(caught.exception)

    def port_of(self, pgwarden, **parameters):
        return self.one(self.connect(pgwarden, **parameters), "SELECT current_setting('port')::int")

    def fake(self, answer, **options):
        return self.enterContext_(Fake(answer, **options))

    def dead(self):
        """A port that is taken, but nobody listens there."""
        bound = socket.socket()
        self.addCleanup(bound.close)
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]

    def enterContext_(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value


class Order(Hosts):
    def test_the_first_that_is_there(self):
        here, standby, dead = self.postgres.port, self.standby.port, self.dead()
        for url, expected in ((f"postgres://127.0.0.1:{here},127.0.0.1:{standby}", here),
                              (f"postgres://127.0.0.1:{standby},127.0.0.1:{here}", standby),
                              (f"postgres://127.0.0.1:{dead},127.0.0.1:{here}/postgres", here),
                              (f"postgres:///postgres?host=/nonexistent,127.0.0.1&port={dead},{here}", here),
                              (f"postgres:///?host={self.postgres.socket_directory},127.0.0.1&port={here},{dead}", here),
                              (f"postgres://no-such-host.invalid:{here},localhost:{here}", here)):
            with self.subTest(url):
                self.assertEqual(self.port_of(self.through(url)), expected)

    def test_one_that_does_not_answer(self):
        hole, silent = self.fake(None), self.fake(b"")
        for port in (hole.port, silent.port):
            for timeout, parameters in (("500ms", ""), ("10s", "?connect_timeout=2")):
                with self.subTest(port=port, timeout=timeout):
                    pgwarden = self.through(f"postgres://127.0.0.1:{port},127.0.0.1:{self.postgres.port}{parameters}",
                                            timeout=timeout)
                    started = time.monotonic()
                    self.assertEqual(self.port_of(pgwarden), self.postgres.port)
                    self.assertLess(time.monotonic() - started, 6)
        self.assertEqual(hole.asked, 0)
        self.assertGreater(silent.asked, 0)

    def test_one_that_takes_no_sessions_now(self):
        starting, full = self.fake(STARTING), self.fake(error_response("53300", "sorry, too many clients already"))
        negotiating = self.fake(b"v\0\0\0\x0c\0\3\0\0\0\0\0\0" + STARTING)
        here = self.postgres.port
        for first in (starting, negotiating):
            url = f"postgres://127.0.0.1:{first.port},127.0.0.1:{here}?sslmode=disable"
            self.assertEqual(self.port_of(self.through(url)), here)
        # Any other answer is the answer, as for libpq.
        url = f"postgres://127.0.0.1:{full.port},127.0.0.1:{here}?sslmode=disable"
        self.assertIn("sorry, too many clients already", self.refused(self.through(url)))
        alone = self.through(f"postgres://127.0.0.1:{starting.port}?sslmode=disable")
        self.assertIn("FATAL:  the database system is starting up", self.refused(alone))

    def test_a_refused_login_is_the_answer(self):
        pgwarden = self.through(f"postgres://127.0.0.1:{self.postgres.port},127.0.0.1:{self.standby.port}")
        self.assertIn("pg_hba.conf rejects connection", self.refused(pgwarden, user="nobody"))
        self.assertNotIn("nobody", pathlib.Path(self.standby.directory, "log").read_text(encoding="utf-8"))

    def test_none(self):
        dead, starting, hole = self.dead(), self.fake(STARTING), self.fake(None)
        pgwarden = self.through(f"postgres://127.0.0.1:{dead},127.0.0.1:{starting.port},127.0.0.1:{hole.port},"
                                "no-such-host.invalid?sslmode=disable", timeout="500ms")
        self.assertRegex(
            self.refused(pgwarden),
            f'pgwarden could not connect to upstream "127.0.0.1:{dead}": Connection refused; '
            f'"127.0.0.1:{starting.port}": the database system is starting up; '
            f'"127.0.0.1:{hole.port}": timeout expired; "no-such-host.invalid:5432": (Host not found|.*resolved in time)')

    def test_by_chance(self):
        pgwarden = self.through(f"postgres://127.0.0.1:{self.postgres.port},127.0.0.1:{self.standby.port}"
                                "?load_balance_hosts=random")
        seen = {self.port_of(pgwarden) for _ in range(40)}
        self.assertEqual(seen, {self.postgres.port, self.standby.port})

    def test_the_addresses_of_a_name(self):
        """One with two; the server is at the one that comes second."""
        (self.folder / "hosts").write_text("::1 db.test\n127.0.0.1 db.test\n", encoding="ascii")
        wrapper = self.folder / "pgwarden"
        wrapper.write_text("#!/bin/sh\nexec unshare -rm sh -c 'mount --bind "
                           f"{self.folder}/hosts /etc/hosts && exec {pathlib.Path(BINARY).resolve()} \"$@\"' sh \"$@\"\n",
                           encoding="ascii")
        wrapper.chmod(0o755)
        if subprocess.run([wrapper, "--version"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no namespace with an /etc/hosts of its own to be had")
        here, dead = self.postgres.port, self.dead()
        pgwarden = self.through(f"postgres://db.test:{here}", binary=wrapper)
        self.assertEqual(self.port_of(pgwarden), here)
        refused = self.refused(self.through(f"postgres://db.test:{dead}", binary=wrapper))
        self.assertIn(f'"db.test:{dead}" ([::1]:{dead}): Connection refused; '
                      f'"db.test:{dead}" (127.0.0.1:{dead}): Connection refused', refused)
        # At the first there is one that does not answer.
        silent = self.fake(b"", host="::1", port=here)
        self.assertEqual(self.port_of(self.through(f"postgres://db.test:{here}", binary=wrapper)), here)
        self.assertEqual(silent.asked, 1)


class Names(Hosts):
    """What goes by the host that a session has come to."""

    def test_certificates(self):
        """verify-full holds each host to its own name, and a wrong one ends the search."""
        here, dead, root = self.postgres.port, self.dead(), self.authority.path
        query = f"sslmode=verify-full&sslrootcert={root}"
        right = self.through(f"postgres://127.0.0.1:{dead},localhost:{here}/?{query}")
        self.assertTrue(self.one(self.connect(right), "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
        wrong = self.refused(self.through(f"postgres://localhost:{dead},127.0.0.1:{here},localhost:{here}/?{query}"))
        self.assertRegex(wrong, f'"127.0.0.1:{here}": SSL error: .*mismatch')

    def test_addresses_given_apart(self):
        """hostaddr says where, host says who."""
        here, root = self.postgres.port, self.authority.path
        query = f"hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert={root}"
        self.assertEqual(self.port_of(self.through(f"postgres://localhost:{here}/?{query}")), here)
        self.assertRegex(self.refused(self.through(f"postgres://db.example.com:{here}/?{query}")),
                         f'"db.example.com:{here}" \\(127.0.0.1:{here}\\): SSL error: .*mismatch')

    def test_protection(self):
        dead, here = self.dead(), self.postgres.port
        listed = f"postgres://127.0.0.1:{dead},localhost:{here}"
        for protect, denied in (("localhost", True), ("127.0.0.1", False), ("db.example.com", False)):
            with self.subTest(protect):
                connection = self.connect(self.through(listed, extra=f"protect: [{protect}]\npreset: read_only"))
                self.assertEqual(self.one(connection, "SHOW default_transaction_read_only"), "on" if denied else "off")
                if denied:
                    with self.assertRaisesRegex(psycopg2.Error, 'on protected host "localhost"'):
                        self.one(connection, "CREATE TABLE never (id int)")
        by_address = f"postgres://db.example.com:{here}/?hostaddr=127.0.0.1"
        connection = self.connect(self.through(by_address, extra="protect: [db.example.com]"))
        with self.assertRaisesRegex(psycopg2.Error, 'on protected host "db.example.com"'):
            self.one(connection, "CREATE TABLE never (id int)")
        # A replication connection is judged before the server is told of it.
        for protect, denied in (("localhost", True), ("db.example.com", False)):
            with self.subTest(replication=protect):
                pgwarden = self.through(listed, extra=f"protect: [{protect}]")
                done = subprocess.run(
                    ["psql", "-X", "-A", "-t", "-c", "IDENTIFY_SYSTEM", f"host=127.0.0.1 port={pgwarden.protected[1]} "
                     "user=postgres replication=true sslmode=disable"], capture_output=True, text=True, timeout=30,
                    check=False)
                self.assertEqual("replication" in done.stderr, denied, done.stderr)

    def test_cancel_requests(self):
        for url in (f"postgres://127.0.0.1:{self.dead()},127.0.0.1:{self.postgres.port}",
                    f"postgres://127.0.0.1:{self.standby.port},127.0.0.1:{self.postgres.port}",
                    f"postgres://localhost:{self.postgres.port},127.0.0.1:{self.standby.port}"):
            with self.subTest(url):
                connection = self.connect(self.through(url))
                threading.Timer(0.5, connection.cancel).start()
                with self.assertRaises(psycopg2.errors.QueryCanceled):
                    self.one(connection, "SELECT pg_sleep(20)")

    def test_cancel_requests_of_sessions_of_another_pgwarden(self):
        """Nobody knows to which host they belong: all are told."""
        hole = self.fake(None)
        url = f"postgres://127.0.0.1:{hole.port},127.0.0.1:{self.standby.port},127.0.0.1:{self.postgres.port}"
        raw = socket.create_connection(("127.0.0.1", self.postgres.port), 20)
        self.addCleanup(raw.close)
        body = struct.pack("!I", 196608) + b"user\0postgres\0\0"
        raw.sendall(struct.pack("!I", len(body) + 4) + body)
        greeting = b""
        while b"Z\0\0\0\5I" not in greeting:
            greeting += raw.recv(65536)
        at = greeting.index(b"K\0\0\0\x0c")
        query = b"SELECT pg_sleep(30)\0"
        raw.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
        time.sleep(0.3)
        with socket.create_connection(self.through(url).protected, 20) as canceller:
            canceller.sendall(struct.pack("!II", 16, 80877102) + greeting[at + 5:at + 13])
            raw.settimeout(8)
            answer = b""
            while b"Z\0\0\0\5I" not in answer:
                answer += raw.recv(65536)
        self.assertIn(b"C57014", answer)


class Kinds(Hosts):
    """target_session_attrs, checked by what the server reports; libpq itself says what is right."""

    WORDS = ("any", "read-write", "read-only", "primary", "standby", "prefer-standby")

    def outcome(self, connect):
        try:
            connection = connect()
        except psycopg2.OperationalError as error:
            return re.search(r"(session|server) is (not )?(read-only|in hot standby mode)", str(error)).group()
        return self.one(connection, "SELECT current_setting('port')::int")

    def test_as_libpq(self):
        for server in (self.postgres, self.standby):
            for words in self.WORDS:
                pgwarden = self.through(f"postgres://127.0.0.1:{server.port}/?target_session_attrs={words}")
                for options in ("", "-c default_transaction_read_only=on"):
                    with self.subTest(words=words, primary=server is self.postgres, options=options):
                        direct = self.outcome(lambda: psycopg2.connect(
                            host="127.0.0.1", port=server.port, user="postgres", dbname="postgres", options=options,
                            target_session_attrs=words))
                        self.assertEqual(self.outcome(lambda: self.connect(pgwarden, options=options)), direct)

    def test_several_hosts_where_pgwarden_logs_in(self):
        ports = (self.postgres.port, self.standby.port)
        for order in (ports, ports[::-1]):
            hosts = ",".join(f"127.0.0.1:{port}" for port in order)
            for words in self.WORDS:
                pgwarden = self.through(f'"postgres://{hosts}/?target_session_attrs={words}"\n    auth: managed',
                                        extra="users: [{name: ann, trust: true, upstream: {user: postgres}}]")
                with self.subTest(words=words, order=order):
                    direct = self.outcome(lambda: psycopg2.connect(
                        host="127.0.0.1,127.0.0.1", port=",".join(map(str, order)), user="postgres", dbname="postgres",
                        target_session_attrs=words))
                    self.assertEqual(self.outcome(lambda: self.connect(pgwarden, user="ann")), direct)
        only_standby = self.through(
            f'"postgres://127.0.0.1:{ports[1]},127.0.0.1:{self.dead()}/?target_session_attrs=primary"\n    auth: managed',
            extra="users: [{name: ann, trust: true, upstream: {user: postgres}}]")
        self.assertIn("server is in hot standby mode", self.refused(only_standby, user="ann"))

    def test_with_several_hosts_it_is_a_problem(self):
        done = subprocess.run([BINARY, "run", "postgres://a,b/d?target_session_attrs=read-write"], capture_output=True,
                              text=True, check=False, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("target_session_attrs with several hosts needs a login that can be made again", done.stderr)


if __name__ == "__main__":
    unittest.main()
