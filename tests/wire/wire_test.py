#!/usr/bin/env python3
"""Plays every scenario directly and through pgwarden, whole and cut, and compares what the two sessions received.

usage: wire_test.py PGWARDEN [SCENARIO...]
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from wire import transcript  # noqa: E402
from wire.relay import Relay  # noqa: E402
from wire.scenario import UNPARSABLE, Play, Scenario  # noqa: E402
from wire.player import is_denial  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SANITIZED = bool(os.environ.get("PGWARDEN_SANITIZE"))
WORKERS = 4
CONF = "wal_level = logical\nmax_prepared_transactions = 0\nlog_min_messages = fatal"
HBA = "\n".join(
    f"host all {user} 127.0.0.1/32 {method}"
    for user, method in [
        ("plain", "password"),
        ("hashed", "md5"),
        ("scram", "scram-sha-256"),
        ("rejected", "reject"),
        ("no_password", "scram-sha-256"),
        ("no_such_scram", "scram-sha-256"),
    ]
)
DEADLINE_S = 15


class Workspace:
    """A scratch database, put back between two plays. One thread at a time."""

    def __init__(self, postgres, number):
        self.postgres = postgres
        self.database = f"wire_{number}"
        self.control = None
        self.second = None
        self.make()

    def make(self):
        if self.control:
            self.control.close()
        self.postgres.psql("postgres", f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        self.postgres.psql("postgres", f"CREATE DATABASE {self.database} TEMPLATE wire_template")
        self.control = self.connect()

    def connect(self):
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.postgres.port, user="postgres", dbname=self.database, connect_timeout=DEADLINE_S
        )
        connection.autocommit = True
        return connection

    def ask(self, sql):
        with self.control.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def wait_for(self, sql):
        deadline = time.monotonic() + DEADLINE_S
        while not self.ask(sql):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {sql}")
            time.sleep(0.01)

    def other(self, sql):
        self.second = self.second or self.connect()
        with self.second.cursor() as cursor:
            cursor.execute(sql)

    def leave(self):
        """The second session ends, the played one must have."""
        if self.second:
            self.second.close()
            self.second = None
        self.wait_for("SELECT alone()")

    def restore(self):
        """As it was, object ids included: they are in the streams."""
        try:
            self.ask("SELECT restore()")
        except psycopg2.Error:
            self.make()


class Comparison:
    """Plays scenarios against `listeners`: pgwardens by the number of bytes to a piece."""

    def __init__(self, postgres, pgwardens):
        self.postgres = postgres
        self.pgwardens = pgwardens
        self.messages = 0
        self.sends = 0

    def play(self, scenario, workspace, address, direct, piece=None):
        workspace.restore()
        play = Play(scenario, workspace, address, direct, piece)
        try:
            received = play.run()
        finally:
            workspace.leave()
        for sql, expected in scenario.checks:
            actual = str(workspace.ask(sql))
            if actual != expected:
                where = "direct" if direct else "pgwarden"
                raise AssertionError(f"{where}, pieces of {piece} bytes: {sql}: {actual!r} instead of {expected!r}")
        self.messages += len(received)
        self.sends += play.session.sends
        return received

    def compare(self, scenario, workspace):
        direct = self.play(scenario, workspace, self.postgres.address, True)
        expected = transcript.with_own_answers(transcript.lines(direct, scenario), scenario)
        denial_due = scenario.expects_denial and any(UNPARSABLE.encode() in body for tag, body in direct if tag == "E")
        for piece, pgwarden in self.pgwardens:
            if scenario.uncut and piece:
                continue
            address = pgwarden.unprotected if scenario.unprotected else pgwarden.protected
            proxied = self.play(scenario, workspace, address, False, piece)
            found = transcript.difference(expected, list(transcript.lines(proxied, scenario)))
            if found:
                raise AssertionError(f"pieces of {piece} bytes:\n{found}")
            if denial_due and not scenario.own_answers and not any(map(is_denial, proxied)):
                raise AssertionError("nothing was denied")


def main():
    binary, names = sys.argv[1], sys.argv[2:]
    scenarios = [Scenario(path.stem, path.read_text("utf-8")) for path in sorted((HERE / "scenarios").glob("*.txt"))]
    if names:
        scenarios = [scenario for scenario in scenarios if scenario.name in names]
    if SANITIZED:
        scenarios = [scenario for scenario in scenarios if not scenario.huge]
    failed = 0
    started = time.monotonic()
    with (
        ScratchPostgres(CONF, HBA) as postgres,
        Relay(postgres) as relay,
        Pgwarden(binary, postgres) as pgwarden,
        Pgwarden(binary, relay) as cut_pgwarden,
    ):
        postgres.psql("postgres", (HERE / "roles.sql").read_text(encoding="utf-8"))
        postgres.psql("postgres", "CREATE DATABASE wire_template")
        postgres.psql("wire_template", (HERE / "fixture.sql").read_text(encoding="utf-8"))
        comparison = Comparison(postgres, [(None, pgwarden), (1, cut_pgwarden), (7, pgwarden)])
        workspaces = [Workspace(postgres, number) for number in range(WORKERS)]
        waiting = sorted(scenarios, key=lambda scenario: scenario.huge)  # taken from its end

        def work(workspace):
            done = []
            while waiting:
                scenario = waiting.pop()
                began = time.monotonic()
                try:
                    comparison.compare(scenario, workspace)
                    done.append(f"ok    {scenario.name}  {time.monotonic() - began:.1f} s")
                except (AssertionError, OSError, psycopg2.Error, subprocess.CalledProcessError) as error:
                    done.append(f"FAIL  {scenario.name}: {error}")
            return done

        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            lines = sorted((line for done in pool.map(work, workspaces) for line in done), key=lambda line: line[6:])
        for workspace in workspaces:
            workspace.control.close()
    for line in lines:
        print(line)
        failed += line.startswith("FAIL")
    print(
        f"{len(lines) - failed} passed, {failed} failed: {comparison.messages} messages, {comparison.sends} pieces sent, "
        f"{relay.pieces} pieces received, {time.monotonic() - started:.0f} s"
    )
    return 1 if failed or not lines else 0


if __name__ == "__main__":
    sys.exit(main())
