"""TLS to clients and to the server: who may connect how, and what nobody can slip in."""

import contextlib
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

import psycopg2
from support import BINARY, ServerTest, eventually, startup_packet
from lib.certificates import Authority
from lib.servers import Pgwarden, ScratchPostgres, free_port

SSL_REQUEST = struct.pack("!II", 8, 80877103)
PROTOCOL = "postgresql"


def rest_of(peer):
    received = b""
    try:
        while data := peer.recv(65536):
            received += data
    except (ConnectionResetError, ssl.SSLError):
        pass
    return received


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read_until(peer, wanted):
    received = b""
    while wanted not in received:
        data = peer.recv(65536)
        if not data:
            raise AssertionError(f"ended with {received!r}")
        received += data
    return received


class TlsByHand:
    """A client whose bytes the test moves itself: `before` goes in one piece with its first ones, `received` is what
    came, as it came."""

    def __init__(self, peer, context):
        self.peer, self.before, self.received = peer, b"", b""
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def step(self, call):
        while True:
            try:
                return call()
            except ssl.SSLWantReadError:
                if data := self.before + self.outgoing.read():
                    self.peer.sendall(data)
                self.before = b""
                data = self.peer.recv(65536)
                if not data:
                    raise AssertionError("the connection has ended") from None
                self.received += data
                self.incoming.write(data)


