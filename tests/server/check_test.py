"""pgwarden check: files and exit codes, and that scripts are cut where the real psql cuts them."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support import BINARY, ServerTest, eventually

DENY_ALL = """\
listeners:
  - listen: 127.0.0.1:1
    upstream: postgres://db.example.com
protect: [db.example.com]
rules:
  - name: everything
    effect: deny
    match: {}
    reason: for the test
"""

# Each line of "" is one text that psql sends, or none; variables and \copy are left out: psql sends other bytes.
TRICKY = r"""
\set ON_ERROR_STOP off
SELECT 1; SELECT 2 ;;
SELECT ';' AS "a;b", $$;$$, $x$ $$;$$ ; $x$, E'\';', U&'\003B', 'a'
  ';b', e'a' -- ;
  '\';';
SELECT /* ; /* ; */ ' */ 3; /* ; */ SELECT 4 -- ;
;
SELECT 5 AS a$b$c, 1.5e-3, 1e5;
CREATE TABLE t (a text, b int[]);
CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 6; SELECT 7);
CREATE OR REPLACE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 8; SELECT CASE WHEN x > 0 THEN 9 END; END;
create procedure p() language sql begin atomic select 10; select 11; end; SELECT 12;
CREATE FUNCTION g() RETURNS int LANGUAGE sql AS $f$ SELECT 13; SELECT 14 $f$;
BEGIN; SELECT 15; END;
SELECT 16 \; SELECT 17\; SELECT 18;
SELECT b[1:2] FROM t; SELECT 19::text, 20:: text;
SELECT 21 \g
SELECT 22 \gset x_
SELECT 23 \gx | cat ; '
\echo 'it''s ; SELECT' "a;b" \\
SELECT 26 \r
SELECT 27
\g
\if true
SELECT 28;
\else
\endif
SELECT (29 \g
SELECT 30;
\! echo ' ; "
\pset pager off \t \a
\d+ t
COPY t (a) FROM STDIN; SELECT 31;
DROP TABLE t; 'data
\.
COPY t (a) FROM STDIN\; COPY t (a) FROM STDIN;
SELECT 'first'
\.
SELECT 'second'
\.
\.
SET standard_conforming_strings = off;
SELECT '\'; SELECT 32; --';
SELECT 33;
SET standard_conforming_strings = on;
SELECT '\'; SELECT 34; --';
SELECT "é;", 'ü;' AS "日本;";
SELECT 35 + ;
SELECT ) ; SELECT 36;
\restrict_is_unknown_here
SELECT $1$;$1$;
SELECT 37/* no semicolon at the end */"""


def check(*arguments, source=None, environment=None):
    return subprocess.run([BINARY, "check", *arguments], input=source, capture_output=True, check=False, timeout=120,
                          text=True, env=dict(os.environ, **(environment or {})))


def bare(text):
    """A statement without comments in front, blanks at its ends and the semicolon; psql 15 sends comments, older ones
    not all of them."""
    text = re.sub(r"--[^\n']*(\n|$)", "\n", text).replace("\\;", ";")
    text = re.sub(r"\s+", " ", text)
    return re.sub(r"^(/\*.*?\*/ ?)+(?=\w)|( ?/\*[^*]*\*/)?[; ]*$", "", text.strip())


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext_(tempfile.TemporaryDirectory()))
        self.write("good.sql", "SELECT 1;\n")
        self.write("sub/bad.sql", "DROP TABLE a;\n")
        self.write("sub/not-sql.txt", "DROP TABLE b;\n")

    def enterContext_(self, manager):
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_exit_codes(self):
        good, bad, missing = (str(self.folder / name) for name in ("good.sql", "sub/bad.sql", "missing.sql"))
        for arguments, code in (((good,), 0), ((bad,), 1), ((missing,), 2), ((good, missing), 2), ((missing, bad), 1),
                                ((str(self.folder),), 1), ((bad, "--preset", "observe"), 0), ((), 2),
                                ((good, "--config", missing), 2), ((good, "--preset", "nonsense"), 2),
                                ((good, "--format", "nonsense"), 2)):
            with self.subTest(arguments):
                self.assertEqual(check(*arguments).returncode, code)

    def test_what_cannot_be_read_hides_nothing(self):
        done = check(str(self.folder / "missing.sql"), str(self.folder))
        self.assertIn("missing.sql: No such file or directory", done.stderr)
        self.assertIn("error[drop-table]", done.stdout)
        self.assertIn("2 files, 2 statements: 1 denied, 0 warnings, 0 exceptions, 1 unreadable", done.stdout)

    def test_a_folder_without_scripts_is_no_success(self):
        (self.folder / "empty").mkdir()
        self.assertEqual(check(str(self.folder / "empty")).returncode, 2)

    def test_files_of_a_folder_come_sorted(self):
        self.write("a.sql", "SELECT 1;")
        done = check("--format", "json", str(self.folder))
        names = [file["file"] for file in json.loads(done.stdout)["files"]]
        self.assertEqual(names, [str(self.folder / name) for name in ("a.sql", "good.sql", "sub/bad.sql")])

    def test_standard_input(self):
        done = check("-", source="TRUNCATE t;")
        self.assertEqual(done.returncode, 1)
        self.assertIn("--> <stdin>:1:10\n", done.stdout)

    def test_a_pipe_is_read_as_a_file(self):
        pipe = str(self.folder / "pipe")
        os.mkfifo(pipe)
        with subprocess.Popen(["sh", "-c", f"echo 'TRUNCATE t;' > {pipe}"]):
            self.assertEqual(check(pipe).returncode, 1)

    def test_colours_only_where_they_are_wanted(self):
        bad = str(self.folder / "sub/bad.sql")
        self.assertNotIn("\x1b", check(bad).stdout)
        self.assertIn("\x1b[1;31merror", check("--color", "always", bad).stdout)
        # On a terminal, unless NO_COLOR says otherwise.
        for environment, expected in (({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)):
            done = subprocess.run(["script", "-qec", f"{BINARY} check {bad}", "/dev/null"], capture_output=True,
                                  check=False, env={**os.environ, **environment}, timeout=60)
            self.assertEqual(b"\x1b[1;31m" in done.stdout, expected, environment)

    def test_the_host_has_to_be_protected(self):
        config = self.write("pgwarden.yaml", DENY_ALL)
        good = str(self.folder / "good.sql")
        self.assertIn('on protected host "db.example.com"', check("--config", config, good).stdout)
        done = check("--config", config, "--host", "staging", good)
        self.assertEqual(done.returncode, 2)
        self.assertIn('does not protect "staging"', done.stderr)
        self.assertEqual(check(good, environment={"PGWARDEN_CONFIG": config}).returncode, 1)
        self.assertEqual(check("--preset", "observe", good, environment={"PGWARDEN_CONFIG": config}).returncode, 0)
        several = self.write("several.yaml", DENY_ALL.replace("protect: [db.example.com]", "protect: [other]"))
        self.assertIn("none of its upstream hosts", check("--config", several, good).stderr)

    def test_rules_for_users_need_a_user(self):
        config = self.write("pgwarden.yaml", DENY_ALL.replace("match: {}", "match: {users: [app]}"))
        good = str(self.folder / "good.sql")
        done = check("--config", config, good)
        self.assertIn("--user", done.stderr)
        self.assertEqual(done.returncode, 0)
        self.assertEqual(check("--config", config, "--user", "app", good).returncode, 1)


class AgainstPsql(ServerTest):
    conf = """
