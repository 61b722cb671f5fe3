"""Real drivers do one exercise directly and through pgwarden on a protected host: nothing that they print may differ.
Then each meets denials: what its user sees, and that its connection goes on.

Every exercise_* program takes "exercise" or "denied", connects as libpq's environment variables say and prints a line
a step. transcript.txt is what all of them print; "?" stands for what each driver does in its own way.
With PGWARDEN_WRITE_DOCS=1 docs/drivers.md is written instead of compared.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import typing
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "server"))

from support import ServerTest, eventually  # noqa: E402

ROOT = HERE.parents[2]
DOCS = ROOT / "docs" / "drivers.md"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "pgwarden")
TIMEOUT_S = 120  # for one run of a program
USER, PASSWORD, DATABASE = "exerciser", "secret", "drivers"
DENIED = {
    "drop": 'cannot execute DROP TABLE on table "kept"',
    "create": 'cannot execute CREATE TABLE on table "made"',
    "update": 'cannot execute UPDATE on table "kept"',
    "transaction": 'cannot execute DELETE on table "kept"',
    "batch": 'cannot execute DROP TABLE on table "kept"',
}
DENIES = r': rule "[\w-]+" denies it on protected host "127\.0\.0\.1" \(pgwarden [A-Z0-9]{6}\)'
FIELDS = ("sqlstate", "detail", "hint", "position")
FIELD_TEXTS = {"detail": r"^The statement was not executed\.", "hint": r"^Do not retry", "position": r"^[1-9]\d*$"}
SHOWN = {"SQLSTATE": "42501", "line": "LINE 1", "detail": "The statement was not executed", "hint": "Do not retry",
         "position": "Position: "}
DOCS_HEAD = """\
# What drivers show of a denial

Real drivers do the same work directly and through pgwarden, and nothing that they print differs:
`tests/clients/drivers` in `scripts/test clients`. A denial is an ordinary error of the server to each of them, within a
transaction and a batch too, and the connection goes on. The message is in the text that their users print anyway; the
table says what else is in that text, and where a program finds the parts.

