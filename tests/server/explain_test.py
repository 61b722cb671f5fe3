"""`pgwarden explain` says what the proxy says, and `pgwarden test` and `policy` agree with it."""

import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import unittest

from support import BINARY, ServerTest

ROOT = pathlib.Path(__file__).resolve().parents[2]

RULES = """
rules:
  - name: no-grants-ever
    effect: deny
    on_deny: terminate
    match: {classes: [dcl]}
    reason: |
      Two lines
      of reason.
  - name: watch-truncate
    effect: warn
    match: {classes: [truncate]}
    reason: Truncating loses data.
"""

WIDE = "aé漢字한글ｱ\u0301\u200b😀\t "

STATEMENTS = [
    'drop table "Product" cascade',
    "drop table a; select 1",
    "select 1;\n  drop table a",
    "select 1;\r\n\r\ndrop table a\r\n;select 2",
    "select 1;\r\rdrop table a",
    "\n\n\tdrop\ttable\ta",
    "-- a comment\nselect 1 /* more\n */; truncate a, b; drop table c",
    "select '漢字漢字'; drop table \"한글\"",
    "select 'e\u0301e\u0301', '\u200b😀'; drop table x",
    "select 'naïve';\n\tselect '日本語'; drop table x -- 日本語",
    "select " + "1234567890, " * 20 + "1; drop table x",
    "drop table " + ", ".join(f"table_{n}" for n in range(40)),
    "select " + "1234567890, " * 20 + "1; drop table x; select " + "1234567890, " * 20 + "1",
    "select '" + "漢字" * 50 + "'; drop table x; select '" + "漢字" * 50 + "'",
    "select '" + "\t" * 70 + "'; drop table x",
    "selec 1",
    "select (",
    "select (\n",
    "do $$begin\n  drop table x;\nend$$",
    "select 1; select pg_read_file('/etc/passwd')",
    "alter table t drop column c",
    "drop table \"with\"\"quote\", \"back\\slash\"",
    "update t\nset a = 1\n",
]


def pgwarden(*arguments, source=None, environment=None):
    return subprocess.run([BINARY, *arguments], capture_output=True, check=False, timeout=60,
                          env=dict(os.environ, **(environment or {})), input=None if source is None else source.encode())


def text(output):
    """As it is: Python would make one newline of CRLF."""
    return output.decode("utf-8")


