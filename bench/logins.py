"""Measures logins through pgwarden beside PgBouncer. Run by scripts/bench-logins.

Each login is one of pgbench, a connection for one SELECT 1; both make a connection to the server for each (PgBouncer with
server_lifetime=0), and both have one thread for them. All take turns, round by round; the table has the medians. A direct
connection is there for comparison of the rate, which is that of clients, proxy and server together on this machine."""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))

from lib.certificates import Authority  # noqa: E402
from lib.poolers import PgBouncer  # noqa: E402
from lib.servers import ROOT, Pgwarden, ScratchPostgres  # noqa: E402

PGBENCH = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/pgbench"), key=lambda path: int(path.parts[4]))[-1]
CLIENTS = 4
TIMEOUT_S = 600
CLOCK_OF_ALL_THREADS = 2  # CPUCLOCK_SCHED


def cpu_seconds(pid):
    """Of all threads of a process: the clock that clock_getcpuclockid(3) names."""
    return time.clock_gettime((~pid << 3) | CLOCK_OF_ALL_THREADS)


def verifier_of(postgres, role):
    return postgres.psql("postgres", f"SELECT rolpassword FROM pg_authid WHERE rolname = '{role}'")


class Bench:
    def __init__(self, stack):
        self.stack = stack
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pgwarden-bench-")))
        folder.chmod(0o755)
        authority = Authority(folder, "authority")
        server = authority.issue("server", "localhost", owner="postgres")
        # Both read it: PgBouncer as the user postgres.
        self.front = authority.issue("front", "localhost", owner="postgres")
        self.query = folder / "query.sql"
        self.query.write_text("SELECT 1;\n", encoding="ascii")
        self.postgres = stack.enter_context(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{server[0]}'\nssl_key_file = '{server[1]}'\npassword_encryption = 'scram-sha-256'",
            "host all postgres all trust\nhost all all all scram-sha-256"))
        self.postgres.psql("postgres", "CREATE ROLE app LOGIN PASSWORD 'upstream'; CREATE ROLE agent PASSWORD 'client'")

    def pgwarden(self, auth, tls):
        users = {"managed": f"{{name: agent, password: '{verifier_of(self.postgres, 'agent')}', "
                            "upstream: {user: app, password: upstream}}",
                 "key_passthrough": f"{{name: app, password: '{verifier_of(self.postgres, 'app')}'}}"}
        pgwarden = Pgwarden(ROOT / "build" / "release" / "pgwarden", self.postgres)
        pgwarden.write_config(f"""
workers: 1
listeners:
  - listen: 127.0.0.1:{pgwarden.protected[1]}
    upstream: postgres://127.0.0.1:{self.postgres.port}/?sslmode={'require' if tls else 'disable'}
    auth: {auth}
    {f'tls: {{mode: require, certificate: {self.front[0]}, key: {self.front[1]}}}' if tls else ''}
{f'users: [{users[auth]}]' if auth in users else ''}
""")
        return self.stack.enter_context(pgwarden), pgwarden.protected[1]

    def pgbouncer(self, auth, tls):
        """As near to it as PgBouncer comes: another user upstream, where it has to have the client's password itself (up to
        1.18 it would else use that login's keys for the other user), or the keys of the client's login. It has nothing
        like passthrough."""
        managed = auth == "managed"
        passwords = {"agent": "client"} if managed else {"app": verifier_of(self.postgres, "app")}
        side = "require" if tls else "disable"
        pgbouncer = PgBouncer(self.postgres.port, passwords, f"""\
pool_mode = session
server_lifetime = 0
server_tls_sslmode = {side}
client_tls_sslmode = {side}
client_tls_cert_file = {self.front[0]}
client_tls_key_file = {self.front[1]}
log_connections = 0
log_disconnections = 0
[databases]
postgres = host=127.0.0.1 port={self.postgres.port} {'user=app password=upstream' if managed else ''}""")
        return self.stack.enter_context(pgbouncer), pgbouncer.port

    def logins(self, port, managed, tls, count):
        """Makes them; gives how long it took. The server has to have seen each of them."""
        seen = "SELECT pg_stat_get_db_sessions(oid) FROM pg_database WHERE datname = 'postgres'"
        before = int(self.postgres.psql("template1", seen))
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(port), PGDATABASE="postgres",
                           PGUSER="agent" if managed else "app", PGPASSWORD="client" if managed else "upstream",
                           PGSSLMODE="require" if tls else "disable", PGSSLCERT="/nonexistent")
        begin = time.monotonic()
        done = subprocess.run([PGBENCH, "-n", "-C", "-c", str(CLIENTS), "-t", str(count // CLIENTS), "-f", self.query],
                              env=environment, check=False, capture_output=True, text=True, timeout=TIMEOUT_S)
        seconds = time.monotonic() - begin
        if done.returncode != 0 or not re.search(r"number of failed transactions: 0 ", done.stdout):
            raise RuntimeError(done.stdout + done.stderr)
        deadline = time.monotonic() + 10
        while int(self.postgres.psql("template1", seen)) - before < count:
            if time.monotonic() > deadline:
                raise RuntimeError("the server has not seen all logins")
            time.sleep(0.2)
        return seconds


def main():
    rounds, count = (int(word) for word in (sys.argv[1:] + ["5", "400"][len(sys.argv) - 1:]))
    with contextlib.ExitStack() as stack:
        bench = Bench(stack)
        works = [("managed", False), ("managed", True), ("passthrough", False), ("key_passthrough", False),
                 ("key_passthrough", True)]
        contenders = {}
        for auth, tls in works:
            contenders[auth, tls, "pgwarden"] = bench.pgwarden(auth, tls)
            if auth != "passthrough":
                contenders[auth, tls, "PgBouncer"] = bench.pgbouncer(auth, tls)
            contenders[auth, tls, "direct"] = None, bench.postgres.port
        rates, costs = ({key: [] for key in contenders} for _ in range(2))
        for _ in range(rounds):
            for (auth, tls, name), (program, port) in contenders.items():
                before = cpu_seconds(program.process.pid) if program else 0
                managed = auth == "managed" and program is not None
                rates[auth, tls, name].append(count / bench.logins(port, managed, tls, count))
                costs[auth, tls, name].append((cpu_seconds(program.process.pid) - before if program else 0) / count * 1e6)
        print("| login | TLS | by way of | logins/s | CPU of the proxy, ms for 1,000 |\n| --- | --- | --- | --- | --- |")
        for auth, tls, name in contenders:
            rate, cost = (statistics.median(values[auth, tls, name]) for values in (rates, costs))
            print(f"| {auth} | {'both sides' if tls else 'none'} | {name} | {rate:.0f} | {cost:.0f} |")


main()