log_statement = all
log_destination = jsonlog
logging_collector = on
log_directory = log
log_filename = 'log'
log_min_messages = error
log_min_error_statement = error
"""

    def logged(self, name):
        """The texts that the server received from the application `name`, in order; a text that does not parse is
        logged with its error only."""
        texts = []
        for line in pathlib.Path(self.postgres.directory, "data/log/log.json").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record.get("application_name") != name:
                continue
            found = re.match(r"(?:statement|execute [^:]*): (.*)", record["message"], re.DOTALL)
            if found:
                texts.append(found[1])
            elif record.get("statement") and record["statement"] not in texts[-1:]:
                texts.append(record["statement"])
        return texts

    def run_psql(self, path, name):
        subprocess.run(["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "postgres", "-d",
                        "postgres", "-f", path, "-c", "SELECT 'the end'"], capture_output=True, check=False,
                       timeout=120, env=dict(os.environ, PGAPPNAME=name, PGCLIENTENCODING="UTF8"))
        self.assertTrue(eventually(lambda: "SELECT 'the end'" in self.logged(name)))
        return [text for text in self.logged(name)[:-1] if "pg_catalog." not in text]  # those of \d

    def test_statements_are_those_that_psql_sends(self):
        with tempfile.TemporaryDirectory() as folder:
            script, config = pathlib.Path(folder, "tricky.sql"), pathlib.Path(folder, "pgwarden.yaml")
            script.write_text(TRICKY, encoding="utf-8")
            config.write_text(DENY_ALL, encoding="utf-8")
            done = check("--format", "json", "--config", str(config), str(script))
            theirs = self.run_psql(str(script), "tricky")
        self.assertEqual(done.returncode, 1, done.stderr)
        source = TRICKY.encode()
        ours = []
        for finding in json.loads(done.stdout)["findings"]:
            if "statement" in finding:
                span = finding["statement"]
                ours.append(source[span["offset"]:span["offset"] + span["bytes"]].decode())
        ours = [text for text in ours if not text.startswith("\\")]  # a command that psql does not know
        self.maxDiff = None
        self.assertEqual([bare(text) for text in ours], [text for text in map(bare, theirs) if text])
        self.assertGreater(len(ours), 40)

    def test_a_dump_is_read_without_a_doubt(self):
        self.postgres.psql("postgres", """
