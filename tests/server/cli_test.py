"""The command line: zero-config run, the wrapped command, url, health, and its errors."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

from support import BINARY, ServerTest, eventually


def pgwarden(*arguments, environment=None, **options):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, check=False, timeout=60,
                          env=dict(os.environ, **(environment or {})), **options)


class WithoutServer(unittest.TestCase):
    def test_help_of_every_subcommand(self):
        top = pgwarden("--help")
        self.assertEqual(top.returncode, 0)
        for subcommand in ("run", "url", "explain", "test", "policy", "check", "server-guard",
                           "hash-password", "health"):
            self.assertIn(subcommand, top.stdout)
            done = pgwarden(subcommand, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn("--help", done.stdout)

    def test_the_version_names_the_grammar(self):
        self.assertRegex(pgwarden("--version").stdout, r"^pgwarden \d+\.\d+\.\d+ \(PostgreSQL \d+\.\d+ grammar\)$")

    def test_wrong_usage_exits_with_2(self):
        for arguments in ((), ("nonsense",), ("run",), ("run", "--nonsense"), ("run", "not-a-url"), ("url",),
                          ("run", "postgres://h/d", "--config", "/dev/null"), ("policy", "show", "nonsense")):
            with self.subTest(arguments):
                done = pgwarden(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr)

    def test_url(self):
        url = "postgres://ann:s%20ecret@db.example.com:5433/app?sslmode=require&channel_binding=require&schema=public"
        masked = pgwarden("url", url).stdout.strip()
        self.assertEqual(masked, "postgres://ann:***@127.0.0.1:6432/app?sslmode=disable&schema=public")
        revealed = pgwarden("url", url, "--reveal", "--listen", "127.0.0.1:7000").stdout.strip()
        self.assertEqual(revealed, "postgres://ann:s%20ecret@127.0.0.1:7000/app?sslmode=disable&schema=public")

    def test_every_problem_of_a_configuration_is_shown_and_nothing_starts(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("listeners:\n  - lisen: 127.0.0.1:1\npreset: garded\n")
            file.flush()
            done = pgwarden("run", "--config", file.name)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{file.name}:2:5: ", done.stderr)
        self.assertIn('did you mean "listen"?', done.stderr)
        self.assertIn(f"{file.name}:3:9: ", done.stderr)
        self.assertIn('did you mean "guarded"?', done.stderr)
        self.assertIn("^", done.stderr)

    def test_presets_can_be_read(self):
        for preset in ("observe", "guarded", "append_only", "read_only"):
            done = pgwarden("policy", "show", preset)
            self.assertEqual(done.returncode, 0)
            self.assertIn("default:", done.stdout)

    def test_health_of_nothing(self):
        self.assertEqual(pgwarden("health", "--listen", "127.0.0.1:1").returncode, 1)


class WithServer(ServerTest):
    def url(self, user="postgres"):
        return f"postgres://{user}@127.0.0.1:{self.postgres.port}/postgres"

    def wrapped(self, script, url=None, environment=None):
        return pgwarden("run", url or self.url(), "--listen", "127.0.0.1:0", "--", "sh", "-c", script,
                        environment=environment)

    def test_a_command_finds_the_proxy_and_not_the_original(self):
        original = self.url()
        done = self.wrapped('env; psql -X -A -t "$DATABASE_URL" -c "DROP TABLE x"; psql -X -A -t -U postgres -c "SELECT 41 + 1"',
                            environment={"DATABASE_URL": original, "DIRECT_URL": original, "PGHOSTADDR": "127.0.0.1",
                                         "PGWARDEN_UPSTREAM": original, "UNTOUCHED": "yes"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("UNTOUCHED=yes", done.stdout)
        self.assertNotIn(str(self.postgres.port), done.stdout)
        self.assertIn("cannot execute DROP TABLE", done.stderr)
        self.assertIn("\n42\n", done.stdout)

    def test_the_exit_code_is_the_commands(self):
        self.assertEqual(self.wrapped("exit 7").returncode, 7)
        self.assertEqual(self.wrapped("kill -KILL $$").returncode, 137)
        self.assertEqual(pgwarden("run", self.url(), "--listen", "127.0.0.1:0", "--", "/no/such/command").returncode, 127)

    def test_signals_are_passed_on(self):
        process = subprocess.Popen([BINARY, "run", self.url(), "--listen", "127.0.0.1:0", "--", "sh", "-c",
                                    "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while "ready" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        self.assertIn("caught", process.communicate(timeout=10)[0])
        self.assertEqual(process.returncode, 3)

    def test_zero_config_prints_the_url_to_copy(self):
        port = self.pgwarden.protected[1]
        process = subprocess.Popen([BINARY, "run", f"postgres://postgres:pw@127.0.0.1:{self.postgres.port}/postgres", "--listen",
                                    "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        lines = ""
        while "DATABASE_URL=" not in lines:
            lines += process.stdout.readline()
        self.assertNotIn("pw@", lines)
        self.assertRegex(lines, r"DATABASE_URL=postgres://postgres:\*\*\*@127\.0\.0\.1:\d+/postgres\?sslmode=disable")
        self.assertNotIn(f":{port}/", lines)
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        process.stdout.close()

    def test_environment_variables_for_containers(self):
        environment = dict(os.environ, PGWARDEN_UPSTREAM=self.url(), PGWARDEN_LISTEN="127.0.0.1:0")
        process = subprocess.Popen([BINARY, "run"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                   env=environment)
        self.assertIn("guarded", process.stdout.readline())
        process.terminate()
        self.assertEqual(process.wait(10), 0)
        process.stdout.close()

    def test_health(self):
        host, port = self.pgwarden.protected
        self.assertEqual(pgwarden("health", "--listen", f"{host}:{port}").returncode, 0)
        self.assertEqual(pgwarden("health", environment={"PGWARDEN_LISTEN": f"0.0.0.0:{port}"}).returncode, 0)

    def test_a_socket_in_use_stays_whose_it_is(self):
        done = pgwarden("run", self.url(), "--listen", self.pgwarden.socket_path)
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"cannot listen on {self.pgwarden.socket_path}: Address already in use", done.stderr)
        self.assertTrue(os.path.exists(self.pgwarden.socket_path))

    def test_an_address_in_use(self):
        host, port = self.pgwarden.protected
        done = pgwarden("run", self.url(), "--listen", f"{host}:{port}")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"cannot listen on {host}:{port}: Address already in use", done.stderr)


if __name__ == "__main__":
    unittest.main()