| driver | text | besides the message it has | SQLSTATE | detail | hint | position |
| --- | --- | --- | --- | --- | --- | --- |
"""
JDBC = "/usr/share/java/postgresql.jar"
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": str(CACHE / "go-build")}


class Driver(typing.NamedTuple):
    name: str
    command: list  # {built} is the folder that `build` writes to
    text: str  # what its users print, in Markdown
    fields: tuple  # where they find SQLSTATE, detail, hint and position, or None
    differs: dict = {}  # steps of the transcript that it does in its own way, or not at all (None)
    build: list = []


def python(program):
    return ["/usr/bin/python3", program]


def go(program):
    return ["go", "build", "-o", f"{{built}}/{program}", "common.go", f"{program}.go"]


DRIVERS = [
    Driver("libpq", ["{built}/exercise_libpq"], "`PQerrorMessage()`",
           tuple(f"PG_DIAG_{name}" for name in ("SQLSTATE", "MESSAGE_DETAIL", "MESSAGE_HINT", "STATEMENT_POSITION")),
           build=["cc", "-Wall", "-Wextra", "-I/usr/include/postgresql", "exercise_libpq.c", "-lpq",
                  "-o", "{built}/exercise_libpq"]),
    # Its fields are within what it prints.
    Driver("psql", ["./exercise_psql.sh"], "standard error", (":SQLSTATE", None, None, None),
           {"constraint": None, "position": None}),
    Driver("psycopg 3", python("exercise_psycopg.py"), "`str(e)`",
           ("e.sqlstate", "e.diag.message_detail", "e.diag.message_hint", "e.diag.statement_position")),
    # Of several statements it keeps the last one's result.
    Driver("psycopg2", python("exercise_psycopg2.py"), "`str(e)`",
           ("e.pgcode", "e.diag.message_detail", "e.diag.message_hint", "e.diag.statement_position"), {"multi": "2"}),
    # Of several statements it shows the last one's command tag, and of a cancellation only Python's own error.
    Driver("asyncpg", python("exercise_asyncpg.py"), "`str(e)`", ("e.sqlstate", "e.detail", "e.hint", "e.position"),
           {"cancel": "1", "multi": "1"}),
    # SQLSTATE and one text are all that ODBC has; an error within a transaction takes it back to a savepoint.
    Driver("psqlODBC (pyodbc)", python("exercise_pyodbc.py"), "`e.args[1]`", ("e.args[0]", None, None, None),
           dict.fromkeys(("constraint", "aborted", "position", "copy in", "copy error", "copy out", "notice",
                          "notify"))),
    Driver("node-postgres", ["node", "exercise_pg.mjs"], "`e.message`", ("e.code", "e.detail", "e.hint", "e.position")),
    # It reads a NULL in an array as a number, and never reports an error of COPY FROM STDIN.
    Driver("postgres.js", ["node", "exercise_postgres.mjs"], "`e.message`",
           ("e.code", "e.detail", "e.hint", "e.position"), {"int array": "{-1,NaN,3}", "copy error": None}),
    Driver("lib/pq", ["{built}/exercise_lib_pq"], "`err.Error()`",
           ("err.Code", "err.Detail", "err.Hint", "err.Position"), {"copy out": None}, go("exercise_lib_pq")),
    Driver("pgx", ["{built}/exercise_pgx"], "`err.Error()`", ("err.Code", "err.Detail", "err.Hint", "err.Position"),
           build=go("exercise_pgx")),
    # The compiler that is quick to start is enough.
    Driver("pgjdbc", ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JDBC}:{{built}}", "ExerciseJdbc"],
           "`e.getMessage()`",
           ("e.getSQLState()", *(f"e.getServerErrorMessage().get{name}()" for name in ("Detail", "Hint", "Position"))),
           build=["javac", "-encoding", "UTF-8", "-cp", JDBC, "-d", "{built}", "ExerciseJdbc.java"]),
    Driver("ruby-pg", ["ruby", "exercise_pg.rb"], "`e.message`",
           tuple(f"e.result.error_field(PG::PG_DIAG_{name})"
                 for name in ("SQLSTATE", "MESSAGE_DETAIL", "MESSAGE_HINT", "STATEMENT_POSITION"))),
    # Of several statements it keeps the last one's result, of a cancellation whether it came in time.
    Driver("DBD::Pg", ["perl", "exercise_dbd_pg.pl"], "`$@`",
           ("$dbh->state", *(f"$dbh->pg_error_field('{name}')"
                             for name in ("message_detail", "message_hint", "statement_position"))),
           {"cancel": "1 57014", "multi": "2"}),
    # It keeps what the server said of a cancellation to itself.
    Driver("PHP pgsql", ["php", "exercise_php.php"], "`pg_result_error()`",
           tuple(f"PGSQL_DIAG_{name}" for name in ("SQLSTATE", "MESSAGE_DETAIL", "MESSAGE_HINT", "STATEMENT_POSITION")),
           {"cancel": "1"}),
    Driver("PHP PDO", ["php", "exercise_pdo.php"], "`$e->getMessage()`", ("$e->getCode()", None, None, None),
           dict.fromkeys(("constraint", "position", "notice", "cancel", "multi", "empty"))),
]


def run(command, environment):
    """What the program writes; all that it has started is ended when it takes too long."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=HERE,
                                   env=environment, start_new_session=True)
        try:
            status = process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            status = f"killed after {TIMEOUT_S} s: {process.wait()}"
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if status != 0:
        raise AssertionError(f"{' '.join(command)}: {status}\n{text}")
    return text


