"""PostgreSQL's own tests give the same through pgwarden as without it.

Each suite is run directly, through a pgwarden to an unprotected host, and through one with the preset `observe`; the
outputs of every file or test are compared, whether they are the expected ones or not. What differs is run again, both
ways. Usage: compare.py [--smoke] SOURCE_OF_POSTGRES PGWARDEN
"""

import argparse
import collections
import difflib
import functools
import itertools
import pathlib
import sys
import time

from laboratory import DIRECT, ROUTES, Laboratory
from suites import Result, isolation, libpq_pipeline, regression, tap

SUITES = {
    "regression tests": regression,
    "isolation tests": isolation,
    "libpq_pipeline": libpq_pipeline,
    "psql, TAP": functools.partial(tap, "psql"),
    "pgbench, TAP": functools.partial(tap, "pgbench"),
}
SMOKE_SUITES = ("regression tests", "isolation tests", "libpq_pipeline")
THROUGH = ROUTES[1:]
# How often what differs is run again.
AGAIN = 2
# What fails without pgwarden says little about it.
LEAST_PASSED = 0.75
NOTHING = Result(False, "")


class Record:
    """The results of all runs: by suite, route and name, in the order that they came in."""

    def __init__(self):
        self.results = collections.defaultdict(lambda: collections.defaultdict(list))

    def add(self, suite, route, results):
        for name, result in results.items():
            self.results[suite, route][name].append(result)

    def differing(self, suite, route):
        """What never came out through pgwarden as it did without."""
        direct, through = self.results[suite, DIRECT], self.results[suite, route]
        return [name for name in {**direct, **through} if not set(direct.get(name, ())) & set(through.get(name, ()))]

    def unsteady(self, suite):
        """What came out differently when it was run again, and on which route."""
        return [f"{name} ({route.name})" for route in ROUTES
                for name, runs in self.results[suite, route].items() if len(set(runs)) > 1]

    def passed(self, suite, route):
        return sum(any(result.passed for result in runs) for runs in self.results[suite, route].values())


def run(laboratory, route, suites, smoke, record):
    with laboratory.server(route) as port:
        for suite in suites:
            began = time.monotonic()
            record.add(suite, route, SUITES[suite](laboratory, route, port, smoke))
            print(f"{suite}, {route.name}: {time.monotonic() - began:.0f} s", flush=True)


def run_all(laboratory, suites, smoke):
    record = Record()
    for route in ROUTES:
        run(laboratory, route, suites, smoke, record)
    for route in THROUGH * AGAIN:
        differing = [suite for suite in suites if record.differing(suite, route)]
        if differing:
            run(laboratory, DIRECT, differing, smoke, record)
            run(laboratory, route, differing, smoke, record)
    return record


def print_table(record, suites):
    print("\n| suite | " + " | ".join(route.name for route in ROUTES) + " | differences |\n|---|---|---|---|---|")
    for suite in suites:
        passed = [f"{record.passed(suite, route)} of {len(record.results[suite, route])} pass" for route in ROUTES]
        differing = {name for route in THROUGH for name in record.differing(suite, route)}
        print(f"| {suite} | {' | '.join(passed)} | {', '.join(sorted(differing)) or 'none'} |")
    print()
    for suite in suites:
        if record.unsteady(suite):
            print(f"{suite}: came out differently when run again: {', '.join(record.unsteady(suite))}")
        failing = [name for name, runs in record.results[suite, DIRECT].items() if not any(run.passed for run in runs)]
        if failing:
            print(f"{suite}: without pgwarden, too, not as expected: {', '.join(failing)}")


def print_difference(record, suite, route, name):
    direct, through = (record.results[suite, either].get(name, [NOTHING])[-1] for either in (DIRECT, route))
    lines = difflib.unified_diff(direct.output.splitlines(), through.output.splitlines(), "direct", "through",
                                 lineterm="")
    print(f"\nFAILED: {suite}, {route.name}: {name}")
    print("\n".join(line[:400] for line in itertools.islice(lines, 60)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("pgwarden", type=pathlib.Path)
    arguments = parser.parse_args()

    began = time.monotonic()
    suites = SMOKE_SUITES if arguments.smoke else tuple(SUITES)
    with Laboratory(arguments.source, arguments.pgwarden) as laboratory:
        record = run_all(laboratory, suites, arguments.smoke)
    print_table(record, suites)
    failed = False
    for suite in suites:
        if record.passed(suite, DIRECT) <= LEAST_PASSED * len(record.results[suite, DIRECT]):
            print(f"FAILED: {suite}: too many fail without pgwarden as well")
            failed = True
        for route in THROUGH:
            for name in record.differing(suite, route):
                print_difference(record, suite, route, name)
                failed = True
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
