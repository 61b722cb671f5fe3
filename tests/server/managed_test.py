"""Clients log in to pgwarden, and pgwarden to the server (auth: managed and key_passthrough)."""

import base64
import contextlib
import hashlib
import hmac
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import psycopg2
from support import BINARY, ServerTest, eventually, startup_packet
from lib.servers import Pgwarden, ScratchPostgres, free_port

# What never may be seen; each is the password of one role of the server.
SECRETS = {"app": "app-s3cret", "old": "old-s3cret", "plain": "plain-s3cret", "lookup": "lookup-s3cret"}


def message(tag, body):
    return tag + struct.pack("!I", len(body) + 4) + body


def exactly(peer, size):
    received = b""
    while len(received) < size:
        data = peer.recv(size - len(received))
        if not data:
            raise EOFError(received)
        received += data
    return received


def read_message(peer):
    header = exactly(peer, 5)
    return header[:1], exactly(peer, struct.unpack("!I", header[1:])[0] - 4)


def initial_response(mechanism, data):
    return message(b"p", mechanism + b"\0" + struct.pack("!I", len(data)) + data)


class Managed(ServerTest):
    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        certificate, key = cls.authority.issue("server", "localhost", ["DNS:localhost", "IP:127.0.0.1"], "postgres")
        cls.front = cls.authority.issue("front", "localhost", ["DNS:localhost", "IP:127.0.0.1"])
        cls.client = cls.authority.issue("client", "deploy", ["DNS:ci-7.example.com"])
        cls.other_client = cls.authority.issue("other", "somebody")
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\nlog_connections = on",
            "local all postgres trust\nhost all postgres all trust\nhost all old all md5\nhost all plain all password\n"
            "host all all all scram-sha-256\n"))
        cls.postgres.psql("postgres", f"""
            SET password_encryption = 'md5'; CREATE ROLE old LOGIN PASSWORD '{SECRETS["old"]}';
            SET password_encryption = 'scram-sha-256'; CREATE ROLE app LOGIN PASSWORD '{SECRETS["app"]}';
            CREATE ROLE plain LOGIN PASSWORD '{SECRETS["plain"]}';
            CREATE ROLE lookup LOGIN PASSWORD '{SECRETS["lookup"]}'; GRANT SELECT ON pg_authid TO lookup;
            CREATE ROLE expired LOGIN PASSWORD 'x' VALID UNTIL '2020-01-01'; CREATE ROLE nologin PASSWORD 'x';
            CREATE ROLE nopassword LOGIN; CREATE TABLE t (a int); GRANT ALL ON t TO app; CREATE DATABASE shop""")
        cls.verifier = cls.postgres.psql("postgres", "CREATE ROLE maker PASSWORD 'hers'; "
                                         "SELECT rolpassword FROM pg_authid WHERE rolname = 'maker'")
        cls.secret_file = cls.folder / "app.password"
        cls.secret_file.write_text(SECRETS["app"] + "\n", encoding="ascii")
        cls.secret_file.chmod(0o600)
        silent = socket.create_server(("127.0.0.1", 0))
        cls.addClassCleanup(silent.close)
        cls.silent = silent.getsockname()[1]
        cls.ports = {name: free_port() for name in ("clear", "tls", "certificates", "keys", "proxied")}
        pgwarden = Pgwarden(BINARY, cls.postgres)
        pgwarden.write_config(cls.configuration())
        cls.pgwarden = cls.enterClassContext_(pgwarden)

    @classmethod
    def configuration(cls, agents_verifier=None):
        server = f"postgres://127.0.0.1:{cls.postgres.port}"
        tls = f"certificate: {cls.front[0]}, key: {cls.front[1]}"
        return f"""
listeners:
  - {{listen: 127.0.0.1:{cls.ports["clear"]}, auth: managed, upstream: "{server}/?sslmode=disable"}}
  - listen: 127.0.0.1:{cls.ports["tls"]}
    auth: managed
    upstream: "{server}/?sslmode=require&channel_binding=require"
    tls: {{mode: require, {tls}}}
  - listen: 127.0.0.1:{cls.ports["certificates"]}
    auth: managed
    upstream: "{server}/?sslmode=require"
    tls: {{mode: verify-full, {tls}, client_ca: {cls.authority.path}}}
  - listen: 127.0.0.1:{cls.ports["keys"]}
    auth: key_passthrough
    upstream: "postgres://lookup:{SECRETS["lookup"]}@127.0.0.1:{cls.postgres.port}/?sslmode=require"
    databases: {{silent: "postgres://lookup:{SECRETS["lookup"]}@127.0.0.1:{cls.silent}/?sslmode=require"}}
    tls: {{mode: prefer, {tls}}}
  - listen: 127.0.0.1:{cls.ports["proxied"]}
    auth: managed
    upstream: "{server}/?sslmode=disable"
    proxy_protocol_networks: [127.0.0.1]
users:
  - name: agent
    label: agent
    password: {agents_verifier or cls.verifier}
    upstream: {{user: app, password_file: {cls.secret_file}}}
  - {{name: hashed, password: "{cls.verifier}", upstream: {{user: old, password: {SECRETS["old"]}}}}}
  - {{name: clearly, password: "{cls.verifier}", upstream: {{user: plain, password: {SECRETS["plain"]}}}}}
  - {{name: misled, password: "{cls.verifier}", upstream: {{user: app, password: wrong-s3cret, database: shop}}}}
  - {{name: empty, password: "{cls.verifier}", upstream: {{user: app}}}}
  - {{name: postgres, password: "{cls.verifier}"}}
  - {{name: shopper, password: "{cls.verifier}", upstream: {{user: postgres, database: shop}}}}
  - {{name: local, trust: true, upstream: {{user: postgres}}}}
  - {{name: deploy, certificates: [deploy], upstream: {{user: app, password: {SECRETS["app"]}}}}}
  - {{name: ci, certificates: ["ci-*.example.com"], password: "{cls.verifier}", upstream: {{user: postgres}}}}
preset: guarded
rules:
  - {{name: agents-write-nothing, effect: deny, match: {{labels: [agent], classes: [write]}}}}
"""

    def connect(self, listener="clear", user="agent", password="hers", **parameters):
        parameters = {"dbname": "postgres", "host": "localhost", "gssencmode": "disable", "connect_timeout": 20,
                      "sslcert": "/nonexistent", **parameters}
        connection = psycopg2.connect(port=self.ports[listener], user=user, password=password, **parameters)
        self.addCleanup(connection.close)
        connection.autocommit = True
        return connection

    def refused(self, *arguments, **parameters):
        with self.assertRaises(psycopg2.OperationalError) as caught:
            self.connect(*arguments, **parameters)
        return str(caught.exception)

    def raw(self, listener="clear", **parameters):
        peer = socket.create_connection(("127.0.0.1", self.ports[listener]), 20)
        self.addCleanup(peer.close)
        peer.sendall(startup_packet(**{"user": "agent", "database": "postgres", **parameters}))
        return peer

    def reload(self, configuration=None):
        count = len(self.log_records("reloaded"))
        self.pgwarden.write_config(configuration or self.configuration())
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.assertTrue(eventually(lambda: len(self.log_records("reloaded")) > count))

    def logins(self):
        """How many connections the server has authorized."""
        return int(self.postgres.psql("postgres", "SELECT sum(sessions) FROM pg_stat_database"))


