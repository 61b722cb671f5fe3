"""What is done through each proxy."""

import dataclasses
import functools
import math
import os
import pathlib
import re
import ssl
import struct
import subprocess
import tempfile
import time

from proxies import COMPARED, SESSIONS_MAX, Pgwarden, ThousandRules, TwoWorkers
from stand_in import MOVED
from wire.player import SSL, Player, packet

ACCOUNTS = 1_000_000  # pgbench's scale 10

SELECT = f"""\
\\set aid random(1, {ACCOUNTS})
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
"""
PIPELINE = f"\\startpipeline\n{SELECT * 20}\\endpipeline\n"
TPC_B = f"""\
\\set aid random(1, {ACCOUNTS})
\\set bid random(1, 10)
\\set tid random(1, 100)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
SELECT abalance FROM pgbench_accounts WHERE aid = :aid;
UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;
UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);
END;
"""
ROWS = f"""\
\\set aid random(1, {ACCOUNTS - 999})
SELECT aid, bid, abalance, filler FROM pgbench_accounts WHERE aid BETWEEN :aid AND :aid + 999;
"""
ORM = """\
\\set user random(1, 1000)
\\set product random(1, 10000)
BEGIN;
SELECT "users"."id", "users"."email", "users"."name" FROM "users" WHERE "users"."id" = :user LIMIT 1;
SELECT "products"."id", "products"."title", "products"."stock" FROM "products" WHERE "products"."id" = :product LIMIT 1;
INSERT INTO "orders" ("user_id", "product_id", "created") VALUES (:user, :product, now()) RETURNING "orders"."id";
UPDATE "products" SET "stock" = "products"."stock" - 1 WHERE "products"."id" = :product;
COMMIT;
"""
INSERT = f"""\
\\set kind random(1, {ACCOUNTS})
INSERT INTO events (kind, text, at) VALUES {", ".join(["(:kind, 'what happened', now())"] * 100)};
"""
INSERT_PARAMETERS = INSERT.replace("'what happened'", ":text")

SCHEMA = """\
CREATE EXTENSION pg_stat_statements;
CREATE UNLOGGED TABLE users AS SELECT id, 'user' || id || '@example.com' AS email, 'User ' || id AS name
    FROM generate_series(1, 1000) AS id;
CREATE UNIQUE INDEX ON users (id);
CREATE UNLOGGED TABLE products AS SELECT id, 'Product ' || id AS title, 1000000 AS stock
    FROM generate_series(1, 10000) AS id;
CREATE UNIQUE INDEX ON products (id);
CREATE UNLOGGED TABLE orders (id serial PRIMARY KEY, user_id int, product_id int, created timestamptz);
CREATE UNLOGGED TABLE events (kind int, text text, at timestamptz);
CREATE UNLOGGED TABLE wide AS SELECT repeat('0123456789abcdef', 63) || '0123456789abcde' AS line
    FROM generate_series(1, 32768);
CREATE UNLOGGED TABLE narrow AS SELECT id, id % 100 AS value FROM generate_series(1, 500000) AS id;
CREATE UNLOGGED TABLE copied (LIKE wide);
VACUUM ANALYZE;
"""
WRITTEN = "TRUNCATE events, orders, copied, pgbench_history"
# The server processes of the last run have gone, which takes time that is not the next one's. (A pooler that somebody has
# given may keep its own: five seconds are enough to wait.)
ALONE = """\
DO $$
BEGIN
    FOR attempt IN 1 .. 100 LOOP
        EXIT WHEN (SELECT count(*) FROM pg_stat_activity WHERE datname = 'bench') = 1;
        PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
    END LOOP;
END $$;
"""


def prepare(server):
    server.psql("postgres", "DROP DATABASE IF EXISTS bench; CREATE DATABASE bench")
    subprocess.run(["pgbench", "-i", "-q", "-s", "10", "--unlogged-tables", "-h", "127.0.0.1", "-p", str(server.port),
                    "-U", "postgres", "bench"], check=True, capture_output=True)
    server.psql("bench", SCHEMA)


@dataclasses.dataclass(frozen=True)
class Work:
    """`run(server, proxy, seconds)` gives a measurement: a dict by the names of report.METRICS."""

    name: str
    run: object
    proxies: tuple = tuple(COMPARED)
    idle: bool = False  # measured once: with a process that has done nothing before, in front of a stand-in
    tls: bool = False
    quick: bool = True
    rivals: str = ""  # a regular expression: whom pgwarden is held against

    @property
    def compares(self):
        """Pgwarden with others, and not with itself set up in another way."""
        return any(kind.rival for kind in self.proxies)


# With pgbench

