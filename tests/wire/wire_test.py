#!/usr/bin/env python3
"""Plays every scenario directly and through pgwarden, whole and cut, and compares what the two sessions received.

usage: wire_test.py PGWARDEN [SCENARIO...]

Through pgwarden each is played whole, byte by byte, and in pieces of any size with pauses between them; the server's
answers are given to pgwarden in the same way. The last is done without io_uring, the others with it where there is one.
What is large is cut at every byte of its head: 256 bytes of each of the client's messages, 4,096 bytes of the server's
side of a session; the rest passes in one.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.servers import Pgwarden  # noqa: E402
from wire import transcript, workspace  # noqa: E402
from wire.player import RANDOM, is_denial  # noqa: E402
from wire.relay import Relay  # noqa: E402
from wire.scenario import TIMED_OUT, UNPARSABLE, Play, Scenario  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
WORKERS = 4


class Comparison:
    """Plays scenarios through each of `pgwardens`, given with the size of the pieces to send."""

    def __init__(self, postgres, pgwardens):
        self.postgres = postgres
        self.pgwardens = pgwardens
        self.plays = 0
        self.messages = 0
        self.sends = 0

    def play(self, scenario, scratch, address, direct, piece=None):
        scratch.restore()
        play = Play(scenario, scratch, address, direct, piece)
        received = play.run()
        if TIMED_OUT in received:
            scratch.make()
            if direct:
                raise AssertionError("timed out on a direct connection")
            return received
        scratch.leave()
        for sql, expected in scenario.checks:
            actual = str(scratch.ask(sql))
            if actual != expected:
                where = "direct" if direct else "pgwarden"
                raise AssertionError(f"{where}, pieces of {piece} bytes: {sql}: {actual!r} instead of {expected!r}")
        self.plays += 1
        self.messages += len(received)
        self.sends += play.session.sends
        return received

    def compare(self, scenario, scratch):
        direct = self.play(scenario, scratch, self.postgres.address, True)
        expected = transcript.with_own_answers(transcript.lines(direct, scenario), scenario)
        denial_due = scenario.expects_denial and any(UNPARSABLE.encode() in body for tag, body in direct if tag == "E")
        for piece, pgwarden in self.pgwardens:
            if scenario.uncut and piece:
                continue
            address = pgwarden.unprotected if scenario.unprotected else pgwarden.protected
            proxied = self.play(scenario, scratch, address, False, piece)
            found = transcript.difference(expected, list(transcript.lines(proxied, scenario)))
            if found:
                raise AssertionError(f"pieces of {piece} bytes:\n{found}")
            if denial_due and not scenario.own_answers and not any(map(is_denial, proxied)):
                raise AssertionError("nothing was denied")


def work(comparison, number, scenarios):
    """Compares what an iterator that several workers share gives to this one; the names of those that failed."""
    scratch = workspace.Workspace(comparison.postgres, number)
    failed = []
    for scenario in scenarios:
        began = time.monotonic()
        try:
            comparison.compare(scenario, scratch)
            print(f"ok    {scenario.name}  {time.monotonic() - began:.1f} s")
        except (AssertionError, OSError, psycopg2.Error, subprocess.CalledProcessError) as error:
            print(f"FAIL  {scenario.name}, {error}")
            failed.append(scenario.name)
            scratch.make()
    scratch.control.close()
    return failed


def main():
    binary, names = sys.argv[1], sys.argv[2:]
    paths = sorted((HERE / "scenarios").glob("*.txt"))
    scenarios = [Scenario(path.stem, path.read_text("utf-8")) for path in paths if not names or path.stem in names]
    if os.environ.get("PGWARDEN_SANITIZE"):
        scenarios = [scenario for scenario in scenarios if not scenario.huge]
    started = time.monotonic()
    with (
        workspace.server() as postgres,
        Relay(postgres) as single,
        Relay(postgres, RANDOM) as mixed,
        Pgwarden(binary, postgres) as pgwarden,
        Pgwarden(binary, single) as behind_single,
        Pgwarden(binary, mixed, "io_uring: false") as behind_mixed,
    ):
        workspace.fill(postgres)
        comparison = Comparison(postgres, [(None, pgwarden), (1, behind_single), (RANDOM, behind_mixed)])
        shared = iter(sorted(scenarios, key=lambda scenario: not scenario.huge))
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            workers = [pool.submit(work, comparison, number, shared) for number in range(WORKERS)]
        failed = [name for worker in workers for name in worker.result()]
        print(
            f"{len(scenarios) - len(failed)} passed, {len(failed)} failed {failed or ''}: {comparison.plays} plays, "
            f"{comparison.messages} messages, {comparison.sends} pieces sent, {single.pieces + mixed.pieces} received, "
            f"{time.monotonic() - started:.0f} s"
        )
    return 1 if failed or not scenarios else 0


if __name__ == "__main__":
    sys.exit(main())