class Explain(ServerTest):
    extra = RULES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE TABLE filled (id int)")

    def explain(self, sql, *options, config=True):
        configured = ("--config", str(self.pgwarden.config)) if config else ()
        return pgwarden("explain", *configured, "--user", "postgres", "--database", "postgres", *options, sql)

    def explained_message(self, sql):
        done = self.explain(sql)
        self.assertEqual(done.stderr, b"")
        return done.returncode, text(done.stdout).split("\n\n", 1)[1]

    def psql_message(self, sql):
        host, port = self.pgwarden.protected
        done = subprocess.run(["psql", "-X", "-h", host, "-p", str(port), "-U", "postgres", "-d", "postgres", "-c", sql],
                              capture_output=True, check=False, timeout=60,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "PGCLIENTENCODING": "UTF8"})
        return re.sub(r"\(pgwarden [0-9A-Z]{6}\)", "(pgwarden ------)", text(done.stderr))

    def test_the_message_is_psqls(self):
        for sql in STATEMENTS:
            with self.subTest(sql):
                status, message = self.explained_message(sql)
                self.assertEqual(status, 1)
                self.assertRegex(message, r"^ERROR:  .*\n(LINE [0-9]+: .*\n *\^\n)?DETAIL:  ")
                self.assertEqual(message, self.psql_message(sql))

    def test_the_message_is_psqls_for_texts_of_any_width(self):
        chance = random.Random(1)

        def literal():
            return "'" + "".join(chance.choice(WIDE) for _ in range(chance.randrange(70))) + "'"
        for number in range(60):
            sql = f"select {literal()}; drop table x{number}; select {literal()}"
            with self.subTest(sql):
                self.assertEqual(self.explained_message(sql)[1], self.psql_message(sql))

    def test_a_warning_and_the_end_of_the_session(self):
        status, message = self.explained_message("truncate filled")
        self.assertEqual((status, message), (0, "allowed\n" + self.psql_message("truncate filled")))
        self.assertIn("WARNING:  ", message)
        status, message = self.explained_message("grant all on filled to public")
        self.assertEqual(status, 1)
        self.assertIn("DETAIL:  The statement was not executed.  Two lines\nof reason.\n", message)
        self.assertTrue(message.startswith("FATAL:  "), message)
        self.assertTrue(self.psql_message("grant all on filled to public").startswith(message))

    def test_what_passes(self):
        done = self.explain("select 1")
        self.assertEqual((done.returncode, text(done.stdout).split("\n\n")[1]), (0, "allowed\n"))

    def test_a_host_that_is_not_protected(self):
        done = self.explain("drop table a", "--host", "localhost")
        self.assertEqual(done.returncode, 0)
        self.assertIn('allowed: host "localhost" is not protected\non a protected host:\nERROR:  ', text(done.stdout))

    def test_the_tree(self):
        done = pgwarden("explain", "-", source='select 1;\ndrop table if exists public.a cascade')
        self.assertEqual(done.returncode, 1)
        tree = text(done.stdout).split("\n\n")[0]
        self.assertIn("statement 1: select 1\n  read: SELECT\n", tree)
        self.assertIn('statement 2: drop table if exists public.a cascade\n'
                      '  ddl_drop: DROP TABLE on table "public.a", CASCADE, IF EXISTS\n', tree)
        self.assertRegex(tree, r"\n    -  temporary-objects \(guarded:\d+\) does not match temporary: true\n")
        self.assertRegex(tree, r"\n    => no-drop \(guarded:\d+\) denies it$")
        self.assertRegex(tree, r"\n    => default \(guarded\) allows it\n")

    def test_json_says_the_same(self):
        sql = "select '漢';\ndrop table public.a cascade; truncate filled"
        done = self.explain(sql, "--format", "json")
        self.assertEqual(done.returncode, 1)
        answer = json.loads(done.stdout)
        self.assertEqual((answer["verdict"], answer["host"], answer["protected"]), ("deny", "127.0.0.1", True))
        drop, truncate = answer["statements"][1]["facts"] + answer["statements"][2]["facts"]
        self.assertEqual({key: drop[key] for key in ("class", "command", "kind", "schema", "name", "cascade", "inner")},
                         {"class": "ddl_drop", "command": "DROP TABLE", "kind": "table", "schema": "public", "name": "a",
                          "cascade": True, "inner": []})
        self.assertEqual((drop["answer"]["rule"], drop["answer"]["effect"]), ("no-drop", "deny"))
        self.assertEqual([(passed["rule"], passed["key"]) for passed in drop["passed_over"]],
                         [("no-grants-ever", "classes"), ("watch-truncate", "classes"), ("temporary-objects", "temporary"),
                          ("functions-of-the-session", "classes"), ("unreadable-statement", "classes"), ("no-ddl", "classes")])
        self.assertEqual((truncate["answer"]["rule"], truncate["answer"]["effect"]), ("watch-truncate", "warn"))
        self.assertEqual(answer["message"]["psql"], self.psql_message(sql))
        self.assertEqual(answer["message"]["position"], sql.index("drop") + 1)
        self.assertEqual(answer["message"]["sqlstate"], "42501")

    def test_wrong_usage(self):
        for arguments in (("select 1", "--client", "nowhere"), ("--preset", "nonsense", "select 1"), (),
                          ("--config", "/no/such/file", "select 1")):
            with self.subTest(arguments):
                self.assertEqual(pgwarden("explain", *arguments).returncode, 2)
        for source in (b"drop table a\0b", b"drop table \xff"):
            done = subprocess.run([BINARY, "explain", "-"], input=source, capture_output=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stdout), (2, b""))
            self.assertIn(b"not UTF-8", done.stderr)