CREATE DATABASE dumped;
\\c dumped
CREATE TYPE mood AS ENUM ('a;b', 'c');
CREATE TABLE "T;1" (id int PRIMARY KEY, v text DEFAULT 'it''s; \\', m mood);
INSERT INTO "T;1" SELECT i, E'\\\\.\\n\\\\.' || i || E';\\t''$$', 'c' FROM generate_series(1, 50) i;
CREATE FUNCTION f(x int) RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN x > 0 THEN 2 END; END;
CREATE FUNCTION g() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN RETURN ';$$'; END $f$;
CREATE VIEW v AS SELECT *, ':x' || 'y'::text AS z FROM "T;1" WHERE v ~ '\\d;';
CREATE RULE r AS ON DELETE TO "T;1" DO INSTEAD (SELECT 1; SELECT 2);
COMMENT ON VIEW v IS 'a \\ b; -- c';
SELECT lo_from_bytea(0, 'x');
""")
        for options in ((), ("--inserts",), ("--schema-only",), ("--create", "--clean", "--if-exists")):
            dump = subprocess.run(["pg_dump", "-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "postgres",
                                   *options, "dumped"], capture_output=True, check=True, text=True).stdout
            report = json.loads(check("--format", "json", "-", source=dump).stdout)
            self.maxDiff = None
            doubts = [finding for finding in report["findings"] if finding["kind"] == "unanalysable"]
            self.assertEqual(doubts, [], options)
            self.assertGreater(report["summary"]["statements"], 20)
            self.assertGreater(report["summary"]["denied"], 5)

    def test_exceptions_exist_in_check_only(self):
        script = "-- pgwarden: allow drop-table it is empty\nDROP TABLE nothing;\n"
        self.assertEqual(check("-", source=script).returncode, 0)
        done = self.psql(source=script, check=False)
        self.assertIn("cannot execute DROP TABLE", done.stderr)


if __name__ == "__main__":
    unittest.main()
