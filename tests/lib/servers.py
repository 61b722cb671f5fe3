"""The servers that tests run against: a scratch PostgreSQL and pgwarden in front of it."""

import contextlib
import copy
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "scripts" / "scratch-postgres"
START_TIMEOUT_S = 30


_given_ports = set()


def free_port():
    """One that nobody has now, that was not given before, and that the system gives to no outgoing connection."""
    while True:
        port = random.randrange(10240, 32768)
        with socket.socket() as listening, contextlib.suppress(OSError):
            listening.bind(("127.0.0.1", port))
            if port not in _given_ports:
                _given_ports.add(port)
                return port


def listens(process, address):
    """Whether a process that has been started listens at `address` in time."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(address) == 0:
                return True
        time.sleep(0.02)
    return False


def _is_dead(process):
    try:
        return pathlib.Path("/proc", process, "stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


class ScratchPostgres:
    """A PostgreSQL of its own for the time of a `with`. `conf` and `hba` are lines for its files. `standby_of`: the port
    of the server that it follows."""

    def __init__(self, conf="", hba="", standby_of=""):
        self.directory = tempfile.mkdtemp(prefix="pgwarden-test-")
        os.chmod(self.directory, 0o755)
        self.environment = dict(os.environ, PGWARDEN_SCRATCH_CONF=conf, PGWARDEN_SCRATCH_HBA=hba,
                                PGWARDEN_SCRATCH_STANDBY_OF=str(standby_of))

    def __enter__(self):
        subprocess.run([SCRATCH, "start", self.directory], check=True, env=self.environment, stdout=subprocess.DEVNULL)
        self.port = int(pathlib.Path(self.directory, "port").read_text(encoding="ascii"))
        self.address = ("127.0.0.1", self.port)
        self.socket_directory = str(pathlib.Path(self.directory, "sock"))
        return self

    def __exit__(self, *_):
        subprocess.run([SCRATCH, "stop", self.directory], check=False, stdout=subprocess.DEVNULL)
        shutil.rmtree(self.directory, ignore_errors=True)

    def kill(self):
        """All of its processes at once, as when its machine loses power."""
        postmaster = pathlib.Path(self.directory, "data", "postmaster.pid").read_text(encoding="ascii").split()[0]
        children = pathlib.Path("/proc", postmaster, "task", postmaster, "children").read_text(encoding="ascii").split()
        processes = (postmaster, *children)
        for sent in (signal.SIGSTOP, signal.SIGKILL):  # stopped, none of them sees another one die
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), sent)
        while not all(map(_is_dead, processes)):
            time.sleep(0.01)
        # Whoever adopted them may take a while to ask for their ends: until then their locks seem to be somebody's.
        for lock in (*pathlib.Path(self.directory, "sock").glob(".*.lock"), pathlib.Path(self.directory, "data", "postmaster.pid")):
            lock.unlink()

    def restart(self):
        """On the same port, also after kill()."""
        subprocess.run([SCRATCH, "restart", self.directory], check=True, stdout=subprocess.DEVNULL)

    def log_text(self):
        return pathlib.Path(self.directory, "log").read_text(encoding="utf-8", errors="replace")

    def psql(self, database, sql):
        """What `sql` gives, unaligned; raises CalledProcessError when it fails."""
        command = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        done = subprocess.run(
            [*command, "-U", "postgres", "-d", database], input=sql, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()


def last_words_in(log):
    """A sanitizer's report from its beginning, or the end of the log."""
    report = re.search("ERROR: [A-Za-z]+Sanitizer|WARNING: ThreadSanitizer|runtime error: ", log)
    return log[report.start():][:8000] if report else log[-4000:]


class Pgwarden:
    """pgwarden for the time of a `with`: one listener to a protected host (127.0.0.1), one to an unprotected one
    (localhost), and a Unix-domain socket to the server's own. `extra` is appended to the configuration, `listener` is a
    key of the first listener. `options` of `run` and variables of its `environment` may be added before it starts."""

    def __init__(self, binary, postgres, extra="", listener=""):
        self.binary = str(pathlib.Path(binary).resolve())
        self.options = []
        self.environment = {}
        self.directory = tempfile.mkdtemp(prefix="pgwarden-test-")
        self.protected = ("127.0.0.1", free_port())
        self.unprotected = ("127.0.0.1", free_port())
        self.socket_path = f"{self.directory}/.s.PGSQL.6432"
        self.unix_socket = (self.directory, 6432)
        self.config = pathlib.Path(self.directory, "pgwarden.yaml")
        self.log = pathlib.Path(self.directory, "log")
        self.listeners = f"""\
listeners:
  - listen: 127.0.0.1:{self.protected[1]}
    upstream: postgres://127.0.0.1:{postgres.port}
    {listener}
  - listen: 127.0.0.1:{self.unprotected[1]}
    upstream: postgres://localhost:{postgres.port}
  - listen: {self.socket_path}
    upstream: postgres:///?host={postgres.socket_directory}&port={postgres.port}
protect: [127.0.0.1, "{postgres.socket_directory}"]
"""
        self.write_extra(extra)

    def write_extra(self, extra):
        """Replaces what follows the listeners in the configuration."""
        self.write_config(self.listeners + extra + "\n")

    def successor(self):
        """One at the same addresses and with the same configuration, which takes over from this one."""
        other = copy.copy(self)
        other.directory = tempfile.mkdtemp(prefix="pgwarden-test-")
        other.log = pathlib.Path(other.directory, "log")
        other.options = ["--take-over"]
        return other

    def write_config(self, text):
        self.config.write_text(text, encoding="utf-8")

    def __enter__(self):
        with open(self.log, "wb") as log:
            # AddressSanitizer would keep all freed memory for a while, and no test could tell that from a leak.
            environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=8", **self.environment)
            command = [self.binary, "run", "--config", self.config, *self.options]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.listens():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"pgwarden did not start: {self.log_text()}")
            time.sleep(0.02)
        return self

    def listens(self):
        """It opens all of its listeners before it says of the first one that it listens."""
        return '"message":"listening"' in self.log_text()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        last_words = last_words_in(self.log_text())
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.process.returncode not in (0, -signal.SIGKILL):
            raise AssertionError(f"pgwarden ended with {self.process.returncode}: {last_words}")

    def log_text(self):
        return self.log.read_text(encoding="utf-8", errors="replace")