# Connecting and warming up do not count: a run's window begins so long after its first transaction.
CONNECTING_S = 0.5
WARM_UP_S = 0.5
SAMPLE_S = 0.05


@dataclasses.dataclass(frozen=True)
class Pgbench:
    """A script with `statements` (those of transaction control aside) and `rows` a transaction."""

    script: str
    mode: str = "simple"
    clients: int = 8
    statements: int = 1
    rows: int = 1
    control: int = 0  # BEGIN, COMMIT
    options: tuple = ()
    tls: bool = False

    def __call__(self, server, proxy, seconds):
        with tempfile.TemporaryDirectory(prefix="pgwarden-bench-") as folder:
            script = pathlib.Path(folder, "script.sql")
            script.write_text(self.script, encoding="ascii")
            host, port = proxy.address
            command = ["pgbench", "-n", "-M", self.mode, "-c", str(self.clients), "-j", "1", "-T",
                       str(math.ceil(CONNECTING_S + WARM_UP_S + seconds)),
                       "-f", script, "--log", "--log-prefix", f"{folder}/log", "-h", host, "-p", str(port),
                       "-U", "postgres", *self.options, "bench"]
            environment = dict(os.environ, PGSSLMODE="require" if self.tls else "disable")
            server.psql("bench", f"{ALONE} {WRITTEN}; SELECT pg_stat_statements_reset()")
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=environment) as pgbench:
                clock = []
                while pgbench.poll() is None:
                    clock.append((time.time(), proxy.cpu_seconds()))
                    time.sleep(SAMPLE_S)
                output = pgbench.communicate()[0]
            if pgbench.returncode or not re.search("^number of failed transactions: 0 ", output, re.MULTILINE):
                raise RuntimeError(output)
            self.check(server, int(re.search(r"actually processed: (\d+)", output)[1]))
            return self.measurement(pathlib.Path(folder), clock)

    def check(self, server, transactions):
        """That the server has run what pgbench says it has sent, and given as many rows."""
        seen = server.psql("bench", "SELECT sum(calls), sum(rows) FROM pg_stat_statements WHERE query !~ 'pg_stat_'")
        expected = f"{transactions * self.statements}|{transactions * self.rows}"
        if seen != expected:
            raise RuntimeError(f"the server has {seen} statements and rows, not {expected}")

    def measurement(self, folder, clock):
        """Of the time between two looks at the proxy's CPU clock that has nothing but transactions in it."""
        done = []
        for log in folder.glob("log.*"):
            for line in log.read_text(encoding="ascii").splitlines():
                _, _, latency, _, seconds, microseconds, *_ = line.split()
                done.append((int(seconds) + int(microseconds) / 1e6, int(latency)))
        first, last = min(done)[0], max(done)[0]
        within = [look for look in clock if first + WARM_UP_S <= look[0] <= last]
        if len(within) < 2:
            raise RuntimeError("the run was too short")
        (began, cpu), (ended, cpu_at_end) = within[0], within[-1]
        latencies = sorted(latency for at, latency in done if began <= at < ended)
        sent = len(latencies) * (self.statements + self.control)
        return {"tps": len(latencies) / (ended - began),
                "p99_ms": latencies[math.ceil(len(latencies) * 0.99) - 1] / 1e3,
                "cpu_s_per_100k": (cpu_at_end - cpu) / sent * 1e5}


def alike(server, proxy, seconds):
    """16 clients for each worker."""
    return Pgbench(SELECT, "prepared", 16 * proxy.workers)(server, proxy, seconds)


# COPY

