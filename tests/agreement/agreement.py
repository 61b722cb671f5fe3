"""PostgreSQL and pgwarden agree on what a statement is.

Every statement of PostgreSQL's own regression tests is given to a server, which says by its log_statement level
whether it is DDL, changes data (mod) or neither (all), and to pgwarden, whose classes fall into the same three. A
difference has to be listed below, with its reason. Usage: agreement.py READ_TEXTS REGRESSION_TESTS
"""

import collections
import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import typing

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_INERROR

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.servers import ScratchPostgres  # noqa: E402

LEVELS = ("ddl", "mod", "all")
NO_LEVEL = "unparsable"
DDL = {"ddl_create", "ddl_alter", "ddl_drop", "dcl", "system"}
MOD = {"write", "write_unbounded", "truncate", "copy_in", "catalog_write"}


class Difference(typing.NamedTuple):
    """Where the two differ, and why: the server's level, our class that decides, how the statement begins."""

    server_level: str
    our_class: str
    beginning: str  # a regular expression
    reason: str
    before: int = sys.maxsize  # the first major version of the server that has it no more

    def covers(self, server_level, our_class, sql):
        alike = (self.server_level, self.our_class) == (server_level, our_class)
        return alike and re.match(self.beginning, sql, re.IGNORECASE) is not None


OUTERMOST = "the server goes by the outermost statement, here what is nested counts"

# Each has to occur.
DIFFERENCES = (
    Difference("ddl", "maintenance", "CLUSTER", "maintenance is a class of its own here"),
    Difference("ddl", "maintenance", "REFRESH", "maintenance is a class of its own here"),
    Difference("ddl", "truncate", "REFRESH", "WITH NO DATA empties it"),
    Difference("all", "system", "(COMMIT|ROLLBACK) PREPARED", "what it ends may be another's, judged by nobody here"),
    Difference("all", "system", "SET", "settings that lift the server's own protection are administration here"),
    Difference("all", "write", "WITH|COPY", OUTERMOST),
    Difference("all", "write_unbounded", "WITH|COPY|SELECT", OUTERMOST),
    Difference("all", "ddl_create", "COPY|DECLARE|SELECT", OUTERMOST + ", SELECT INTO in a UNION as well"),
    Difference("mod", "ddl_create", "INSERT", OUTERMOST + ", SELECT INTO in an INSERT as well"),
    Difference("ddl", "unanalysable", "CREATE TABLE", "the grammar of 17 knows the partitioning strategies", before=17),
)

FEWEST_STATEMENTS = 30_000

SERVER_SETTINGS = """
logging_collector = on
log_destination = jsonlog
log_directory = log
log_filename = 'statements'
log_rotation_age = 0
log_rotation_size = 0
log_min_error_statement = panic
max_prepared_transactions = 2
statement_timeout = 2s
"""


def in_schedule_order(tests):
    """The files of regression tests, in the order that they are meant to run in."""
    schedule = (tests / "parallel_schedule").read_text(encoding="utf-8")
    names = [name for line in re.findall(r"^test:(.*)$", schedule, re.MULTILINE) for name in line.split()]
    scheduled = [tests / "sql" / f"{name}.sql" for name in names]
    return scheduled + sorted(set((tests / "sql").glob("*.sql")) - set(scheduled))