class TestFiles(unittest.TestCase):
    """pgwarden test."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext_(tempfile.TemporaryDirectory()))
        self.config = self.folder / "c.yaml"
        self.config.write_text("listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://db.example.com'}]\n")

    def enterContext_(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def run_tests(self, tests, *options):
        path = self.folder / "t.test.yaml"
        path.write_text(tests)
        return pgwarden("test", str(path), *options)

    def test_the_example(self):
        done = pgwarden("test", str(ROOT / "config/examples/rules.test.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertTrue(text(done.stdout).endswith("\n10 passed, 0 failed\n"), done.stdout)
        for rule in ("no-agents-in-billing", "migrations-may-add-tables", "scratch-tables", "watch-large-copies"):
            self.assertNotIn(f"never: {rule}", text(done.stdout))

    def test_the_example_with_an_agent(self):
        example = ROOT / "config/examples/agent.yaml"
        environment = {"DB_PASSWORD": "hunter2", "AGENT_DB_PASSWORD": "hunter2"}
        done = pgwarden("test", str(example.with_suffix(".test.yaml")), environment=environment)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(text(done.stdout).endswith("\n6 passed, 0 failed\n"), done.stdout)
        for rule in ("agents-only-read", "agents-stay-read-only"):
            self.assertNotIn(f"never: {rule}", text(done.stdout))

        def explain(*options):
            arguments = ("explain", "--config", str(example), *options, "UPDATE t SET a = 1 WHERE id = 1")
            return pgwarden(*arguments, environment=environment).returncode

        self.assertEqual(explain("--user", "assistant"), 1)
        self.assertEqual(explain("--user", "app"), 0)
        self.assertEqual(explain("--user", "app", "--label", "agent"), 1)
        self.assertEqual(explain("--user", "assistant", "--label", "other"), 0)
        shown = pgwarden("policy", "show", "--config", str(example), environment=environment)
        self.assertEqual(shown.returncode, 0)
        self.assertIn("labels: [agent]", text(shown.stdout))
        for secret in ("hunter2", "SCRAM-SHA-256"):
            self.assertNotIn(secret, text(shown.stdout) + text(shown.stderr))
        without = pgwarden("policy", "lint", "--config", str(example))
        self.assertEqual(without.returncode, 2)
        self.assertIn("the environment variable that \"password_env\" names is not set", text(without.stderr))

    def test_a_failed_expectation_is_shown_as_a_difference(self):
        done = self.run_tests("config: c.yaml\ntests:\n  - {statement: drop table a, expect: allow}\n"
                              "  - {statement: drop table a, expect: deny, rule: no-ddl}\n"
                              "  - {statement: select 1, expect: allow, rule: default}\n"
                              "  - {statement: select 1, expect: deny}\n")
        self.assertEqual(done.returncode, 1)
        out = text(done.stdout)
        path = self.folder / "t.test.yaml"
        self.assertIn(f'{path}:3:5: failed: drop table a\n    - expected: allow\n    + got: deny by rule "no-drop"\n'
                      '      ERROR:  cannot execute DROP TABLE on table "a": ', out)
        self.assertIn('\n      LINE 1: drop table a\n              ^\n      DETAIL:  ', out)
        self.assertIn(':4:5: failed: drop table a\n    - expected: deny by rule "no-ddl"\n    + got: deny by rule "no-drop"\n',
                      out)
        self.assertIn(':6:5: failed: select 1\n    - expected: deny\n    + got: allow by rule "default"\n', out)
        self.assertIn(f"{self.config}: 1 of 14 rules decided a statement\n", out)
        self.assertNotIn("never: no-drop", out)
        self.assertRegex(out, r"\n  never: no-ddl \(guarded:\d+\)\n")
        self.assertTrue(out.endswith("\n1 passed, 3 failed\n"), out)

    def test_coverage_can_be_demanded(self):
        tests = "tests: [{statement: drop table a, expect: deny}]"
        self.assertEqual(self.run_tests(tests, "--config", str(self.config), "--coverage-min", "7").returncode, 0)
        done = self.run_tests(tests, "--config", str(self.config), "--coverage-min", "8")
        self.assertEqual(done.returncode, 1)
        self.assertIn("less than 8% of the rules decided a statement", text(done.stdout))

    def test_bad_files(self):
        for tests, problem in (
                ("config: c.yaml\ntests:\n  - {statment: x, expect: deny}\n", ':3:6: error: unknown key "statment"'),
                ("config: c.yaml\ntests:\n  - {statement: x, expect: denied}\n", ':3:28: error: unknown verdict "denied"'),
                ("config: c.yaml\ntests:\n  - {statement: x, expect: deny, who: {client: far}}\n",
                 ':3:48: error: "far" is not an address'),
                ("config: c.yaml\ntests: []\n", ':2:8: error: "tests" is an empty list'),
                ("tests: [{statement: x, expect: deny}]\n", "no configuration to test"),
                ("config: other.yaml\ntests: [{statement: x, expect: deny}]\n", "other.yaml: error: cannot read the file")):
            with self.subTest(tests):
                done = self.run_tests(tests)
                self.assertEqual(done.returncode, 2)
                self.assertIn(problem, text(done.stderr))


class Policy(unittest.TestCase):
    """pgwarden policy show, lint and schema."""

    def lint(self, config):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("listeners: [{listen: '127.0.0.1:0', upstream: 'postgres://db.example.com'}]\n" + config)
            file.flush()
            done = pgwarden("policy", "lint", "--config", file.name)
            return done.returncode, text(done.stderr).replace(file.name, "F")

    def test_lint(self):
        self.assertEqual(self.lint(""), (0, ""))
        status, warnings = self.lint("rules:\n  - {name: r, effect: deny, match: {objects: ['scratch.*']}}\n")
        self.assertEqual(status, 1)
        self.assertIn('F:3:47: warning: "scratch.*" in a rule that does not allow matches every name without a schema too',
                      warnings)
        status, errors = self.lint("rules:\n  - {name: r, efect: deny, match: {}}\n")
        self.assertEqual(status, 2)
        self.assertIn('F:3:15: error: unknown key "efect"', errors)

    def test_what_show_prints_loads_again_and_decides_alike(self):
        example = ROOT / "config/examples/rules.yaml"
        shown = text(pgwarden("policy", "show", "--config", str(example)).stdout)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("listeners: [{listen: '127.0.0.1:6432', upstream: 'postgres://db.example.com'}]\n" + shown)
            file.flush()
            done = pgwarden("test", "--config", file.name, str(ROOT / "config/examples/rules.test.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_schema(self):
        done = pgwarden("policy", "schema")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(json.loads(done.stdout)["title"], "pgwarden configuration")


if __name__ == "__main__":
    unittest.main()