class Tls(ServerTest):
    """Listeners by name, each with a port of its own, and upstreams with the parameters of their URLs."""

    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        cls.stranger = Authority(cls.folder, "stranger")
        cls.server_files = cls.authority.issue("server", "localhost", ["DNS:localhost", "IP:127.0.0.1"], "postgres")
        cls.client_files = cls.authority.issue("client", "postgres")
        cls.strange_files = cls.stranger.issue("strange", "postgres")
        cls.front_files = cls.authority.issue("front", "localhost", ["DNS:localhost", "IP:127.0.0.1"])
        certificate, key = cls.server_files
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\nssl_ca_file = '{cls.authority.path}'",
            "hostssl onlytls all all trust\nhost onlytls all all reject\nhostnossl onlyclear all all trust\n"
            "host onlyclear all all reject\nhostssl cert all all cert\nhost all scram all scram-sha-256\n"))
        cls.postgres.psql("postgres", "CREATE DATABASE onlytls; CREATE DATABASE onlyclear; CREATE DATABASE cert; "
                                      "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram LOGIN PASSWORD 'x'")
        ca = cls.authority.path
        listeners = {name: (f"mode: {name}" + (f", client_ca: {ca}" if name.startswith("verify") else ""), "sslmode=disable")
                     for name in ("allow", "prefer", "require", "verify-ca", "verify-full")}
        cls.upstreams = {
            "disable": "sslmode=disable", "up-allow": "sslmode=allow", "up-prefer": "sslmode=prefer", "unsaid": "",
            "up-require": "sslmode=require", "full": f"sslmode=verify-full&sslrootcert={ca}",
            "ca": f"sslmode=verify-ca&sslrootcert={ca}", "wrong-ca": f"sslmode=verify-ca&sslrootcert={cls.stranger.path}",
            "require-wrong-ca": f"sslmode=require&sslrootcert={cls.stranger.path}",
            "certificate": f"sslmode=verify-full&sslrootcert={ca}&sslcert={cls.client_files[0]}&sslkey={cls.client_files[1]}",
            "prefer-wrong-ca": f"sslmode=prefer&sslrootcert={cls.stranger.path}",
            "old": "sslmode=require&ssl_max_protocol_version=TLSv1.2",
        }
        listeners |= {name: (None, parameters) for name, parameters in cls.upstreams.items()}
        listeners["both"] = ("mode: prefer", "sslmode=require")
        listeners["proxied"] = ("mode: require", "sslmode=disable")
        cls.ports = {name: free_port() for name in listeners}
        lines = ["listeners:"]
        for name, (tls, parameters) in listeners.items():
            host = "localhost" if name in ("full", "certificate") else "127.0.0.1"
            lines += [f"  - listen: 127.0.0.1:{cls.ports[name]}",
                      f"    upstream: postgres://{host}:{cls.postgres.port}{parameters and '?' + parameters}"]
            if name == "proxied":
                lines.append("    proxy_protocol_networks: [127.0.0.1]")
            if tls:
                lines.append(f"    tls: {{{tls}, certificate: {cls.front_files[0]}, key: {cls.front_files[1]}}}")
        pgwarden = Pgwarden(BINARY, cls.postgres)
        pgwarden.write_config("\n".join(lines) + "\n")
        cls.pgwarden = cls.enterClassContext_(pgwarden)

    def connect(self, listener, **parameters):
        parameters = {"dbname": "postgres", "user": "postgres", "host": "127.0.0.1", "gssencmode": "disable",
                      "connect_timeout": 20, **parameters}
        connection = psycopg2.connect(port=self.ports[listener], **parameters)
        self.addCleanup(connection.close)
        connection.autocommit = True
        return connection

    def refused(self, listener, **parameters):
        with self.assertRaises(psycopg2.OperationalError) as caught:
            self.connect(listener, **parameters)
        return str(caught.exception)

    def server_sees_tls(self, connection):
        return self.one(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")

    def raw(self, listener):
        return self.closed_later(socket.create_connection(("127.0.0.1", self.ports[listener]), 20))

    def context(self, protocols=(PROTOCOL,)):
        context = ssl.create_default_context(cafile=self.authority.path)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context

    def encrypted(self, listener, **options):
        """By SSLRequest, as drivers do."""
        peer = self.raw(listener)
        peer.sendall(SSL_REQUEST)
        self.assertEqual(peer.recv(10), b"S")
        return self.closed_later(self.context(**options).wrap_socket(peer, server_hostname="localhost"))

    def closed_later(self, peer):
        self.addCleanup(peer.close)
        return peer


class Clients(Tls):
    def test_modes(self):
        for listener in ("allow", "prefer", "require"):
            with self.subTest(listener):
                encrypted = self.connect(listener, sslmode="verify-full", sslrootcert=self.authority.path, host="localhost")
                self.assertTrue(encrypted.info.ssl_in_use)
                self.assertEqual(self.one(encrypted, "SELECT 41 + 1"), 42)
        for listener in ("allow", "prefer"):
            self.assertFalse(self.connect(listener, sslmode="disable").info.ssl_in_use)
        self.assertIn("pgwarden requires TLS on this connection", self.refused("require", sslmode="disable"))
        # Without certificates TLS is not offered.
        self.assertFalse(self.connect("disable", sslmode="prefer").info.ssl_in_use)
        self.assertIn("server does not support SSL", self.refused("disable", sslmode="require"))

    def test_certificates_of_clients(self):
        files = lambda pair: {"sslcert": pair[0], "sslkey": pair[1]}  # noqa: E731
        for listener in ("verify-ca", "verify-full"):
            with self.subTest(listener):
                self.connect(listener, sslmode="require", **files(self.client_files))
                self.refused(listener, sslmode="disable")
                self.refused(listener, sslmode="require", **files(self.strange_files))
                self.refused(listener, sslmode="require", sslcert="/nonexistent", sslkey="/nonexistent")

    def test_large_results_and_a_slow_reader(self):
        connection = self.connect("require", sslmode="require")
        expected = self.one(connection, "SELECT md5(string_agg(i::text || repeat('x', 1000), E'\\n') || E'\\n') "
                                        "FROM generate_series(1, 40000) i")
        done = subprocess.run(
            ["sh", "-c", "psql -X -c \"COPY (SELECT i::text || repeat('x', 1000) FROM generate_series(1, 40000) i) "
                         "TO STDOUT\" | (sleep 1; md5sum)"], capture_output=True, text=True, check=True, timeout=60,
            env={**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.ports["require"]), "PGUSER": "postgres",
                 "PGSSLMODE": "require", "PGDATABASE": "postgres"})
        self.assertEqual(done.stdout.split()[0], expected)
        large = "y" * 3_000_000  # larger than what a socket takes at once, in both directions
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, pg_sleep(0.3)", (large,))
            self.assertEqual(cursor.fetchone()[0], large)

    def test_records_are_small_enough_for_old_clients(self):
        peer = self.raw("require")
        peer.sendall(SSL_REQUEST)
        self.assertEqual(peer.recv(1), b"S")
        tls = TlsByHand(peer, self.context())
        tls.step(tls.object.do_handshake)
        query = b"SELECT repeat('x', 200000)\0"
        tls.object.write(startup_packet(user="postgres", database="postgres") +
                         b"Q" + struct.pack("!I", len(query) + 4) + query)
        received = 0
        while received < 200_000:
            received += len(tls.step(lambda: tls.object.read(65536)))
        sizes, stream = [], tls.received
        while len(stream) >= 5:
            sizes.append(struct.unpack("!H", stream[3:5])[0])
            stream = stream[5 + sizes[-1]:]
        self.assertGreater(len(sizes), 25)
        self.assertLessEqual(max(sizes), 8192 + 256)

    def test_direct_negotiation(self):
        for protocols, accepted in (((PROTOCOL,), True), (("http/1.1", PROTOCOL), True), (("http/1.1",), False), ((), False)):
            with self.subTest(protocols=protocols):
                answer = b""
                try:
                    peer = self.closed_later(
                        self.context(protocols).wrap_socket(self.raw("require"), server_hostname="localhost"))
                    peer.sendall(startup_packet(user="postgres", database="postgres"))
                    answer = read_until(peer, b"Z\0\0\0\5I") if accepted else rest_of(peer)
                except (ssl.SSLError, ConnectionResetError):
                    self.assertFalse(accepted)
                self.assertEqual(bool(answer), accepted)
        # By SSLRequest a client need not name the protocol, but if it names some it must be among them.
        self.encrypted("require", protocols=())
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.encrypted("require", protocols=("http/1.1",))

    def test_behind_a_proxy_that_says_whose_connection_it_is(self):
        """The header comes in clear, in one piece with what the client sends first or before it."""
        header, start = b"PROXY TCP4 192.0.2.7 10.0.0.5 56280 6432\r\n", startup_packet(user="postgres", database="postgres")
        for together in (True, False):
            for direct in (True, False):
                with self.subTest(together=together, direct=direct):
                    peer = self.raw("proxied")
                    tls = TlsByHand(peer, self.context())
                    tls.before = header + (b"" if direct else SSL_REQUEST)
                    if not together:
                        peer.sendall(header)
                        time.sleep(0.1)
                        tls.before = tls.before[len(header):]
                    if not direct:
                        peer.sendall(tls.before)
                        tls.before = b""
                        self.assertEqual(peer.recv(1), b"S")
                    tls.step(tls.object.do_handshake)
                    tls.object.write(start)
                    received = b""
                    while b"Z\0\0\0\5I" not in received:
                        received += tls.step(lambda: tls.object.read(65536))

    def test_nothing_in_clear_is_taken_for_encrypted(self):
        self.postgres.psql("postgres", "CREATE TABLE IF NOT EXISTS untouched (id int)")
        query = b"DROP TABLE untouched\0"
        stuffed = startup_packet(user="postgres", database="postgres") + b"Q" + struct.pack("!I", len(query) + 4) + query
        for listener in ("allow", "require"):
            with self.subTest(listener):
                peer = self.raw(listener)
                peer.sendall(SSL_REQUEST + stuffed)
                self.assertIn(b"received unencrypted data after SSL request", rest_of(peer))
                peer = self.raw(listener)
                peer.sendall(SSL_REQUEST)
                self.assertEqual(peer.recv(1), b"S")
                peer.sendall(stuffed)
                self.assertNotIn(b"Z\0\0\0\5", rest_of(peer))
        peer = self.encrypted("require")
        peer.sendall(SSL_REQUEST)
        self.assertIn(b"received a second SSL request", rest_of(peer))
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM untouched"), "0")

    def test_cancel_by_tls(self):
        peer = self.encrypted("require")
        peer.sendall(startup_packet(user="postgres", database="postgres"))
        greeting = read_until(peer, b"Z\0\0\0\5I")
        at = greeting.index(b"K\0\0\0\x0c")
        key = greeting[at + 5:at + 13]
        query = b"SELECT pg_sleep(60)\0"
        peer.sendall(b"Q" + struct.pack("!I", len(query) + 4) + query)
        time.sleep(0.3)
        canceller = self.encrypted("require")
        canceller.sendall(struct.pack("!II", 16, 80877102) + key)
        self.assertEqual(rest_of(canceller), b"")
        self.assertIn(b"C57014", read_until(peer, b"Z\0\0\0\5I"))

    def test_new_certificates_by_reload(self):
        before = self.connect("require", sslmode="require")
        config = self.pgwarden.config.read_text(encoding="utf-8")
        old, new = self.front_files, self.authority.issue("renewed", "localhost", ["DNS:localhost"])

        def serial():
            return self.encrypted("require").getpeercert()["serialNumber"]
        first = serial()
        self.pgwarden.write_config(config.replace(str(old[0]), str(new[0])).replace(str(old[1]), str(new[1])))
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: serial() != first))
        self.assertEqual(self.one(before, "SELECT 1"), 1)
        second = serial()
        broken = self.folder / "broken.crt"
        broken.write_text("no certificate\n", encoding="ascii")
        self.pgwarden.write_config(config.replace(str(old[0]), str(broken)))
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: "cannot use the certificate" in self.pgwarden.log_text()))
        self.assertEqual(serial(), second)
        self.pgwarden.write_config(config)
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: serial() == first))

    def test_bad_files_are_told_at_start(self):
        good, key = self.front_files
        broken = self.folder / "text.crt"
        broken.write_text("no certificate\n", encoding="ascii")
        for tls, message in (
                (f"certificate: /nonexistent.crt, key: {key}", r":3:\d+: error: /nonexistent.crt: cannot read the file"),
                (f"certificate: {broken}, key: {key}", "cannot use the certificate"),
                (f"certificate: {good}, key: {self.client_files[1]}", "private key"),
                (f"mode: verify-ca, certificate: {good}, key: {key}", '"client_ca" is missing|needs "client_ca"|client_ca'),
                ("mode: require", "certificate")):
            with self.subTest(message):
                file = self.folder / "bad.yaml"
                file.write_text("listeners:\n  - {listen: '127.0.0.1:0', upstream: 'postgres://h',\n"
                                f"     tls: {{{tls}}}}}\n", encoding="utf-8")
                done = subprocess.run([BINARY, "run", "--config", file], capture_output=True, text=True, check=False,
                                      timeout=20)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertRegex(done.stderr, message)