def harvest(server, tests):
    """The texts that psql sends for the files, each once: it splits them and knows its own commands. Whether they
    succeed does not matter, and many do not: the data and C functions of the tests are not there."""
    server.psql("postgres", "CREATE DATABASE regression; ALTER SYSTEM SET log_statement = 'all'")
    server.psql("postgres", "SELECT pg_reload_conf()")
    nowhere = {"PG_ABS_SRCDIR": "/", "PG_ABS_BUILDDIR": "/", "PG_LIBDIR": "/", "PG_DLSUFFIX": ".so"}
    psql = ["psql", "-Xq", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-d", "regression", "-f"]
    for file in in_schedule_order(tests):
        subprocess.run([*psql, file], env={**os.environ, **nowhere}, check=False, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server.psql("postgres", "ALTER SYSTEM RESET log_statement; SELECT pg_reload_conf()")
    texts = {}
    with open(pathlib.Path(server.directory, "data/log/statements.json"), encoding="utf-8") as log:
        for line in log:
            logged = re.match(r"(statement|execute [^:]*): (.*)", json.loads(line).get("message", ""), re.DOTALL)
            if logged:
                texts[logged[2]] = None
    return list(texts)


class Oracle:
    """Says whether log_statement = `level` logs a text. The server does so as soon as it has parsed it, even in a
    transaction that has failed, in which it then refuses it: nothing runs."""

    def __init__(self, server, level):
        self.connection = psycopg2.connect(host="127.0.0.1", port=server.port, user="postgres", dbname="postgres")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute(f"SET log_statement = '{level}'; SET client_min_messages = log")

    def logs(self, text):
        if self.connection.info.transaction_status != TRANSACTION_STATUS_INERROR:
            self.execute("ROLLBACK; BEGIN; SELECT 1 / 0")
        del self.connection.notices[:]
        self.execute(text)
        return any(notice.startswith("LOG:  statement: ") for notice in self.connection.notices)

    def execute(self, sql):
        with contextlib.suppress(psycopg2.DatabaseError):
            self.cursor.execute(sql)


def level_of(fact):
    if fact["class"] in DDL:
        return "ddl"
    reads_file = fact["class"] in ("copy_file", "copy_program") and "FROM" in fact["command"]
    return "mod" if fact["class"] in MOD or reads_file else "all"


def read_with_pgwarden(read_texts, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run([read_texts], input=lines, check=True, capture_output=True, encoding="utf-8")
    return [json.loads(line) for line in done.stdout.splitlines()]


def statements_of(texts, readings):
    """Each statement once, with the facts that pgwarden has of it."""
    unanalysable = [{"class": "unanalysable", "command": "statement"}]
    statements = {}
    for text, reading in zip(texts, readings, strict=True):
        for statement in reading.get("statements", [{"sql": text, "facts": unanalysable}]):
            statements[statement["sql"]] = statement["facts"]
    return statements


def compare(server, statements):
    """The statements by (the server's level, our level, our class that decides)."""
    oracles = {level: Oracle(server, level) for level in LEVELS}
    groups = collections.defaultdict(list)
    for sql, facts in statements.items():
        fact = min(facts, key=lambda fact: LEVELS.index(level_of(fact)))
        server_level = next((level for level, oracle in oracles.items() if oracle.logs(sql)), NO_LEVEL)
        our_level = NO_LEVEL if fact["class"] == "unanalysable" else level_of(fact)
        groups[server_level, our_level, fact["class"]].append(sql)
    return groups


def print_table(groups):
    counts = collections.Counter()
    for (server_level, _, cls), statements in groups.items():
        counts[server_level, cls] += len(statements)
    columns = (*LEVELS, NO_LEVEL)
    print(f"\n{'our class':<16}" + "".join(f"{'server: ' + column:>22}" for column in columns))
    for cls in sorted({cls for _, cls in counts}):
        print(f"{cls:<16}" + "".join(f"{counts[column, cls] or '-':>22}" for column in columns))


def unlisted_differences(groups, major_version):
    """Prints what is listed; gives what is not, and what is but does not occur."""
    listed = {difference: 0 for difference in DIFFERENCES if major_version < difference.before}
    failures = []
    for (server_level, our_level, cls), statements in groups.items():
        for sql in statements if server_level != our_level else ():
            cover = [difference for difference in listed if difference.covers(server_level, cls, sql)]
            if cover:
                listed[cover[0]] += 1
            else:
                failures.append(f"server: {server_level}, here: {cls}, not listed: {sql[:500]}")
    print("\nlisted differences:")
    for (server_level, cls, beginning, reason, _), count in listed.items():
        print(f"{count:6} {beginning} ...: server {server_level}, here {cls}: {reason}")
    return failures + [f"listed, but does not occur: {difference}" for difference, count in listed.items() if not count]


def main(read_texts, tests):
    began = time.monotonic()
    with ScratchPostgres(conf=SERVER_SETTINGS) as server:
        major_version = int(server.psql("postgres", "SHOW server_version_num")) // 10000
        texts = harvest(server, pathlib.Path(tests))
        readings = read_with_pgwarden(read_texts, texts)
        statements = statements_of(texts, readings)
        groups = compare(server, statements)
    print_table(groups)
    failures = unlisted_differences(groups, major_version)
    for text, reading in zip(texts, readings):
        failures += [f"the walk differs: {missed}: {text[:500]}" for missed in reading.get("missed", ())]
    if len(statements) < FEWEST_STATEMENTS:
        failures.append("most statements of the regression tests are missing")

    on_ddl = sum(len(them) for (theirs, ours, _), them in groups.items() if (theirs == "ddl") == (ours == "ddl"))
    print(f"\n{len(statements)} statements, on {on_ddl} of them agreed whether they are DDL; all nodes visited of "
          f"{sum('missed' in reading for reading in readings)} texts; {time.monotonic() - began:.0f} s")
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
