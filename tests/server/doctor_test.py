"""`pgwarden doctor`: what it says of servers, listeners and certificates that are well, and of those that are not."""

import json
import socket
import struct
import subprocess
import threading
import unittest

from support import BINARY, ServerTest
from lib.poolers import PgBouncer
from lib.servers import Pgwarden, ScratchPostgres, free_port

SECRET = "never-shown"


class Doctor(ServerTest):
    """A server with TLS and a user for each method of authentication."""

    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        certificate, key = cls.authority.issue("server", "localhost", ["DNS:localhost"], "postgres")
        cls.front = cls.authority.issue("front", "localhost", ["DNS:localhost"])
        cls.expired = cls.authority.issue("expired", "localhost", ["DNS:localhost"], "postgres", days=-1)
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\n",
            "host all scram all scram-sha-256\nhost all md5 all md5\nhost all clear all password\n"
            "host all nobody all reject\n"))
        cls.postgres.psql("postgres", f"""
            CREATE ROLE scram LOGIN PASSWORD '{SECRET}'; CREATE ROLE clear LOGIN PASSWORD '{SECRET}';
            SET password_encryption = md5; CREATE ROLE md5 LOGIN PASSWORD '{SECRET}';
            CREATE ROLE mighty LOGIN CREATEROLE PASSWORD '{SECRET}' IN ROLE pg_execute_server_program;
            GRANT CREATE ON SCHEMA public TO mighty; CREATE TABLE its_own (id int); ALTER TABLE its_own OWNER TO mighty;
            CREATE ROLE nobody LOGIN""")

    def doctor(self, *arguments):
        """The exit code, and the findings as lines "level: text"."""
        done = subprocess.run([BINARY, "doctor", *map(str, arguments), "--format", "json"], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        if done.returncode == 2:
            return 2, done.stderr
        report = json.loads(done.stdout)
        for finding in report["findings"]:
            self.assertTrue(finding["level"] == "ok" or finding["advice"], finding)
        self.assertEqual(report["problems"], sum(one["level"] == "problem" for one in report["findings"]))
        return done.returncode, "\n".join(f"{one['level']}: {one['text']}" for one in report["findings"])

    def url(self, user, query="sslmode=disable", host="127.0.0.1", password=f":{SECRET}", database="postgres"):
        return f"postgres://{user}{password}@{host}:{self.postgres.port}/{database}?{query}"

    def of_url(self, *arguments, **parts):
        return self.doctor(self.url(*arguments, **parts), "--listen", "127.0.0.1:0")

    def config(self, listener, more=""):
        file = self.folder / "pgwarden.yaml"
        file.write_text(f"listeners:\n  - {listener}\n{more}\n", encoding="utf-8")
        file.chmod(0o600)
        return file


class Servers(Doctor):
    def test_methods(self):
        for user, query, level, text in (
                ("scram", "sslmode=disable", "ok", "users log in by SCRAM-SHA-256"),
                ("scram", "sslmode=require", "ok", "users log in by SCRAM-SHA-256, with channel binding"),
                ("md5", "sslmode=disable", "warning", "users log in by md5"),
                ("clear", "sslmode=disable", "ok", "users log in by password, in clear"),
                ("postgres", "sslmode=disable", "warning", 'lets "postgres" in without a password')):
            with self.subTest(user=user, query=query):
                code, findings = self.of_url(user, query)
                self.assertEqual(code, 0, findings)
                self.assertIn(f"{level}: {text}", findings)
                self.assertIn("ok: can be connected to at 127.0.0.1:", findings)
                self.assertRegex(findings, r"ok: PostgreSQL \d+")
        code, findings = self.of_url("scram", password="")
        self.assertIn("users log in by SCRAM-SHA-256", findings)
        self.assertNotIn("can log in", findings)
        code, findings = self.doctor(f"postgres://127.0.0.1:{self.postgres.port}?sslmode=disable", "--listen",
                                     "127.0.0.1:0")
        self.assertEqual(code, 0, findings)
        self.assertIn("no user is named", findings)

    def test_logins(self):
        code, findings = self.of_url("scram")
        self.assertEqual(code, 0, findings)
        self.assertIn('ok: role "scram" owns nothing and may create nothing', findings)
        code, findings = self.of_url("mighty")
        for weakness in ("has CREATEROLE", "is a member of pg_execute_server_program", "owns 1 tables",
                         "may create objects in schemas public"):
            self.assertIn(f'warning: role "mighty" {weakness}', findings)
        self.assertIn('warning: role "postgres" is a superuser', self.of_url("postgres")[1])
        code, findings = self.doctor(self.url("scram").replace(SECRET, "wrong"), "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertRegex(findings, 'problem: cannot log in: .*password authentication failed for user "scram"')
        code, findings = self.of_url("nobody", password="")
        self.assertEqual(code, 1)
        self.assertRegex(findings, "problem: it answers: pg_hba.conf rejects connection")
        self.assertIn('problem: it answers: database "missing" does not exist',
                      self.of_url("postgres", database="missing")[1])

    def test_servers_that_are_not_there(self):
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            dead = bound.getsockname()[1]
            code, findings = self.doctor(f"postgres://a:{SECRET}@127.0.0.1:{dead},127.0.0.1:{self.postgres.port}/postgres",
                                         "--listen", "127.0.0.1:0", "--user", "postgres")
            self.assertEqual(code, 1)
            self.assertIn(f"problem: cannot connect to 127.0.0.1:{dead}: Connection refused", findings)
            self.assertIn("ok: can be connected to at 127.0.0.1:", findings)
        code, findings = self.doctor("postgres://a@no-such-host.invalid/d", "--listen", "127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertRegex(findings, 'problem: "no-such-host.invalid:5432": ')

    def test_tls(self):
        trusted = f"sslmode=verify-full&sslrootcert={self.authority.path}"
        code, findings = self.of_url("scram", trusted, host="localhost")
        self.assertEqual(code, 0, findings)
        self.assertRegex(findings, "ok: TLS: TLSv1.3, TLS_")
        self.assertIn("ok: the server's certificate is for localhost", findings)
        self.assertRegex(findings, r"warning: the server's certificate expires on 2\d\d\d-\d\d-\d\d")
        for query, words in ((trusted, "mismatch"),
                             (trusted.replace("authority.crt", "front.crt"), "certificate"),
                             (f"sslmode=verify-ca&sslrootcert={self.folder}/missing.crt", "cannot use the root certificates")):
            code, findings = self.of_url("scram", query)
            self.assertEqual(code, 1)
            self.assertRegex(findings, f"problem: .*{words}")
        with ScratchPostgres(f"ssl = on\nssl_cert_file = '{self.expired[0]}'\nssl_key_file = '{self.expired[1]}'\n") as old:
            url = f"postgres://postgres@localhost:{old.port}/postgres?"
            code, findings = self.doctor(url + trusted, "--listen", "127.0.0.1:0")
            self.assertEqual(code, 1)
            self.assertIn("SSL error: certificate has expired", findings)
            code, findings = self.doctor(url + "sslmode=require", "--listen", "127.0.0.1:0")
            self.assertEqual(code, 0, findings)
            self.assertIn("warning: the server's certificate has expired on", findings)

    def test_hostile_servers(self):
        """What they say does not reach the terminal as it is, and their silence has an end."""
        words = b"SFATAL\0C28000\0M\x1b[2Jcleared\0\0"
        for answer, expected in ((b"E" + struct.pack("!I", len(words) + 4) + words, r"it answers: \\x1B\[2Jcleared"),
                                 (b"R\xff\xff\xff\xff", "it answers: no answer in time"),
                                 (b"R\0\0\0\0", "it answers: no answer in time"),
                                 (b"R\0\0\0\x08\0\0\0\x63", "asks for a login that is not known"),
                                 (b"R\0\0\0\x08\0\0\0\x07", "users log in by GSSAPI or SSPI")):
            with self.subTest(answer), socket.create_server(("127.0.0.1", 0)) as listening:
                listening.settimeout(20)

                def serve():
                    with listening.accept()[0] as peer:
                        peer.settimeout(20)
                        peer.recv(1000)
                        peer.sendall(answer)
                        peer.recv(1000)
                server = threading.Thread(target=serve)
                server.start()
                upstream = f"postgres://a@127.0.0.1:{listening.getsockname()[1]}/d?sslmode=disable"
                code, findings = self.doctor("--config", self.config(
                    f"listen: 127.0.0.1:0\n    upstream: {upstream}", "limits: {upstream_connect_timeout: 1s}"))
                server.join(20)
                self.assertEqual(code, 1)
                self.assertRegex(findings, f"problem: .*{expected}")

    def test_a_pooler(self):
        for mode, level in (("transaction", "warning: a pooler is in front of the server, and pools by transactions"),
                            ("session", "ok: a pooler is in front of the server")):
            with self.subTest(mode), PgBouncer(self.postgres.port, {"md5": SECRET},
                                               f"pool_mode = {mode}\nauth_type = plain") as pooler:
                code, findings = self.doctor(f"postgres://md5:{SECRET}@127.0.0.1:{pooler.port}/postgres?sslmode=disable",
                                             "--listen", "127.0.0.1:0")
                self.assertEqual(code, 0, findings)
                self.assertIn(level, findings)


class Listeners(Doctor):
    def tls(self, files, mode="prefer"):
        return f"tls: {{mode: {mode}, certificate: {files[0]}, key: {files[1]}}}"

    def upstream(self, user="scram", query="sslmode=require"):
        return f"upstream: '{self.url(user, query)}'"

    def listener(self, files, mode="prefer", **upstream):
        return f"listen: 127.0.0.1:0\n    {self.tls(files, mode)}\n    {self.upstream(**upstream)}"

    def test_channel_binding(self):
        clash = "clients that use TLS and bind the channel (libpq, pgjdbc) cannot log in"
        code, findings = self.doctor("--config", self.config(self.listener(self.front)))
        self.assertEqual(code, 1)
        self.assertIn(f"problem: {clash}", findings)
        for upstream in ({"query": "sslmode=disable"}, {"user": "clear"}):
            code, findings = self.doctor("--config", self.config(self.listener(self.front, **upstream)))
            self.assertEqual(code, 0, findings)
            self.assertNotIn(clash, findings)

    def test_certificates(self):
        query = {"query": "sslmode=disable"}
        code, findings = self.doctor("--config", self.config(self.listener(self.front, **query)))
        self.assertIn("ok: its certificate and key belong together", findings)
        self.assertIn("ok: the certificate is for localhost", findings)
        self.assertRegex(findings, "warning: the certificate expires on")
        code, findings = self.doctor("--config", self.config(self.listener(self.expired, **query)))
        self.assertEqual(code, 1)
        self.assertRegex(findings, "problem: the certificate has expired on")
        code, findings = self.doctor("--config", self.config(self.listener((self.front[0], self.expired[1]), **query)))
        self.assertEqual(code, 1)
        self.assertRegex(findings, "problem: TLS of listener .*private key")

    def test_secret_files(self):
        config = self.config(self.listener(self.front, query="sslmode=disable"))
        self.assertNotIn("others can read", self.doctor("--config", config)[1])
        config.chmod(0o644)
        self.front[1].chmod(0o644)
        self.addCleanup(self.front[1].chmod, 0o600)
        findings = self.doctor("--config", config)[1]
        for file in (config, self.front[1]):
            self.assertIn(f"warning: others can read or change {file}", findings)

    def test_addresses(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            taken.settimeout(20)
            code, findings = self.doctor(self.url("scram"), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
            self.assertEqual(code, 1)
            self.assertRegex(findings, "problem: cannot listen on 127.0.0.1:.*Address already in use")
        with Pgwarden(BINARY, self.postgres) as running:
            code, findings = self.doctor(self.url("scram"), "--listen", f"127.0.0.1:{running.protected[1]}")
        self.assertEqual(code, 0, findings)
        self.assertIn("ok: somebody serves PostgreSQL's clients there already", findings)
        self.assertIn("ok: can be listened on", self.doctor(self.url("scram"), "--listen", f"127.0.0.1:{free_port()}")[1])
        code, findings = self.doctor(self.url("clear"), "--listen", "0.0.0.0:0")
        self.assertEqual(code, 1)
        self.assertIn("warning: clients reach it over a network without TLS", findings)
        self.assertIn("problem: passwords pass in clear over the network to pgwarden", findings)

    def test_protection(self):
        listener = f"listen: 127.0.0.1:0\n    databases: {{postgres: '{self.url('scram', database='')}'}}"
        code, findings = self.doctor("--config", self.config(listener, "protect: [db.example.com]"))
        self.assertEqual(code, 0, findings)
        self.assertIn("warning: not protected", findings)
        self.assertIn('ok: user "scram" can log in', findings)
        self.assertIn('ok: protected, with the preset "guarded"', self.doctor("--config", self.config(listener))[1])


class Command(Doctor):
    def test_for_people(self):
        done = subprocess.run([BINARY, "doctor", self.url("scram"), "--listen", "127.0.0.1:0"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertRegex(done.stdout, r"^listener 127.0.0.1:0\n  ok       can be listened on\nupstream 127.0.0.1:\d+\n")
        self.assertRegex(done.stdout, r"\n0 problems, \d+ warnings?\n$")

    def test_usage(self):
        broken = self.folder / "broken.yaml"
        broken.write_text("listeners: 1\n", encoding="utf-8")
        for arguments in ((), ("postgres://h/d", "--config", "x"), ("--config", broken), ("nonsense",)):
            with self.subTest(arguments):
                self.assertEqual(self.doctor(*arguments)[0], 2)


if __name__ == "__main__":
    unittest.main()
