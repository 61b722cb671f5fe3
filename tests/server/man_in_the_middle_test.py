"""Somebody between client and pgwarden, or between pgwarden and the server, who ends TLS on both sides of himself. His
certificate has the right name, and the authority that everybody trusts has signed it: only channel binding tells that it
is not the peer's own."""

import contextlib
import select
import socket
import ssl
import struct
import threading
import unittest

import psycopg2
from support import BINARY, ServerTest
from lib.certificates import Authority
from lib.servers import Pgwarden, ScratchPostgres

SSL_REQUEST = struct.pack("!II", 8, 80877103)
TIMEOUT_S = 20
QUERY = "SELECT 'for your eyes only'"


def sasl(*mechanisms):
    body = struct.pack("!I", 10) + b"".join(name + b"\0" for name in mechanisms) + b"\0"
    return b"R" + struct.pack("!I", len(body) + 4) + body


class ManInTheMiddle:
    """Passes sessions on to `target`, for the time of a `with`; `seen` is all of their bytes. `strips`: he takes the offer
    of channel binding away. `clear`: to the target he speaks without TLS."""

    def __init__(self, target, files, strips=False, clear=False):
        self.target, self.strips, self.clear, self.seen = target, strips, clear, b""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*files)

    def __enter__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.thread = threading.Thread(target=self._accept)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.thread.join(TIMEOUT_S)
        self.listening.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                with client, contextlib.suppress(OSError):
                    self._serve(client)

    def _serve(self, client):
        client.settimeout(TIMEOUT_S)
        if client.recv(8) != SSL_REQUEST:
            return
        client.sendall(b"S")
        with self.context.wrap_socket(client, server_side=True) as client, self._connected() as server:
            while True:
                readable, _, _ = select.select([client, server], [], [], TIMEOUT_S)
                for source, peer in ((client, server), (server, client)):
                    if source in readable:
                        data = self._received(source)
                        if data == b"":
                            return
                        if data and self.strips and source is server:
                            data = data.replace(sasl(b"SCRAM-SHA-256-PLUS", b"SCRAM-SHA-256"), sasl(b"SCRAM-SHA-256"))
                        peer.sendall(data or b"")
                        self.seen += data or b""

    @staticmethod
    def _received(source):
        """None: it was a part of TLS itself."""
        source.settimeout(0)
        try:
            return source.recv(65536)
        except ssl.SSLWantReadError:
            return None
        finally:
            source.settimeout(TIMEOUT_S)

    def _connected(self):
        server = socket.create_connection(self.target, TIMEOUT_S)
        if self.clear:
            return server
        server.sendall(SSL_REQUEST)
        if server.recv(1) != b"S":
            raise OSError("no TLS")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(server)


class Interception(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        names = ["DNS:localhost", "IP:127.0.0.1"]
        cls.mans = cls.authority.issue("man", "localhost", names)
        cls.self_made = Authority(cls.folder, "stranger").issue("self-made", "localhost", names)
        cls.front = cls.authority.issue("front", "localhost", names)
        certificate, key = cls.authority.issue("server", "localhost", names, "postgres")
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'",
            "host all postgres all trust\nhost all all all scram-sha-256"))
        cls.verifier = cls.postgres.psql("postgres", "SET password_encryption = 'scram-sha-256'; CREATE ROLE app LOGIN "
                                         "PASSWORD 's3cret'; SELECT rolpassword FROM pg_authid WHERE rolname = 'app'")

    def pgwarden_before(self, port, parameters, auth="managed"):
        """A pgwarden whose server is at `port`; gives its own."""
        self.pgwarden = Pgwarden(BINARY, self.postgres)
        self.pgwarden.write_config(f"""
listeners:
  - listen: 127.0.0.1:{self.pgwarden.protected[1]}
    auth: {auth}
    upstream: postgres://app:s3cret@localhost:{port}/?{parameters}
    tls: {{mode: require, certificate: {self.front[0]}, key: {self.front[1]}}}
users: [{{name: app, password: "{self.verifier}"}}]
""")
        return self.stack.enter_context(self.pgwarden).protected[1]

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)

    def intercepted(self, port, files=None, **habits):
        return self.stack.enter_context(ManInTheMiddle(("127.0.0.1", port), files or self.mans, **habits))

    def outcome(self, man, port, user="app", **parameters):
        """What the client gets; nothing of the session may have been seen unless it gets what it has asked for."""
        parameters = {"sslmode": "require", "gssencmode": "disable", "connect_timeout": TIMEOUT_S, "sslcert": "/nonexistent",
                      **parameters}
        try:
            connection = psycopg2.connect(host="localhost", port=port, user=user, password="s3cret", dbname="postgres",
                                          **parameters)
        except psycopg2.OperationalError as error:
            for secret in (b"s3cret", b"server_version", b"Z\0\0\0\5"):
                self.assertNotIn(secret, man.seen)
            return str(error)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(QUERY)
            return cursor.fetchone()[0]


