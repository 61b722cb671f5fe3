"""The proxies that are compared, each 1:1 in front of one PostgreSQL, with one thread, and what they cost."""

import os
import pathlib
import re
import resource
import shutil
import subprocess
import time

from lib.poolers import PROGRAMS, PgBouncer, Pooler
from lib.servers import ROOT
from wire.player import Player

# A session is two open files for a proxy, and some are for itself: 10,000 sessions, or what the machine allows.
FILES_MAX = min(21000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
SESSIONS_MAX = (FILES_MAX - 1000) // 200 * 100
CLOCK_OF_ALL_THREADS = 2  # CPUCLOCK_SCHED


class Measured:
    """A process that listens on `address`. With `pid` 0 it is the server itself, and costs nothing."""

    name = ""
    tls = False  # for clients that ask for it
    rival = True  # somebody whom pgwarden is held against
    version_option = "--version"

    @classmethod
    def version(cls):
        done = subprocess.run([cls.program, cls.version_option], check=True, capture_output=True, text=True)
        return re.search(r"^.*?\d\.\d\S*", done.stdout or done.stderr)[0]

    @property
    def pid(self):
        return self.process.pid

    def cpu_seconds(self):
        """Of all its threads, to the nanosecond: the clock that clock_getcpuclockid(3) names."""
        return time.clock_gettime((~self.pid << 3) | CLOCK_OF_ALL_THREADS) if self.pid else 0.0

    def pss_bytes(self):
        """Its proportional share of memory."""
        text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024

    def check_path(self):
        """That a session really goes through it: the server's peer is a socket of this process."""
        session = Player(self.address, True)
        try:
            session.startup("postgres", "bench", [], (3, 0))
            session.query("SELECT inet_client_port()")
            session.until("Z", 2)
            port = int(next(body for tag, body in session.received if tag == "D")[6:])
            if self.pid and not self.owns_port(port):
                raise RuntimeError(f"{self.name} is not in the path: the server's peer is not process {self.pid}")
        finally:
            session.socket.close()

    def owns_port(self, port):
        lines = pathlib.Path(f"/proc/{self.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        fields = [line.split() for line in lines]
        inodes = {f"socket:[{field[9]}]" for field in fields if int(field[1].split(":")[1], 16) == port}
        return any(link in inodes for link in self.links())

    def links(self):
        for link in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                yield os.readlink(link)
            except FileNotFoundError:
                pass  # closed meanwhile


class Given(Measured):
    """One that runs already."""

    pid = 0

    def __init__(self, name, address, pid):
        self.name = name
        self.address = address
        self.pid = pid
        self.rival = pid != 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class HAProxy(Measured, Pooler):
    name = "haproxy"
    program = PROGRAMS / "haproxy"
    version_option = "-v"

    def __init__(self, server_port, _):
        super().__init__()
        config = self.file("haproxy.cfg", f"""\
global
    nbthread 1
    maxconn {SESSIONS_MAX + 50}
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen postgres
    bind 127.0.0.1:{self.port}
    maxconn {SESSIONS_MAX + 50}
    server postgres 127.0.0.1:{server_port}
""")
        self.command = [self.program, "-db", "-f", config]


class SessionPgBouncer(Measured, PgBouncer):
    name = "pgbouncer"
    program = PROGRAMS / "pgbouncer"
    tls = True

    def __init__(self, server_port, certificate):
        super().__init__(server_port, {"postgres": ""}, f"""\
pool_mode = session
auth_type = trust
max_client_conn = {SESSIONS_MAX + 50}
default_pool_size = {SESSIONS_MAX + 50}
server_check_query =
server_lifetime = 0
server_tls_sslmode = disable
client_tls_sslmode = allow
client_tls_cert_file = {certificate[0]}
client_tls_key_file = {certificate[1]}""")


class Odyssey(Measured, Pooler):
    name = "odyssey"
    program = pathlib.Path(shutil.which("odyssey") or "odyssey")
    tls = True

    def __init__(self, server_port, certificate):
        super().__init__()
        config = self.file("odyssey.conf", f"""\
daemonize no
log_to_stdout yes
log_format "%t %l [%i %s] (%c) %m\\n"
workers 1
unix_socket_dir "{self.directory}"
unix_socket_mode "0600"
locks_dir "{self.directory}"
listen {{
    host "127.0.0.1"
    port {self.port}
    tls "allow"
    tls_cert_file "{certificate[0]}"
    tls_key_file "{certificate[1]}"
}}
storage "postgres" {{
    type "remote"
    host "127.0.0.1"
    port {server_port}
}}
database default {{
    user default {{
        authentication "none"
        storage "postgres"
        pool "session"
        pool_size 0
        pool_ttl 1
    }}
}}
""")
        self.command = [self.program, config]


class Pgwarden(Measured, Pooler):
    """Preset guarded, with the log of denials. `rules`: how many there are before the preset's own, none of which
    says anything of what the benchmark does."""

    name = "pgwarden"
    rival = False
    program = pathlib.Path(os.environ.get("PGWARDEN_BINARY") or ROOT / "build" / "release" / "pgwarden")
    tls = True
    workers = 1
    rules = 0

    def __init__(self, server_port, certificate):
        super().__init__()
        rules = "".join(f"""\
  - name: rule-{number}
    effect: deny
    match: {{classes: [write, write_unbounded], objects: [ledger.table_{number}]}}
""" for number in range(self.rules))
        config = self.file("pgwarden.yaml", f"""\
listeners:
  - listen: 127.0.0.1:{self.port}
    upstream: postgres://127.0.0.1:{server_port}?sslmode=disable
    tls:
      certificate: {certificate[0]}
      key: {certificate[1]}
preset: guarded
workers: {self.workers}
limits:
  max_connections: {SESSIONS_MAX + 50}
{f"rules:{os.linesep}{rules}" if rules else ""}""")
        self.command = [self.program, "run", "--config", config]


class TwoWorkers(Pgwarden):
    name = "pgwarden, 2 workers"
    workers = 2


class ThousandRules(Pgwarden):
    name = "pgwarden, 1,000 rules"
    rules = 1000


COMPARED = [HAProxy, SessionPgBouncer, *([Odyssey] if shutil.which("odyssey") else []), Pgwarden]