class Clients(Managed):
    def test_the_client_is_one_user_and_the_server_knows_another(self):
        for listener, options in (("clear", {}), ("tls", {"sslmode": "require", "channel_binding": "require"})):
            with self.subTest(listener):
                connection = self.connect(listener, **options)
                self.assertEqual(self.one(connection, "SELECT current_user"), "app")
                with self.assertRaises(psycopg2.errors.InsufficientPrivilege) as caught, connection.cursor() as cursor:
                    cursor.execute("INSERT INTO t VALUES (1)")
                self.assertIn("agents-write-nothing", str(caught.exception))
        records = self.log_records("statement denied")
        self.assertEqual({record["user"] for record in records}, {"agent"})
        self.assertEqual({record["label"] for record in records}, {"agent"})

    def test_its_own_name_where_no_other_is_given(self):
        self.assertEqual(self.one(self.connect(user="postgres"), "SELECT current_user"), "postgres")

    def test_another_database(self):
        connection = self.connect(user="shopper")
        self.assertEqual(self.one(connection, "SELECT current_database()"), "shop")
        self.assertEqual(self.one(self.connect(user="agent", dbname="shop"), "SELECT current_database()"), "shop")

    def test_who_may_not_come_in_is_told_no_more_than_that(self):
        before = self.logins()
        words = 'password authentication failed for user "{}"'
        for user, password in (("agent", "wrong"), ("nobody", "hers"), ("deploy", "hers"), ("app", SECRETS["app"])):
            with self.subTest(user):
                self.assertIn(words.format(user), self.refused(user=user, password=password))
        self.assertLessEqual(self.logins() - before, 1)  # the one that counts
        reasons = {(record["user"], record["reason"]) for record in self.log_records("login refused")}
        self.assertIn(("nobody", "there is no such login"), reasons)
        self.assertIn(("deploy", "it has to show its certificate"), reasons)
        self.assertNotIn(("agent", "there is no such login"), reasons)

    def first_answer(self, user, listener="clear"):
        peer = self.raw(listener, user=user)
        self.assertEqual(read_message(peer), (b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0"))
        peer.sendall(initial_response(b"SCRAM-SHA-256", b"n,,n=,r=abcdefghijkl"))
        tag, body = read_message(peer)
        self.assertEqual(tag, b"R")
        return dict(field.split("=", 1) for field in body[4:].decode().split(","))

    def test_salts_do_not_tell_who_exists(self):
        first_answer = self.first_answer
        known, unknown, again = first_answer("agent"), first_answer("nobody"), first_answer("nobody")
        self.assertEqual(unknown["s"], again["s"])
        self.assertNotEqual(unknown["r"], again["r"])
        self.assertEqual(known["i"], unknown["i"])
        self.assertEqual(len(known["s"]), len(unknown["s"]))
        self.assertEqual(len(known["r"]), len(unknown["r"]))
        self.assertNotEqual(first_answer("somebody")["s"], unknown["s"])

    def test_that_a_user_has_all_its_sessions_is_told_to_nobody_else(self):
        self.addCleanup(self.reload)
        self.reload(configuration=self.configuration() + "limits: {max_connections_per_user: 1}\n")
        self.connect(user="postgres")
        self.assertTrue(self.first_answer("postgres"))
        self.assertIn("too many connections for role", self.refused(user="postgres"))

    def test_salts_do_not_tell_whether_a_password_is_right(self):
        def salts_by(key):
            return base64.b64encode(hmac.digest(key, b"nobody", "sha256")[:16]).decode()

        agent = self.first_answer("agent")
        salted = hashlib.pbkdf2_hmac("sha256", b"hers", base64.b64decode(agent["s"]), int(agent["i"]))
        guesses = {salts_by(key) for key in (b"", SECRETS["lookup"].encode(), hmac.digest(salted, b"Server Key", "sha256"))}
        for listener in ("clear", "keys"):
            self.assertNotIn(self.first_answer("nobody", listener)["s"], guesses)

    def test_an_offer_of_channel_binding_that_was_taken_away(self):
        peer = self.encrypted("tls")
        peer.sendall(startup_packet(user="agent", database="postgres"))
        self.assertEqual(read_message(peer), (b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"))
        peer.sendall(initial_response(b"SCRAM-SHA-256", b"y,,n=,r=abcdefghijkl"))
        tag, body = read_message(peer)
        self.assertEqual(tag, b"E")
        self.assertIn(b"C28000\0", body)

    def encrypted(self, listener):
        import ssl
        peer = socket.create_connection(("127.0.0.1", self.ports[listener]), 20)
        self.addCleanup(peer.close)
        peer.sendall(struct.pack("!II", 8, 80877103))
        self.assertEqual(peer.recv(1), b"S")
        context = ssl.create_default_context(cafile=self.authority.path)
        peer = context.wrap_socket(peer, server_hostname="localhost")
        self.addCleanup(peer.close)
        return peer

    def test_certificates(self):
        files = lambda pair: {"sslmode": "require", "sslcert": pair[0], "sslkey": pair[1]}  # noqa: E731
        self.assertEqual(self.one(self.connect("certificates", "deploy", "", **files(self.client)), "SELECT current_user"), "app")
        self.assertIn('failed for user "deploy"', self.refused("certificates", "deploy", "x", **files(self.other_client)))
        # Certificate and password: both.
        connection = self.connect("certificates", "ci", "hers", **files(self.client))
        self.assertEqual(self.one(connection, "SELECT current_user"), "postgres")
        self.assertIn("failed", self.refused("certificates", "ci", "wrong", **files(self.client)))
        self.assertIn("failed", self.refused("certificates", "ci", "hers", **files(self.other_client)))

    def test_trust_is_for_this_machine(self):
        self.assertEqual(self.one(self.connect(user="local", password=""), "SELECT current_user"), "postgres")
        for header in (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", b"PROXY UNKNOWN\r\n"):
            with self.subTest(header):
                peer = socket.create_connection(("127.0.0.1", self.ports["proxied"]), 20)
                self.addCleanup(peer.close)
                peer.sendall(header + startup_packet(user="local", database="postgres"))
                self.assertEqual(read_message(peer)[1][:4], struct.pack("!I", 10))  # SASL, like everybody

    def test_what_a_client_sends_behind_its_proof_is_not_lost(self):
        peer = self.raw(user="local")
        peer.sendall(message(b"Q", b"SELECT 'early'\0"))
        received = b""
        while b"early\0" not in received and not received.endswith(b"Z\0\0\0\x05I" * 2):
            received += peer.recv(65536)
            if received.count(b"Z\0\0\0\x05I") == 2:
                break
        self.assertIn(b"early", received)

    def test_clients_that_end_or_babble_leave_nothing_behind(self):
        before = self.logins()
        for sent in (b"", message(b"p", b""), message(b"p", b"SCRAM-SHA-256\0"), message(b"Q", b"DROP TABLE t\0"),
                     b"p\xff\xff\xff\xff", b"p\0\0\0\3", initial_response(b"SCRAM-SHA-256", b"n,,n=,r=abc"),
                     initial_response(b"SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=abc"),
                     initial_response(b"SCRAM-SHA-256", b"n,a=postgres,n=,r=abc"), message(b"p", b"x" * 70000)):
            for ends in (False, True):
                with self.subTest(sent=sent[:40], ends=ends):
                    peer = self.raw()
                    read_message(peer)
                    with contextlib.suppress(ConnectionError):
                        peer.sendall(sent)
                        if ends:
                            peer.shutdown(socket.SHUT_WR)
                            while peer.recv(65536):
                                pass
                    peer.close()
        self.assertTrue(eventually(lambda: self.connect() is not None))
        self.assertLessEqual(self.logins() - before, 3)
        self.assertEqual(self.log_records("session ended by an internal error"), [])


class Servers(Managed):
    def test_methods_of_the_server(self):
        for listener in ("clear", "certificates"):
            options = {"sslmode": "require", "sslcert": self.client[0], "sslkey": self.client[1]} if listener != "clear" else {}
            with self.subTest(listener):
                self.assertEqual(self.one(self.connect(listener, "hashed", **options), "SELECT current_user"), "old")
                if listener == "clear":
                    self.assertIn("sent by TLS only", self.refused(listener, "clearly"))
                else:
                    self.assertEqual(self.one(self.connect(listener, "clearly", **options), "SELECT current_user"), "plain")

    def test_channel_binding_that_the_url_requires(self):
        self.assertEqual(self.one(self.connect("tls", sslmode="require"), "SELECT current_user"), "app")
        self.assertIn("channel binding is required", self.refused("tls", "hashed", sslmode="require"))

    def test_credentials_that_are_wrong(self):
        refused = self.refused(user="misled")
        self.assertIn(f'could not log in to upstream "127.0.0.1:{self.postgres.port}" as "app"', refused)
        self.assertIn('password authentication failed for user "app"', refused)
        self.assertIn("none is configured", self.refused(user="empty"))

    def test_other_errors_are_the_servers_own(self):
        self.assertIn('database "nowhere" does not exist', self.refused(dbname="nowhere"))

    def test_no_secret_is_seen(self):
        for user in ("agent", "misled", "hashed", "nobody"):
            with contextlib.suppress(psycopg2.OperationalError):
                self.connect(user=user)
        shown = subprocess.run([BINARY, "policy", "show", "--config", self.pgwarden.config], capture_output=True, text=True,
                               check=True).stdout + self.pgwarden.log_text()
        for secret in (*SECRETS.values(), "wrong-s3cret", "hers", self.verifier.split("$")[2]):
            self.assertNotIn(secret, shown)

    def test_a_reload_changes_who_may_come_in(self):
        running = self.connect()
        other = self.postgres.psql("postgres", "CREATE ROLE other_maker PASSWORD 'new'; "
                                   "SELECT rolpassword FROM pg_authid WHERE rolname = 'other_maker'")
        self.addCleanup(self.reload)
        self.reload(self.configuration(other))
        self.assertIn("failed", self.refused())
        self.assertEqual(self.one(self.connect(password="new"), "SELECT 1"), 1)
        self.assertEqual(self.one(running, "SELECT current_user"), "app")



class Keys(Managed):
    """auth: key_passthrough with the server's own verifiers."""

    def test_the_client_is_itself_to_the_server(self):
        for options in ({"sslmode": "disable"}, {"sslmode": "require", "channel_binding": "require"}):
            with self.subTest(options):
                connection = self.connect("keys", "app", SECRETS["app"], **options)
                self.assertEqual(self.one(connection, "SELECT current_user"), "app")
                self.assertTrue(self.one(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))

    def test_who_may_not(self):
        for user, password in (("app", "wrong"), ("nobody", "x"), ("expired", "x"), ("nologin", "x"), ("nopassword", ""),
                               ("old", SECRETS["old"]), ("local", "")):
            with self.subTest(user):
                self.assertIn(f'password authentication failed for user "{user}"', self.refused("keys", user, password or "x"))
        reasons = {record["user"]: record["reason"] for record in self.log_records("login refused")}
        self.assertEqual(reasons["old"], "the server keeps no SCRAM-SHA-256 verifier of it")
        self.assertEqual(reasons["nobody"], "there is no such login")

    def test_what_changes_on_the_server_counts_at_once(self):
        self.postgres.psql("postgres", "CREATE ROLE passing LOGIN PASSWORD 'one'")
        self.connect("keys", "passing", "one")
        self.postgres.psql("postgres", "ALTER ROLE passing PASSWORD 'two'")
        self.assertIn("failed", self.refused("keys", "passing", "one"))
        self.connect("keys", "passing", "two")
        self.postgres.psql("postgres", "ALTER ROLE passing VALID UNTIL '2020-01-01'")
        self.assertIn("failed", self.refused("keys", "passing", "two"))

    def end_guard_connections(self):
        self.postgres.psql("shop", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'lookup'")

    def test_a_guard_connection_that_has_ended_is_made_again(self):
        self.connect("keys", "app", SECRETS["app"])
        self.end_guard_connections()
        self.connect("keys", "app", SECRETS["app"])

    def test_who_owns_the_database_does_not_choose_the_operators_of_the_query(self):
        self.postgres.psql("postgres", """
            CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC;
            CREATE FUNCTION trap.is(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false';
            CREATE OPERATOR trap.= (LEFTARG = name, RIGHTARG = name, PROCEDURE = trap.is);
            ALTER DATABASE postgres SET search_path = trap, pg_catalog""")
        self.addCleanup(self.postgres.psql, "postgres",
                        "ALTER DATABASE postgres RESET search_path; DROP SCHEMA trap CASCADE")
        self.addCleanup(self.end_guard_connections)
        self.end_guard_connections()
        self.connect("keys", "app", SECRETS["app"])


    def test_a_server_that_does_not_answer_keeps_only_its_own_clients_waiting(self):
        for _ in range(12):
            peer = self.raw("keys", database="silent")
            peer.close()
        begin = time.monotonic()
        self.connect("keys", "app", SECRETS["app"])
        self.assertLess(time.monotonic() - begin, 15)


class HostileServer(unittest.TestCase):
    """What pgwarden makes of servers that do not keep to the login; each is a script of what it sends."""

    def test_each_ends_the_login_with_an_error_in_time(self):
        sasl = message(b"R", struct.pack("!I", 10) + b"SCRAM-SHA-256\0\0")
        go_on = lambda text: message(b"R", struct.pack("!I", 11) + text)  # noqa: E731
        nonce = object()
        scripts = {
            "ends at once": [], "garbage": [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "impossible length": [b"R\0\0\0\1"],
            "huge length": [b"R\x7f\xff\xff\xff"], "another message first": [message(b"Z", b"I")],
            "ends after SASL": [sasl], "no nonce of ours": [sasl, go_on(b"r=abcdefgh,s=c2FsdA==,i=4096")],
            "too many iterations": [sasl, (nonce, b",s=c2FsdA==,i=2000000000")],
            "no iterations": [sasl, (nonce, b",s=c2FsdA==,i=0")],
            "no salt": [sasl, (nonce, b",i=4096")],
            "huge nonce": [sasl, (nonce, b"x" * 60000 + b",s=c2FsdA==,i=4096")],
            "ok in the middle": [sasl, message(b"R", struct.pack("!I", 0))],
            "final in the middle": [sasl, message(b"R", struct.pack("!I", 12) + b"v=AAAA")],
            "wrong signature": [sasl, (nonce, b",s=c2FsdA==,i=4096"),
                                message(b"R", struct.pack("!I", 12) + b"v=" + base64.b64encode(b"x" * 32))],
            "an error of its own": [sasl, message(b"R", struct.pack("!I", 12) + b"e=other-error")],
            "error without fields": [message(b"E", b"\0")], "error that is cut": [message(b"E", b"SFATAL")],
            "notices without end": [message(b"N", b"SNOTICE\0Mx\0\0") * 5000],
        }
        with socket.create_server(("127.0.0.1", 0)) as server, tempfile.TemporaryDirectory() as folder:
            port = free_port()
            config = pathlib.Path(folder, "pgwarden.yaml")
            config.write_text(f"""
listeners: [{{listen: 127.0.0.1:{port}, auth: managed,
             upstream: "postgres://app:s3cret@127.0.0.1:{server.getsockname()[1]}/?sslmode=disable"}}]
users: [{{name: local, trust: true}}]
""", encoding="ascii")
            process = subprocess.Popen([BINARY, "run", "--config", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            try:
                for name, script in scripts.items():
                    with self.subTest(name):
                        thread = threading.Thread(target=self.play, args=(server, script, nonce))
                        thread.start()
                        tag, body = self.first_answer(port)
                        thread.join(20)
                        self.assertEqual(tag, b"E", body)
                        if not name.startswith("error"):
                            self.assertIn(b"could not log in to upstream", body)
                        self.assertIsNone(process.poll())
            finally:
                process.terminate()
                errors = process.communicate(timeout=20)[1]
            self.assertNotIn(b"internal error", errors)
            self.assertNotIn(b"s3cret", errors)

    def first_answer(self, port):
        def reachable():
            with contextlib.suppress(OSError):
                self.peer = socket.create_connection(("127.0.0.1", port), 20)
                return True
            return False

        self.assertTrue(eventually(reachable))
        with self.peer as peer:
            peer.sendall(startup_packet(user="local", database="postgres"))
            while True:
                tag, body = read_message(peer)
                if tag != b"N":
                    return tag, body

    @staticmethod
    def play(server, script, nonce):
        peer, _ = server.accept()
        with peer, contextlib.suppress(OSError, EOFError):
            peer.settimeout(20)
            exactly(peer, struct.unpack("!I", exactly(peer, 4))[0] - 4)
            clients_nonce = b""
            for step in script:
                if isinstance(step, tuple):
                    step = message(b"R", struct.pack("!I", 11) + b"r=" + clients_nonce + b"server" + step[1])
                peer.sendall(step)
                tag, body = read_message(peer)
                if b"r=" in body:
                    clients_nonce = body.split(b"r=")[1].split(b",")[0]


if __name__ == "__main__":
    unittest.main()
