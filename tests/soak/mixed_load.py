#!/usr/bin/env python3
"""Mixed load against a real server through pgwarden: pgbench, pipelines, COPY, denials, cancels, reconnects, reloads.
Afterwards every write that was permitted must be there exactly once and none that was denied; no session of the load may
be left at the server, no file open and no memory growing in pgwarden. Prints the figures; the exit status says whether
they are right. scripts/soak runs it with a release build."""

import argparse
import multiprocessing
import pathlib
import re
import signal
import subprocess
import sys
import time

import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib import logged  # noqa: E402
from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from soak import ledger, workloads  # noqa: E402
from soak.samples import Sampler, open_files, slope  # noqa: E402

RELOAD_PAUSE_S = 2
SETTLE_S = 20
# Memory that grows by more than this part of its mean, over the time after the warm-up, is called growing.
GROWTH_MAX = 0.05
# Samples of a shorter time say nothing of memory.
JUDGED_AFTER_S = 300

RULES = """\
preset: guarded
rules:
  - {name: forbidden, effect: deny, match: {objects: [forbidden]}}
"""
# Reloads go through these in turn; the last cannot be loaded, and what was in force must stay so.
POLICIES = (
    RULES,
    RULES + "  - {name: sometimes, effect: deny, match: {objects: [sometimes]}}\n",
    RULES + "  - {name: broken, effect: perhaps}\n",
)
# The last one connects anew for each transaction, twenty times a second.
PGBENCHES = (("-M", "simple"), ("-M", "extended"), ("-M", "prepared"), ("-C", "-R", "20"))