def as_steps(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


TRANSCRIPT = as_steps((HERE / "transcript.txt").read_text(encoding="utf-8"))


class Drivers(ServerTest):
    conf = "timezone = 'UTC'"
    hba = f"host all {USER} 127.0.0.1/32 scram-sha-256"
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.denials = {}
        cls.built = tempfile.mkdtemp(prefix="pgwarden-test-")
        cls.addClassCleanup(shutil.rmtree, cls.built)
        cls.postgres.psql("postgres", f"SET password_encryption = 'scram-sha-256'; "
                                      f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
        cls.postgres.psql("postgres", f"CREATE DATABASE template OWNER {USER}")
        cls.postgres.psql("template", (HERE / "fixture.sql").read_text(encoding="utf-8"))

    def run_with(self, address, command):
        """In a fresh database; the sessions have to be gone afterwards."""
        self.postgres.psql("postgres", f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        self.postgres.psql("postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template OWNER {USER}")
        host, port = address
        text = run([str(word).format(built=self.built) for word in command], dict(
            os.environ, PGHOST=host, PGPORT=str(port), PGUSER=USER, PGPASSWORD=PASSWORD, PGDATABASE=DATABASE,
            PGAPPNAME="exercise", TZ="UTC", LC_ALL="C.UTF-8", NODE_NO_WARNINGS="1"))
        sessions = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{USER}'"
        self.assertTrue(eventually(lambda: self.postgres.psql("postgres", sessions) == "0"), "a session is left behind")
        return text

    def denied(self, driver):
        """The steps of a program that meets denials."""
        if driver.name not in self.denials:
            if driver.build:
                run([word.format(built=self.built) for word in driver.build], dict(os.environ, **GO))
            self.denials[driver.name] = as_steps(self.run_with(self.pgwarden.protected, [*driver.command, "denied"]))
        return self.denials[driver.name]

    def check(self, driver):
        self.check_denials(driver)
        direct, proxied = (self.run_with(address, [*driver.command, "exercise"])
                           for address in (self.postgres.address, self.pgwarden.protected))
        self.assertEqual(direct, proxied)
        steps = as_steps(direct)
        expected = {name: steps.get(name) if text == "?" else text
                    for name, text in (TRANSCRIPT | driver.differs).items() if text is not None}
        self.assertEqual(steps, expected)

    def check_denials(self, driver):
        shown = self.denied(driver)
        expected = {}
        for name, message in DENIED.items():
            self.assertRegex(shown.get(name, ""), re.escape(message) + DENIES)
            expected |= {name: shown[name], f"{name} sqlstate": "42501", f"{name} after": "2 two"}
            for field, where in zip(FIELDS[1:], driver.fields[1:]):
                if where:
                    self.assertRegex(shown.get(f"{name} {field}", ""), FIELD_TEXTS[field])
                    expected[f"{name} {field}"] = shown[f"{name} {field}"]
        if driver.differs.get("aborted", True):
            expected["transaction aborted"] = TRANSCRIPT["aborted"]
        self.assertEqual(shown, expected)

    def test_without_pgwarden_nothing_is_denied(self):
        text = self.run_with(self.postgres.address, ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", """
            UPDATE kept SET name = 'x'; DELETE FROM kept; CREATE TABLE made (id int); DROP TABLE kept CASCADE"""])
        self.assertEqual(text, "")

    def test_the_table_in_docs(self):
        rows = []
        for driver in DRIVERS:
            text = self.denied(driver)["drop"]
            besides = [field for field, mark in SHOWN.items() if re.search(mark, text)]
            where = [f"`{expression}`" if expression else "" for expression in driver.fields]
            cells = [driver.name, driver.text, ", ".join(besides), *where]
            rows.append(f"| {' | '.join(cells)} |\n")
        written = DOCS_HEAD + "".join(rows)
        if os.environ.get("PGWARDEN_WRITE_DOCS"):
            DOCS.write_text(written, encoding="utf-8")
        self.assertEqual(DOCS.read_text(encoding="utf-8"), written)


for each in DRIVERS:
    setattr(Drivers, "test_" + re.sub(r"\W+", "_", each.name), lambda self, driver=each: self.check(driver))

if __name__ == "__main__":
    unittest.main()