class BetweenClientAndPgwarden(Interception):
    def setUp(self):
        super().setUp()
        self.pgwarden_port = self.pgwarden_before(self.postgres.port, "sslmode=require&channel_binding=require")

    def attempt(self, files=None, strips=False, clear=False, **parameters):
        man = self.intercepted(self.pgwarden_port, files, strips=strips, clear=clear)
        return man, self.outcome(man, man.port, **parameters)

    def test_the_certificate_of_another(self):
        for binding in ("require", "prefer"):
            with self.subTest(binding):
                self.assertIn("SCRAM channel binding check failed", self.attempt(channel_binding=binding)[1])

    def test_an_offer_that_is_taken_away(self):
        self.assertIn("client supports SCRAM channel binding but thinks the server does not",
                      self.attempt(strips=True, channel_binding="prefer")[1])
        self.assertIn("channel binding", self.attempt(strips=True, channel_binding="require")[1])

    def test_the_other_side_in_clear(self):
        for binding in ("require", "prefer"):
            self.assertIn("pgwarden requires TLS", self.attempt(clear=True, channel_binding=binding)[1])

    def test_a_client_that_checks_the_certificate_and_finds_it_good(self):
        options = {"sslmode": "verify-full", "sslrootcert": self.authority.path}
        self.assertIn("SCRAM channel binding check failed", self.attempt(**options)[1])
        man, answer = self.attempt(self.self_made, **options)
        self.assertIn("certificate verify failed", answer)
        self.assertEqual(man.seen, b"")

    def test_without_channel_binding_he_gets_through(self):
        man, answer = self.attempt(channel_binding="disable")
        self.assertEqual(answer, "for your eyes only")
        self.assertIn(b"for your eyes only", man.seen)


class BetweenPgwardenAndServer(Interception):
    def attempt(self, parameters, files=None, strips=False, clear=False, auth="managed", **options):
        man = self.intercepted(self.postgres.port, files, strips=strips, clear=clear)
        return man, self.outcome(man, self.pgwarden_before(man.port, parameters, auth), **options)

    def test_the_certificate_of_another(self):
        for binding in ("require", "prefer"):
            with self.subTest(binding):
                self.assertIn("SCRAM channel binding check failed",
                              self.attempt(f"sslmode=require&channel_binding={binding}")[1])
        self.assertIn("SCRAM channel binding check failed", self.attempt("sslmode=require")[1])
        self.assertIn("SCRAM channel binding check failed",
                      self.attempt(f"sslmode=verify-full&sslrootcert={self.authority.path}")[1])

    def test_an_offer_that_is_taken_away(self):
        self.assertIn("SCRAM channel binding negotiation error", self.attempt("sslmode=require", strips=True)[1])
        self.assertIn("it does not offer SCRAM-SHA-256-PLUS",
                      self.attempt("sslmode=require&channel_binding=require", strips=True)[1])

    def test_the_other_side_in_clear(self):
        self.assertIn("it does not offer SCRAM-SHA-256-PLUS",
                      self.attempt("sslmode=require&channel_binding=require", clear=True)[1])
        # As with libpq: it is for the server to refuse him (hostssl in pg_hba.conf).
        self.assertEqual(self.attempt("sslmode=require&channel_binding=prefer", clear=True)[1], "for your eyes only")

    def test_a_key_that_is_passed_on(self):
        self.assertIn("SCRAM channel binding check failed", self.attempt("sslmode=require", auth="key_passthrough")[1])

    def test_verifiers_that_are_looked_up(self):
        man, answer = self.attempt("sslmode=require", auth="key_passthrough", user="other")
        self.assertIn('password authentication failed for user "other"', answer)
        self.assertNotIn(b"rolpassword", man.seen)
        reason, = [record["reason"] for record in self.log_records("login refused")]
        self.assertRegex(reason, "^cannot look up the user .* SCRAM channel binding check failed")

    def test_a_certificate_that_is_not_good(self):
        man, answer = self.attempt(f"sslmode=verify-full&sslrootcert={self.authority.path}", self.self_made)
        self.assertRegex(answer, "could not connect to upstream .* certificate")
        self.assertEqual(man.seen, b"")

    def test_without_channel_binding_he_gets_through(self):
        man, answer = self.attempt("sslmode=require&channel_binding=disable")
        self.assertEqual(answer, "for your eyes only")
        self.assertIn(b"for your eyes only", man.seen)


if __name__ == "__main__":
    unittest.main()