class Soak:
    """One run of `seconds` through `pgwarden` to `postgres`, both running, with `of_each` writers of each kind."""

    def __init__(self, postgres, pgwarden, seconds, of_each):
        self.postgres, self.pgwarden, self.seconds = postgres, pgwarden, seconds
        self.loads = workloads.WORKLOADS * of_each
        self.accounts = [ledger.Account(n, load.__name__) for n, load in enumerate(self.loads)]
        self.transactions = self.reloads = 0
        self.faults = []

    def run(self):
        self.postgres.psql("postgres", f"{ledger.TABLE}; CREATE TABLE forbidden (n int); CREATE TABLE sometimes (n int)")
        subprocess.run(["pgbench", *self._direct(), "-i", "-q", "postgres"], check=True, capture_output=True)
        self._one_round()
        before = self._sessions(), open_files(self.pgwarden.process.pid)
        self.sampler = Sampler(self.pgwarden.process.pid)
        self.sampler.start()
        self._load()
        self.sampler.stop()
        after = self._settled(before)
        self.sessions, self.files = (before[0], after[0]), (before[1], after[1])

    def _direct(self):
        return ("-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "postgres")

    def _one_round(self):
        """What pgwarden opens for good at its first session is there before the load."""
        workloads.connect(self.pgwarden.protected, "first").close()

    def _sessions(self):
        return int(self.postgres.psql(
            "postgres", "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"))

    def _settled(self, before):
        deadline = time.monotonic() + SETTLE_S
        while True:
            now = self._sessions(), open_files(self.pgwarden.process.pid)
            if now == before or time.monotonic() > deadline:
                return now
            time.sleep(0.1)

    def _load(self):
        began = time.monotonic()
        processes = multiprocessing.get_context("fork")
        stop = processes.Event()
        host, port = self.pgwarden.protected
        pgbenches = [subprocess.Popen(
            ["pgbench", "-n", "-h", host, "-p", str(port), "-U", "postgres", "-c", "1", "-T",
             str(round(self.seconds)), *options, "postgres"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for options in PGBENCHES]
        with processes.Pool(len(self.accounts), _inherit, (stop,)) as pool:
            running = [pool.apply_async(_run, (load, account, self.pgwarden.protected))
                       for load, account in zip(self.loads, self.accounts)]
            while time.monotonic() < began + self.seconds:
                self._reload()
                time.sleep(min(RELOAD_PAUSE_S, self.seconds / 4))
            stop.set()
            self.accounts = [result.get(120) for result in running]
        for pgbench in pgbenches:
            self._pgbench_ended(*pgbench.communicate(timeout=120)[:1], pgbench.returncode)
        self.took = time.monotonic() - began

    def _pgbench_ended(self, output, status):
        counts = re.search(r"transactions actually processed: (\d+)", output)
        if status or not counts or "number of failed transactions: 0 " not in output:
            self.faults.append(f"pgbench ended with {status}: {output}")
        else:
            self.transactions += int(counts[1])

    def _reload(self):
        self.pgwarden.write_extra(POLICIES[self.reloads % len(POLICIES)])
        self.pgwarden.process.send_signal(signal.SIGHUP)
        self.reloads += 1

    def wrong(self):
        """All that is not as it should be, in words."""
        wrong = self.faults + [fault for account in self.accounts for fault in account.faults]
        with psycopg2.connect(f"host=127.0.0.1 port={self.postgres.port} user=postgres dbname=postgres") as connection:
            with connection.cursor("ledger") as cursor:
                cursor.itersize = 50_000
                cursor.execute("SELECT writer, n FROM ledger")
                wrong += ledger.faults(self.accounts, cursor)
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM forbidden")
                if forbidden := cursor.fetchone()[0]:
                    wrong.append(f"{forbidden} rows that were denied are there")
                cursor.execute("SELECT (SELECT count(*) FROM pgbench_history), (SELECT sum(delta) FROM pgbench_history),"
                               "(SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),"
                               "(SELECT sum(bbalance) FROM pgbench_branches)")
                count, *sums = cursor.fetchone()
                if count != self.transactions or len(set(sums)) != 1:
                    wrong.append(f"pgbench: {self.transactions} transactions, {count} are there, with the sums {sums}")
        connection.close()
        for what, (before, after) in (("sessions at the server", self.sessions), ("open files", self.files)):
            if before != after:
                wrong.append(f"{what}: {before} before the load, {after} after it")
        if self.logged_denials() != self.denials():
            wrong.append(f"clients saw {self.denials()} denials, the log has {self.logged_denials()}")
        if self.took >= JUDGED_AFTER_S and self.growth() > GROWTH_MAX:
            wrong.append(f"memory grows: {self.growth():.1%} over the time after the warm-up")
        return wrong

    def denials(self):
        return sum(account.denials for account in self.accounts)

    def logged_denials(self):
        return logged.decisions(logged.records(self.pgwarden.log_text()))

    def growth(self):
        """Of the resident memory, by the fit, as a part of its mean."""
        warm = self.sampler.warm()
        return slope(warm) * (warm[-1][0] - warm[0][0]) / (sum(kib for _, kib in warm) / len(warm))

    def figures(self):
        ends = [end for account in self.accounts for end in account.ends]
        rounds = {}
        for account in self.accounts:
            rounds[account.name] = rounds.get(account.name, 0) + account.rounds
        warm = self.sampler.warm()
        return "\n".join([
            f"minutes: {self.took / 60:.1f}",
            f"rounds: {', '.join(f'{name} {count}' for name, count in rounds.items())}, "
            f"transactions of pgbench {self.transactions}, reloads {self.reloads}",
            f"rows: {ends.count(ledger.WRITTEN)} permitted, {ends.count(ledger.REFUSED)} denied or rolled back, "
            f"{ends.count(ledger.UNCERTAIN)} without an answer",
            f"denials: {self.denials()} seen by clients, {self.logged_denials()} accounted for in a log of "
            f"{self.pgwarden.log.stat().st_size / 1e6:.1f} MB",
            f"resident memory: {warm[0][1]} KiB after the warm-up, {warm[-1][1]} KiB at the end, at most "
            f"{max(kib for _, kib in self.sampler.memory_kib)} KiB; fit {slope(warm) * 60:+.1f} KiB a minute",
            f"open files: {self.files[0]} before, at most {self.sampler.files_max}, {self.files[1]} after",
            f"sessions at the server: {self.sessions[0]} before, {self.sessions[1]} after",
        ])


def _inherit(stop):
    """In a process of the pool: what a task cannot be given. Ctrl-C is for the process that asks."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run(load, account, address):
    return workloads.run(load, account, address, _stop.is_set)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="the pgwarden under test")
    parser.add_argument("minutes", type=float)
    arguments = parser.parse_args()
    with ScratchPostgres() as postgres, Pgwarden(arguments.binary, postgres, POLICIES[0]) as pgwarden:
        soak = Soak(postgres, pgwarden, arguments.minutes * 60, of_each=2)
        soak.run()
        print(soak.figures())
        wrong = soak.wrong()
    print(f"wrong: {len(wrong)}", *wrong[:20], sep="\n  ")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