class Upstreams(Tls):
    def test_modes(self):
        for listener, encrypted in (("disable", False), ("up-allow", False), ("up-prefer", True), ("unsaid", True),
                                    ("up-require", True), ("ca", True), ("full", True), ("old", True), ("certificate", True)):
            with self.subTest(listener):
                self.assertEqual(self.server_sees_tls(self.connect(listener, sslmode="disable")), encrypted)
        version = "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        self.assertEqual(self.one(self.connect("old", sslmode="disable"), version), "TLSv1.2")
        self.assertEqual(self.one(self.connect("full", sslmode="disable"), version), "TLSv1.3")

    def test_the_second_way(self):
        """allow tries TLS, and prefer tries without, when the server refuses the first way."""
        for listener in ("up-allow", "up-prefer"):
            with self.subTest(listener):
                self.assertTrue(self.server_sees_tls(self.connect(listener, sslmode="disable", dbname="onlytls")))
                self.assertFalse(self.server_sees_tls(self.connect(listener, sslmode="disable", dbname="onlyclear")))
        self.assertIn("pg_hba.conf rejects", self.refused("disable", sslmode="disable", dbname="onlytls"))
        self.assertIn("pg_hba.conf rejects", self.refused("up-require", sslmode="disable", dbname="onlyclear"))
        # Refused both ways: what the server says, as directly.
        self.assertIn('database "missing" does not exist', self.refused("up-prefer", sslmode="disable", dbname="missing"))

    def test_who_the_server_is(self):
        for listener in ("wrong-ca", "require-wrong-ca"):
            self.assertRegex(self.refused(listener, sslmode="disable"), "SSL error: .*certificate")

    def test_the_certificate_of_pgwarden_is_the_login(self):
        connection = self.connect("certificate", sslmode="disable", dbname="cert")
        self.assertIn("CN=postgres", self.one(connection, "SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))
        self.assertIn("connection requires a valid client certificate", self.refused("full", sslmode="disable", dbname="cert"))

    def test_channel_binding_does_not_reach_through(self):
        login = {"user": "scram", "password": "x", "sslmode": "require"}
        refused = self.refused("both", **login)
        self.assertIn("SCRAM channel binding cannot pass through pgwarden", refused)
        self.assertIn("channel_binding=disable", refused)
        self.assertTrue(self.server_sees_tls(self.connect("both", channel_binding="disable", **login)))
        self.assertTrue(self.server_sees_tls(self.connect("both", **{**login, "sslmode": "disable"})))
        self.assertIn("password authentication failed", self.refused("both", channel_binding="disable",
                                                                     **{**login, "password": "y"}))

    def test_cancel_goes_the_way_of_its_session(self):
        for listener, database in (("full", "postgres"), ("up-allow", "onlytls"), ("up-prefer", "onlyclear"),
                                   ("prefer-wrong-ca", "postgres")):
            with self.subTest(listener):
                connection = self.connect(listener, sslmode="disable", dbname=database)
                threading.Timer(0.5, connection.cancel).start()
                with self.assertRaises(psycopg2.errors.QueryCanceled):
                    self.one(connection, "SELECT pg_sleep(20)")


class HostileServer(ServerTest):
    """What a server cannot do to those who demand TLS."""

    @contextlib.contextmanager
    def client_through(self, listening, parameters):
        """A client that has sent its startup packet to a pgwarden before this server."""
        port = free_port()
        process = subprocess.Popen(
            [BINARY, "run", f"postgres://127.0.0.1:{listening.getsockname()[1]}/postgres?{parameters}",
             "--listen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertTrue(eventually(lambda: accepts(port)))
            with socket.create_connection(("127.0.0.1", port), 20) as client:
                client.sendall(startup_packet(user="postgres", database="postgres"))
                yield client
        finally:
            process.terminate()
            process.wait(20)

    def answer_of(self, behaviour, parameters):
        """What the client of a pgwarden gets whose server answers the SSLRequest so."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(20)

            def serve():
                peer, _ = listening.accept()
                with peer:
                    peer.settimeout(20)
                    peer.recv(8)
                    peer.sendall(behaviour)
                    rest_of(peer)
            server = threading.Thread(target=serve)
            server.start()
            with self.client_through(listening, parameters) as client:
                answer = rest_of(client)
            server.join(20)
            return re.sub(rb"[^ -~]+", b" ", answer).decode()

    def test_a_client_that_leaves_while_the_server_is_silent(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(20)
            with self.client_through(listening, "sslmode=allow") as client:
                server, _ = listening.accept()
                server.settimeout(5)
                self.assertTrue(server.recv(1000))
                client.close()
                with server:
                    self.assertEqual(server.recv(1), b"")

    def test_answers_to_the_ssl_request(self):
        self.assertIn("server does not support SSL, but SSL was required", self.answer_of(b"N", "sslmode=require"))
        self.assertIn("received unencrypted data after SSL response", self.answer_of(b"S" + b"R\0\0\0\x08\0\0\0\0",
                                                                                   "sslmode=require"))
        self.assertIn("server sent an error response during SSL exchange", self.answer_of(b"E\0\0\0\x05\0", "sslmode=require"))
        self.assertIn("received invalid response to SSL negotiation", self.answer_of(b"X", "sslmode=require"))


if __name__ == "__main__":
    unittest.main()
