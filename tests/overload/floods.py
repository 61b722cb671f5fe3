#!/usr/bin/env python3
"""How long one well-behaved client waits while many others overload pgwarden, and what that costs: 1,000 sessions that
send a denied statement in a loop, a flood of connections, 10,000 idle sessions and 500 active ones. Prints a table, the
same loads sent to PostgreSQL directly beside it. scripts/overload runs it with a release build."""

import argparse
import contextlib
import os
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.poolers import PgBouncer  # noqa: E402
from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from lib import logged  # noqa: E402
from overload import generators  # noqa: E402
from soak.samples import open_files, resident_kib  # noqa: E402
from wire import player  # noqa: E402

DENIED = "DROP TABLE nothing"
WRONG = "DROP TABLE FROM"  # the server refuses it as it refuses what pgwarden puts in the place of a denied statement
ACTIVE = 500
OTHER_FILES = 100
SETTLE_S = 2
FACTOR_MAX = 2.0  # of the client's median, beside a flood and beside a process that only computes
RECORDS_MAX = 320  # a second: three kinds of records, a hundred of each, and their sums


class Waits:
    """How long a client with a SELECT 1 in a loop waits for its answers, for so many seconds."""

    def __init__(self, address, seconds):
        session = player.Player(address, False)
        session.startup("postgres", "postgres", [], (3, 0))
        session.until("Z", 1)
        self.milliseconds = []
        end = time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            session.received.clear()
            session.query("SELECT 1")
            session.until("Z", 1)
            self.milliseconds.append((time.perf_counter() - began) * 1000)
        session.socket.close()
        self.milliseconds.sort()

    def at(self, part):
        return self.milliseconds[min(len(self.milliseconds) - 1, int(part * len(self.milliseconds)))]

    def __str__(self):
        return f"p50 {self.at(0.5):7.3f} ms  p95 {self.at(0.95):7.3f} ms  p99 {self.at(0.99):8.3f} ms"


def compared(what, waits, others):
    factors = (f"p{part * 100:.0f} x{waits.at(part) / others.at(part):.2f}" for part in (0.5, 0.95))
    print(f"  {what}: {', '.join(factors)}", flush=True)


def undisturbed(what, address, seconds):
    """The waits on a quiet machine, and beside a process that computes: what a generator costs by being there."""
    quiet = measured(f"{what}, quiet", address, seconds)
    with generators.computing():
        computing = measured(f"{what}, beside a process that computes", address, seconds)
    compared("computing to quiet", computing, quiet)
    return [("quiet", quiet), ("computing", computing)]


def slowed(name, what, waits, others):
    """A fault when the other client waits much longer than it does beside the last of `others`."""
    for name_of_other, other in others:
        compared(f"{what} to {name_of_other}", waits, other)
    if waits.at(0.5) > FACTOR_MAX * others[-1][1].at(0.5):
        yield f"{name}: the other client waits too long"


def measured(what, address, seconds, load=None):
    time.sleep(SETTLE_S)
    before, began = load.count if load else 0, time.monotonic()
    waits = Waits(address, seconds)
    rate = (load.count - before) / (time.monotonic() - began) if load else 0
    print(f"  {what:50} {waits}" + (f"  load {rate:8.0f}/s" if load else ""), flush=True)
    return waits


def denials(binary, clients, seconds, lowest):
    """Everybody's statement is denied but one client's."""
    print(f"{clients} sessions with a denied statement in a loop, "
          f"{'of the lowest' if lowest else 'of the same'} priority:", flush=True)
    conf = f"max_connections = {clients + 50}\nlog_min_messages = panic"
    with ScratchPostgres(conf) as postgres:
        measured("PostgreSQL, quiet", postgres.address, seconds)
        with generators.sessions(postgres.address, clients, WRONG, lowest) as load:
            direct = measured("PostgreSQL, statements with an error", postgres.address, seconds, load)
        with Pgwarden(binary, postgres, f"limits: {{max_connections: {clients + 50}}}") as pgwarden:
            others = undisturbed("pgwarden", pgwarden.protected, seconds)
            began = time.monotonic()
            with generators.sessions(pgwarden.protected, clients, DENIED, lowest) as load:
                through = measured("pgwarden, denied statements", pgwarden.protected, seconds, load)
                answers = load.count - clients
            time.sleep(SETTLE_S)
            took = time.monotonic() - began
            records = logged.records(pgwarden.log_text())
            print(f"  log: {len(records)} records ({len(records) / took:.0f} a second) of {logged.decisions(records)} "
                  f"denials, {pgwarden.log.stat().st_size / 1e3:.0f} kB; answers seen {answers}", flush=True)
    compared("flood to PostgreSQL's", through, direct)
    yield from slowed("denials", "flood", through, others)
    if len(records) / took > RECORDS_MAX:
        yield f"denials: {len(records) / took:.0f} records a second"


