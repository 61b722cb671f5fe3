"""SIGHUP under load: no session drops, none is judged by half of a policy, and the log says by which one it was."""

import functools
import itertools
import re
import signal
import socket
import ssl
import struct
import unittest

import psycopg2

from support import Clients, ServerTest, eventually, startup_packet
from lib.servers import ScratchPostgres

SSL_REQUEST = struct.pack("!II", 8, 80877103)
TABLES = ("odd", "even")
# Denied by either policy. Were each of the two facts answered by another one, it could pass.
BOTH = "WITH other AS (INSERT INTO odd VALUES (1)) INSERT INTO even VALUES (1)"
RELOADS = 24


class Load(Clients):
    """Clients on threads, and what they saw. A statement that is refused by anything but a rule is a failure."""

    def __init__(self, test):
        super().__init__([functools.partial(self.run, client) for client in (self.stay,) * 3 + (self.come,) * 3])
        self.test = test
        self.denials = []  # (decision, rule, the versions between which it was judged)
        self.written = [0, 0]
        self.statements = 0

    def run(self, client):
        try:
            client()
        except Exception as error:  # pylint: disable=broad-exception-caught
            self.failures.append(repr(error))

    def connect(self):
        connection = psycopg2.connect(self.test.dsn(), sslmode="require")
        connection.autocommit = True
        return connection

    def stay(self):
        """One session for the whole time, at one server."""
        connection = self.connect()
        where = self.test.one(connection, "SELECT current_setting('port') || ' ' || pg_backend_pid()")
        while not self.over.wait(0.02):
            self.work(connection)
            now = self.test.one(connection, "SELECT current_setting('port') || ' ' || pg_backend_pid()")
            if now != where:
                self.failures.append(f"{where} became {now}")
        connection.close()

    def come(self):
        """Session after session. Each makes so few denials that all of them are in the log."""
        while not self.over.wait(0.05):
            connection = self.connect()
            self.denied(connection, BOTH, recorded=True)
            self.work(connection)
            connection.close()

    def work(self, connection):
        for table in (0, 1):
            if not self.denied(connection, f"INSERT INTO {TABLES[table]} VALUES (1)"):
                with self.lock:
                    self.written[table] += 1
        if not self.denied(connection, BOTH):
            self.failures.append("judged by two halves")

    def denied(self, connection, sql, recorded=False):
        oldest = self.test.in_force
        self.statements += 1
        try:
            connection.cursor().execute(sql)
            return False
        except psycopg2.errors.InsufficientPrivilege as error:
            found = re.search(r'rule "not-(odd|even)" denies .* \(pgwarden (\w+)\)', str(error))
            if not found:
                raise
            with self.lock:
                self.denials.append((found[2], found[1], oldest, self.test.newest, recorded))
            return True


