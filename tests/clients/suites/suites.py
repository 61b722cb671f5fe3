"""Runs the drivers' own test suites directly and through pgwarden and compares the lists of results.

Each suite runs directly twice, because some tests depend on luck, and twice through pgwarden: to a host that is not
protected, and to a protected one with the preset `observe`. A test differs when none of its outcomes through pgwarden
is one that it had directly; when there is one, the suite runs every way once more before that counts. The exit status
is 1 when a difference is not explained in explained.toml."""

import argparse
import collections
import fnmatch
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "lib"))

import results
from catalogue import SUITES
from servers import Pgwarden, ScratchPostgres

DIRECT = "direct"
WAYS = (DIRECT, "unprotected", "observe")
TIME_LIMIT_S = 1200
DATABASE = "suites"
# psycopg2's suite has statements of 50 MB.
PGWARDEN = "preset: observe\nlimits: {max_statement_bytes: 1GiB}"
# For tests of two-phase commit and replication.
CONF = "max_prepared_transactions = 10\nwal_level = logical"
# For users that postgres.js's suite creates.
HBA = """\
host all postgres_js_test_md5 127.0.0.1/32 md5
host all postgres_js_test_scram 127.0.0.1/32 scram-sha-256"""


class NoResults(Exception):
    pass


def run(suite, checkouts, address, log):
    """The outcomes of a suite's tests at an address. What it prints is kept in the file `log`."""
    with tempfile.TemporaryDirectory(prefix="pgwarden-suite-") as directory:
        report = pathlib.Path(directory, "report")
        names = {"host": address[0], "port": address[1], "user": "postgres", "database": DATABASE}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {f"PG{name.upper()}": str(value) for name, value in names.items()}
        names |= {"report": report, "checkouts": checkouts}
        environment |= {name: value.format(**names) for name, value in suite.environment.items()}
        with open(log, "wb") as out:
            # In a session of its own, so that what it leaves running can be ended.
            process = subprocess.Popen(
                [word.format(**names) for word in suite.command],
                cwd=checkouts / suite.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            try:
                process.wait(TIME_LIMIT_S)
            except subprocess.TimeoutExpired:
                print(f"{suite.name}: stopped after {TIME_LIMIT_S} s", file=sys.stderr)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
        listed = report if suite.writes_report() else log
        if not listed.exists():
            raise NoResults(f"{suite.name} has left no list of results: see {log}")
        return suite.read(listed)


class Comparison:
    """The outcomes of a suite's tests by way, each time on a server of its own."""

    def __init__(self, suite, checkouts, binary, logs):
        self.suite, self.checkouts, self.binary, self.logs = suite, checkouts, binary, logs
        self.runs = {way: [] for way in WAYS}
        self.run(DIRECT)
        if results.PASSED not in self.runs[DIRECT][0].values():
            raise NoResults(f"not a single test of {suite.name} passes directly: see {logs}")
        for way in WAYS:
            self.run(way)
        if list(self.differences()):
            for way in WAYS:
                self.run(way)

    def run(self, way):
        runs = self.runs[way]
        with ScratchPostgres(CONF, HBA) as postgres:
            postgres.psql("postgres", f"CREATE DATABASE {DATABASE}")
            with Pgwarden(self.binary, postgres, PGWARDEN) as pgwarden:
                addresses = {"unprotected": pgwarden.unprotected, "observe": pgwarden.protected}
                log = f"{self.suite.name}-{way}-{len(runs) + 1}.log".replace("/", "-").replace(" ", "-")
                runs.append(run(self.suite, self.checkouts, addresses.get(way, postgres.address), self.logs / log))

    def outcomes(self, name, way):
        return [outcomes.get(name, "absent") for outcomes in self.runs[way]]

    def names(self):
        return sorted({name for runs in self.runs.values() for outcomes in runs for name in outcomes})

    def differences(self):
        """Tests whose outcomes through pgwarden are none of the direct ones: name, way, and what they are."""
        for name in self.names():
            direct = self.outcomes(name, DIRECT)
            for way in WAYS[1:]:
                through = self.outcomes(name, way)
                if not set(direct) & set(through):
                    yield name, way, f"directly {', '.join(direct)}; {way} {', '.join(through)}"

    def unsteady(self):
        """Tests that have several outcomes in one way: the same."""
        for name in self.names():
            for way in WAYS:
                if len(set(outcomes := self.outcomes(name, way))) > 1:
                    yield name, way, ", ".join(outcomes)

    def row(self):
        counts = [collections.Counter(self.runs[way][-1].values()) for way in WAYS]
        cells = [" / ".join(str(count[outcome]) for outcome in ("passed", "failed", "skipped")) for count in counts]
        version = subprocess.run(
            self.suite.version, cwd=self.checkouts / self.suite.folder, check=True, capture_output=True, text=True
        ).stdout.strip()
        return f"| {self.suite.name} | {version} | {' | '.join(cells)} | {len(list(self.differences()))} |"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", type=pathlib.Path, help="the program pgwarden")
    arguments.add_argument("checkouts", type=pathlib.Path, help="holds the suites, each in a folder of its own")
    arguments.add_argument("suites", nargs="*", help="names of those to run (default: all)")
    given = arguments.parse_args()
    explained = tomllib.loads((HERE / "explained.toml").read_text(encoding="utf-8"))

    checkouts = given.checkouts.resolve()
    logs = pathlib.Path(tempfile.mkdtemp(prefix="pgwarden-logs-"))
    print(f"What the suites print is kept in {logs}\n")
    print("| suite | version | direct: passed / failed / skipped | unprotected | observe | differences |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    notes, unexplained = [], 0
    for suite in SUITES:
        if given.suites and suite.name not in given.suites:
            continue
        if not (checkouts / suite.folder).is_dir():
            print(f"| {suite.name} | not there | | | | |")
            continue
        try:
            comparison = Comparison(suite, checkouts, given.binary, logs)
        except NoResults as error:
            print(f"| {suite.name} | {error} | | | | |")
            unexplained += 1
            continue
        print(comparison.row(), flush=True)
        reasons = explained.get(suite.name, {})
        for name, way, what in comparison.differences():
            reason = next((reasons[pattern] for pattern in reasons if fnmatch.fnmatchcase(name, pattern)), None)
            unexplained += reason is None
            notes.append(f"{suite.name}: {name}: {what}: {reason or 'NOT EXPLAINED'}")
        for name, way, what in comparison.unsteady():
            notes.append(f"{suite.name}: {name}: unsteady {way}: {what}")
    print("", *notes, f"{unexplained} differences without an explanation", sep="\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