def accepts(binary, seconds):
    """Connections that say nothing, as many as can be made."""
    print("Connections that say nothing, 2,000 at a time:", flush=True)
    with ScratchPostgres() as postgres, Pgwarden(binary, postgres) as pgwarden:
        others = undisturbed("pgwarden", pgwarden.protected, seconds)
        with generators.connections(pgwarden.protected, 2000) as load:
            flood = measured("pgwarden, flood", pgwarden.protected, seconds, load)
        print(f"  resident memory {resident_kib(pgwarden.process.pid)} KiB", flush=True)
        if not log_in(pgwarden.protected):
            yield "accepts: no login after the flood"
    yield from slowed("accepts", "flood", flood, others)


def log_in(address):
    session = player.Player(address, False)
    session.startup("postgres", "postgres", [], (3, 0))
    session.until("Z", 1)
    session.socket.close()
    return session.received[-1][0] == "Z"


def many(binary, idle, active, seconds):
    """The server's side is PgBouncer: ten thousand backends of PostgreSQL would need more memory than the machine has."""
    print(f"{idle} idle sessions, {active} with a SELECT 1 in a loop, before PgBouncer:", flush=True)
    limit = idle + active + 100
    pooling = f"""\
pool_mode = transaction
max_client_conn = {limit}
default_pool_size = 40
auth_type = trust
log_connections = 0
log_disconnections = 0
"""
    with (ScratchPostgres() as postgres, PgBouncer(postgres.port, {"postgres": "x"}, pooling) as pooler,
          Pgwarden(binary, pooler, f"limits: {{max_connections: {limit}}}") as pgwarden):
        pid = pgwarden.process.pid
        empty = resident_kib(pid)
        measured("PgBouncer, quiet", pooler.address, seconds)
        others = undisturbed("pgwarden", pgwarden.protected, seconds)
        began = time.monotonic()
        with contextlib.ExitStack() as loads:
            for _ in range(2):
                loads.enter_context(generators.sessions(pgwarden.protected, idle // 2))
            print(f"  logged in after {time.monotonic() - began:.1f} s, resident memory {resident_kib(pid)} KiB "
                  f"({(resident_kib(pid) - empty) / idle:.1f} a session), {open_files(pid)} open files", flush=True)
            idle_only = measured("pgwarden, beside the idle", pgwarden.protected, seconds)
            with generators.sessions(pooler.address, active, "SELECT 1") as load:
                direct = measured("PgBouncer, beside the active ones", pooler.address, seconds, load)
            with generators.sessions(pgwarden.protected, active, "SELECT 1") as load:
                through = measured("pgwarden, beside idle and active ones", pgwarden.protected, seconds, load)
                print(f"  resident memory {resident_kib(pid)} KiB", flush=True)
        if not log_in(pgwarden.protected):
            yield "many: no login afterwards"
    compared("active ones to PgBouncer's", through, direct)
    yield from slowed("many", "idle", idle_only, others[:1])
    yield from slowed("many", "idle and active", through, others)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="the pgwarden under test")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement (10)")
    parser.add_argument("--only", choices=("denials", "denials-same", "accepts", "many"), help="one of the loads")
    arguments = parser.parse_args()
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    # pgwarden has two of them open for each session.
    idle = min(10_000, (files_max - OTHER_FILES) // 2 - ACTIVE)
    loads = {
        "denials": lambda: denials(arguments.binary, 1000, arguments.seconds, lowest=True),
        "denials-same": lambda: denials(arguments.binary, 1000, arguments.seconds, lowest=False),
        "accepts": lambda: accepts(arguments.binary, arguments.seconds),
        "many": lambda: many(arguments.binary, idle, ACTIVE, arguments.seconds),
    }
    print(f"{os.cpu_count()} processors", flush=True)
    wrong = [fault for name, load in loads.items() if arguments.only in (None, name) for fault in load()]
    print(f"wrong: {len(wrong)}", *wrong, sep="\n  ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