class Reload(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        cls.files = [cls.authority.issue(name, "localhost", ["DNS:localhost"]) for name in ("first", "second")]
        cls.listener = f"tls: {{certificate: {cls.files[0][0]}, key: {cls.files[0][1]}}}"
        super().setUpClass()
        cls.other = cls.enterClassContext_(ScratchPostgres())
        cls.servers = [cls.postgres, cls.other]
        for server in cls.servers:
            server.psql("postgres", "CREATE TABLE odd (v int); CREATE TABLE even (v int)")

    def setUp(self):
        """`in_force` is the version that all sessions have, `newest` one that they may have already."""
        self.in_force = self.newest = self.log_records("reloaded")[-1]["policy_version"] \
            if self.log_records("reloaded") else 1
        self.reload(self.config(self.newest + 1))

    def config(self, version):
        """Of an odd version, or of an even one: another policy, another certificate, another server."""
        kind = 1 - version % 2
        certificate, key = self.files[kind]
        return f"""
listeners:
  - listen: 127.0.0.1:{self.pgwarden.protected[1]}
    upstream: postgres://127.0.0.1:{self.servers[kind].port}
    tls: {{certificate: {certificate}, key: {key}}}
  - listen: 127.0.0.1:{self.pgwarden.unprotected[1]}
    upstream: postgres://localhost:{self.postgres.port}
  - listen: {self.pgwarden.socket_path}
    upstream: postgres:///?host={self.postgres.socket_directory}&port={self.postgres.port}
rules:
  - {{name: not-{TABLES[kind]}, effect: deny, match: {{classes: [write], objects: [{TABLES[kind]}]}}}}
"""

    def broken_configs(self):
        good = self.config(self.newest + 1)
        key = str(self.files[0][1])
        yield "listeners: [\n"
        yield ""
        yield good.replace("effect: deny", "effect: dney")
        yield good.replace("objects:", "object:")
        yield good.replace(".key", ".missing")
        yield good.replace(key, str(self.files[1][1])).replace(str(self.files[1][0]), str(self.files[0][0]))
        yield good.replace(str(self.pgwarden.unprotected[1]), "1")
        yield good.replace("upstream: postgres://127", "upstream: mysql://127")

    def hang_up(self, text, *messages):
        """Waits for a record with one of `messages`."""
        def seen():
            return sum(self.pgwarden.log_text().count(f'"{message}') for message in messages)
        before = seen()
        self.pgwarden.write_config(text)
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: seen() > before, 60), self.pgwarden.log_text()[-3000:])

    def reload(self, text):
        self.newest += 1
        self.hang_up(text, "reloaded")
        self.in_force = self.newest

    def test_under_load(self):
        broken = itertools.cycle(self.broken_configs())
        with Load(self) as load:
            for turn in range(RELOADS):
                if turn % 3 == 2:
                    self.hang_up(next(broken), "reload failed")
                else:
                    self.reload(self.config(self.newest + 1))
                control = load.connect()
                self.assertTrue(load.denied(control, BOTH, recorded=True))
                control.close()
            enough = len(load.denials) + 50
            self.assertTrue(eventually(lambda: len(load.denials) > enough or load.failures, 60))
        self.assertEqual(load.failures, [])
        records = {record["decision"]: record for record in self.log_records("statement denied")}
        for decision, table, oldest, newest, recorded in load.denials:
            record = records.get(decision)
            if record is None:
                self.assertFalse(recorded, decision)
                continue
            version = record["policy_version"]
            self.assertTrue(oldest <= version <= newest, (oldest, version, newest))
            self.assertEqual(record["rule"], f"not-{table}")
            self.assertEqual(table, TABLES[1 - version % 2], record)
        versions = {record["policy_version"] for record in records.values()}
        self.assertTrue(set(range(self.in_force - 8, self.in_force)) <= versions, versions)
        for table in (0, 1):
            rows = sum(int(server.psql("postgres", f"SELECT count(*) FROM {TABLES[table]}")) for server in self.servers)
            self.assertEqual(rows, load.written[table])
        print(f"{load.statements} statements, {len(load.denials)} denials by {len(versions)} versions ", end="")

    def test_what_has_begun_goes_on_with_what_it_began_with(self):
        # From the certificate to the server: else one configuration's user could log in as another's says.
        context = ssl.create_default_context(cafile=str(self.authority.path))
        context.check_hostname = False
        session = self.tls_session(context)
        before = self.newest
        self.reload(self.config(self.newest + 1))
        later = self.tls_session(context)
        self.assertNotEqual(session.getpeercert()["serialNumber"], later.getpeercert()["serialNumber"])
        self.assertEqual(self.port_of(session), self.servers[1 - before % 2].port)
        self.assertEqual(self.port_of(later), self.servers[before % 2].port)

    def tls_session(self, context):
        """A client that has not said yet who it is."""
        plain = socket.create_connection(self.pgwarden.protected, 60)
        plain.sendall(SSL_REQUEST)
        self.assertEqual(plain.recv(1), b"S")
        encrypted = context.wrap_socket(plain)
        self.addCleanup(encrypted.close)
        return encrypted

    def port_of(self, peer):
        """Of the server that a session which begins now has come to."""
        query = b"SELECT 'port ' || current_setting('port')\0"
        peer.sendall(startup_packet(user="postgres", database="postgres") +
                     b"Q" + struct.pack("!I", len(query) + 4) + query)
        received = b""
        while not (found := re.search(rb"port (\d+)", received)):
            received += peer.recv(4096)
        return int(found[1])


if __name__ == "__main__":
    unittest.main()