COPY_IN_ROWS = 32768
COPY_IN = b"".join(
    [b"d" + struct.pack("!I", 4 + 8192) + (b"0123456789abcdef" * 63 + b"0123456789abcde\n") * 8] * (COPY_IN_ROWS // 8)
) + b"c\0\0\0\4"
READY = b"Z\0\0\0\5I"


def connect(proxy, tls=False):
    session = Player(proxy.address, True)
    if tls:
        session.outgoing += packet(SSL)
        session.read_byte()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        session.socket = context.wrap_socket(session.socket)
    session.startup("postgres", "bench", [], (3, 0))
    session.until("Z", 1)
    if session.received[-1][0] != "Z":
        raise RuntimeError(f"no login: {session.received}")
    session.received.clear()
    return session


def drain(connection, buffer):
    """Reads up to a ReadyForQuery; how many bytes, and the last of them."""
    size, end = 0, b""
    while not end.endswith(READY):
        got = connection.recv_into(buffer)
        if got == 0:
            raise RuntimeError("the connection has ended")
        size += got
        end = (end + bytes(buffer[max(0, got - 64) : got]))[-64:]
    return size, end


def repeated(session, proxy, seconds, once, rows):
    """MB a second and CPU for what `once()` moves: it gives the bytes and the last message."""
    moved = 0
    once()  # the first one warms up
    began, cpu = time.monotonic(), proxy.cpu_seconds()
    while moved == 0 or time.monotonic() - began < seconds:
        size, end = once()
        if f"COPY {rows}".encode() not in end:
            raise RuntimeError(f"{end} instead of {rows} rows")
        moved += size
    took = time.monotonic() - began
    cpu = proxy.cpu_seconds() - cpu
    session.socket.close()
    return {"mb_per_s": moved / took / 1e6, "cpu_s_per_gb": cpu / moved * 1e9}


def copy_out(table, rows, tls, _, proxy, seconds):
    session = connect(proxy, tls)
    buffer = memoryview(bytearray(1 << 18))

    def once():
        session.query(f"COPY {table} TO STDOUT")
        session.send()
        return drain(session.socket, buffer)

    cipher = {"cipher": session.socket.cipher()[0]} if tls else {}
    return repeated(session, proxy, seconds, once, rows) | cipher


def copy_in(server, proxy, seconds):
    session = connect(proxy)
    buffer = memoryview(bytearray(1 << 12))

    def once():
        session.query("COPY copied FROM STDIN")
        session.send()
        answer = session.read_message()
        if answer[0] != "G":
            raise RuntimeError(answer)
        session.socket.sendall(COPY_IN)
        return len(COPY_IN), drain(session.socket, buffer)[1]

    measured = repeated(session, proxy, seconds, once, COPY_IN_ROWS)
    server.psql("bench", WRITTEN)
    return measured


# Idle sessions

SETTLE_S = 0.5
AT_A_TIME = 50


def idle(count, _, proxy, __):
    sessions = []
    buffer = memoryview(bytearray(1 << 18))
    connect(proxy).socket.close()
    time.sleep(SETTLE_S)
    before = proxy.pss_bytes()
    try:
        sessions += [connect(proxy) for _ in range(count)]
        time.sleep(SETTLE_S)
        connected = proxy.pss_bytes()
        for start in range(0, count, AT_A_TIME):
            some = sessions[start : start + AT_A_TIME]
            for session in some:
                session.query(MOVED)
                session.send()
            for session in some:
                drain(session.socket, buffer)
        time.sleep(SETTLE_S)
        moved = proxy.pss_bytes()
    finally:
        for session in sessions:
            session.socket.close()
    return {"pss_kib": (connected - before) / count / 1024, "pss_moved_kib": (moved - before) / count / 1024}


def works():
    points = [(mode, clients) for mode in ("simple", "extended", "prepared") for clients in (1, 8, 32)]
    encrypted = tuple(proxy for proxy in COMPARED if proxy.tls)
    return [
        *(Work(f"-S {mode}, {clients} client{'s' * (clients > 1)}", Pgbench(SELECT, mode, clients))
          for mode, clients in points),
        Work("pipeline of 20", Pgbench(PIPELINE, "prepared", statements=20, rows=20)),
        Work("result of 1,000 rows", Pgbench(ROWS, "extended", rows=1000)),
        Work("ORM transaction", Pgbench(ORM, "extended", statements=4, rows=4, control=2)),
        Work("INSERT of 100 rows, literals", Pgbench(INSERT, rows=100)),
        Work("INSERT of 100 rows, parameters",
             Pgbench(INSERT_PARAMETERS, "extended", rows=100, options=("-D", "text=what happened"))),
        Work("TPC-B", Pgbench(TPC_B, statements=5, rows=5, control=2)),
        Work("connect, SELECT, leave", Pgbench(SELECT, options=("-C",)),
             rivals="haproxy"),  # poolers may have server connections ready
        Work("TLS: -S prepared", Pgbench(SELECT, "prepared", tls=True), encrypted, tls=True),
        Work("COPY out, 1 KiB rows", functools.partial(copy_out, "wide", 32768, False)),
        Work("COPY out, narrow rows", functools.partial(copy_out, "narrow", 500000, False)),
        Work("COPY in, 1 KiB rows", copy_in),
        Work("TLS: COPY out, 1 KiB rows", functools.partial(copy_out, "wide", 32768, True), encrypted, tls=True),
        Work("a second worker", Pgbench(SELECT, "prepared", 32), (Pgwarden, TwoWorkers)),
        Work("a second worker with as many clients", alike, (Pgwarden, TwoWorkers), quick=False),
        Work("1,000 rules", Pgbench(SELECT, "simple", 8), (Pgwarden, ThousandRules)),
        Work("1,000 idle sessions", functools.partial(idle, 1000), idle=True),
        Work(f"{SESSIONS_MAX:,} idle sessions", functools.partial(idle, SESSIONS_MAX), idle=True, quick=False),
    ]
