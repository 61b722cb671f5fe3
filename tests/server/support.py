"""What the tests against a real server share. The binary under test: the environment variable PGWARDEN_BINARY."""

import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.certificates import Authority  # noqa: E402
from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from wire import player  # noqa: E402

BINARY = os.environ["PGWARDEN_BINARY"]
PROTECTED = "protected"


def eventually(condition, seconds=30):
    """Whether `condition()` becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


class Clients:
    """Each of `clients`, functions that end when `over` is set, on a thread for the time of a `with`."""

    def __init__(self, clients):
        self.over = threading.Event()
        self.failures = []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=client) for client in clients]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def startup_packet(**parameters):
    body = struct.pack("!I", 196608) + b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in parameters.items())
    return struct.pack("!I", len(body) + 5) + body + b"\0"


class ServerTest(unittest.TestCase):
    """A scratch server and a pgwarden in front of it, for all tests of a class."""

    conf = ""
    hba = ""
    extra = ""  # appended to pgwarden's configuration
    listener = ""  # a key of the protected listener

    @classmethod
    def setUpClass(cls):
        cls.postgres = cls.enterClassContext_(ScratchPostgres(cls.conf, cls.hba))
        cls.pgwarden = cls.enterClassContext_(Pgwarden(BINARY, cls.upstream(), cls.extra, cls.listener))

    @classmethod
    def upstream(cls):
        """What pgwarden is put in front of."""
        return cls.postgres

    @classmethod
    def enterClassContext_(cls, manager):
        value = manager.__enter__()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        return value

    @classmethod
    def make_authority(cls):
        """`folder`, where PostgreSQL's user may read, and `authority`, which signs certificates there."""
        folder = tempfile.TemporaryDirectory(prefix="pgwarden-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        cls.authority = Authority(cls.folder, "authority")

    def address(self, name):
        """Where clients connect."""
        return getattr(self.pgwarden, name)

    def psql(self, *commands, user="postgres", database="postgres", address=PROTECTED, check=True, environment=None,
             options=(), source=None):
        host, port = self.address(address)
        command = ["psql", "-X", "-A", "-t", "-h", host, "-p", str(port), "-U", user, "-d", database, *options]
        for sql in commands:
            command += ["-c", sql]
        return subprocess.run(command, capture_output=True, text=True, check=check, input=source, timeout=120,
                              env=dict(os.environ, **(environment or {})))

    def dsn(self, address=PROTECTED, database="postgres", user="postgres"):
        host, port = self.address(address)
        return f"host={host} port={port} user={user} dbname={database}"

    def raw_session(self, pgwarden=None, application_name="raw", address=PROTECTED, source="", database="postgres"):
        """A session whose messages the test sees itself; logged in, with nothing received yet."""
        session = player.Player(getattr(pgwarden, address) if pgwarden else self.address(address), False, source=source)
        session.startup("postgres", database, [("application_name", application_name)], (3, 0))
        session.until("Z", 1)
        self.addCleanup(session.socket.close)
        session.received.clear()
        return session

    def one(self, connection, sql):
        """The only value that `sql` gives by a connection of psycopg2."""
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def log_records(self, message, pgwarden=None):
        records = []
        for line in (pgwarden or self.pgwarden).log_text().splitlines():
            if line.startswith("{"):
                record = json.loads(line)
                if record["message"] == message:
                    records.append(record)
        return records

    def backends(self, application_name):
        return int(self.postgres.psql(
            "postgres", f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{application_name}'"))
