#!/usr/bin/env python3
"""Plays every scenario directly and through pgwarden, whole and cut, and compares the two byte streams.

usage: wire_test.py PGWARDEN [SCENARIO...]
"""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from wire import player  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PIECES = (None, 1, 7)  # bytes per send


def fixture(postgres):
    postgres.psql("postgres", "DROP DATABASE IF EXISTS wire_template")
    postgres.psql("postgres", "CREATE DATABASE wire_template")
    postgres.psql("wire_template", (HERE / "fixture.sql").read_text(encoding="utf-8"))


def fresh_database(postgres):
    # The same name and a copy of the same files each time: names and object ids in the streams are then equal.
    postgres.psql("postgres", "DROP DATABASE IF EXISTS wire WITH (FORCE)")
    postgres.psql("postgres", "CREATE DATABASE wire TEMPLATE wire_template")


def run(steps, postgres, address, direct, piece):
    fresh_database(postgres)
    messages = player.play(steps, address, direct, "postgres", "wire", piece)
    for step in steps:
        if step.name == "check":
            sql, expected = step.words[1:]
            actual = postgres.psql("wire", sql)
            if actual != expected:
                raise AssertionError(f"{sql}: {actual!r} instead of {expected!r} ({'direct' if direct else 'pgwarden'})")
    return messages


def difference(direct, proxied):
    for number, pair in enumerate(zip(direct, proxied)):
        if player.normalised(pair[0]) != player.normalised(pair[1]):
            return f"message {number}: direct {pair[0]!r}\n  pgwarden {pair[1]!r}"
    if len(direct) != len(proxied):
        return f"direct {len(direct)} messages, pgwarden {len(proxied)}; the rest: {(direct + proxied)[-5:]!r}"
    return None


def test(path, postgres, pgwarden):
    steps = player.load(path)
    unprotected = any(step.name == "unprotected" for step in steps)
    expects_denial = any(any(step.denied) for step in steps)
    address = pgwarden.unprotected if unprotected else pgwarden.protected
    direct = run(steps, postgres, postgres.address, True, None)
    for piece in PIECES:
        proxied = run(steps, postgres, address, False, piece)
        found = difference(direct, proxied)
        if found:
            raise AssertionError(f"pieces of {piece} bytes: {found}")
        reached = any(player.UNPARSABLE.encode() in body for tag, body in direct if tag == "E")
        if expects_denial and reached and not any(map(player.is_denial, proxied)):
            raise AssertionError("nothing was denied")


def main():
    binary, names = sys.argv[1], sys.argv[2:]
    paths = sorted((HERE / "scenarios").glob("*.txt"))
    if names:
        paths = [path for path in paths if path.stem in names]
    failed = 0
    with ScratchPostgres() as postgres, Pgwarden(binary, postgres) as pgwarden:
        fixture(postgres)
        for path in paths:
            try:
                test(path, postgres, pgwarden)
                print(f"ok    {path.stem}")
            except (AssertionError, OSError, subprocess.CalledProcessError) as error:
                failed += 1
                print(f"FAIL  {path.stem}: {error}")
    print(f"{len(paths) - failed} passed, {failed} failed")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
