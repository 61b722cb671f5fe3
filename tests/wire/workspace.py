"""What scenarios are played against: a server with an hba of its own, and databases that are put back between plays."""

import pathlib
import time

import psycopg2

from lib.servers import ScratchPostgres

HERE = pathlib.Path(__file__).resolve().parent
CONF = "wal_level = logical\nlog_min_messages = fatal"
HBA = "\n".join(
    f"host all {user} 127.0.0.1/32 {method}"
    for user, method in [
        ("plain", "password"),
        ("hashed", "md5"),
        ("scram", "scram-sha-256"),
        ("rejected", "reject"),
        ("no_password", "scram-sha-256"),
        ("no_such_scram", "scram-sha-256"),
    ]
)
DEADLINE_S = 15


def server():
    return ScratchPostgres(CONF, HBA)


def fill(postgres):
    """Roles, databases, and the template that every workspace is a copy of."""
    postgres.psql("postgres", (HERE / "cluster.sql").read_text("utf-8"))
    postgres.psql("wire_template", (HERE / "fixture.sql").read_text("utf-8"))


class Workspace:
    """A scratch database, put back between two plays. One thread at a time."""

    def __init__(self, postgres, number):
        self.postgres = postgres
        self.database = f"wire_{number}"
        self.control = None
        self.second = None
        self.make()

    def make(self):
        for connection in filter(None, (self.control, self.second)):
            connection.close()
        self.second = None
        self.postgres.psql("postgres", f"DROP DATABASE IF EXISTS {self.database} WITH (FORCE)")
        self.postgres.psql("postgres", f"CREATE DATABASE {self.database} TEMPLATE wire_template")
        self.control = self.connect()

    def connect(self):
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.postgres.port, user="postgres", dbname=self.database, connect_timeout=DEADLINE_S
        )
        connection.autocommit = True
        return connection

    def ask(self, sql):
        with self.control.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def wait_for(self, sql):
        deadline = time.monotonic() + DEADLINE_S
        while not self.ask(sql):
            if time.monotonic() > deadline:
                raise AssertionError(f"never true: {sql}")
            time.sleep(0.01)

    def other(self, sql):
        self.second = self.second or self.connect()
        with self.second.cursor() as cursor:
            cursor.execute(sql)

    def leave(self):
        """The second session ends, the played one must have."""
        if self.second:
            self.second.close()
            self.second = None
        self.wait_for("SELECT alone()")

    def restore(self):
        """As it was, object ids included: they are in the streams."""
        try:
            self.ask("SELECT restore()")
        except psycopg2.Error:
            self.make()
