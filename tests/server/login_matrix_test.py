"""Every login by psql, as logins.py has them. With PGWARDEN_WRITE_DOCS=1 docs/logins.md is written instead of compared."""

import concurrent.futures
import os
import re
import ssl
import subprocess
import unittest

from logins import DOCS, Logins, documentation
from wire import player


def psql_knows_direct():
    version = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"\d+", version)[0]) >= 17


def at_once(log_in, logins):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return list(pool.map(log_in, logins))


class LoginMatrix(Logins):
    def psql_says(self, login):
        modes = {"off": {"PGSSLMODE": "disable"}, "on": {"PGSSLMODE": "verify-full"},
                 "direct": {"PGSSLMODE": "verify-full", "PGSSLNEGOTIATION": "direct"}}
        environment = dict(os.environ, PGHOST="127.0.0.1", PGPORT=str(self.port(login)), PGUSER=login.user,
                           PGPASSWORD=login.password, PGDATABASE="postgres", PGSSLROOTCERT=str(self.ca),
                           PGSSLCERT="/nonexistent", PGCONNECT_TIMEOUT="60", **modes[login.client])
        write, query = self.statements("psql", login)
        done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-c", write, "-c", query], capture_output=True, text=True,
                              check=False, timeout=90, env=environment)
        if done.returncode == 0:
            return done.stdout.strip()
        return re.sub(r".*? failed: FATAL: ", "error:", done.stderr.splitlines()[0])

    def test_psql(self):
        ways = ("off", "on", "direct") if psql_knows_direct() else ("off", "on")
        self.check("psql", ways, lambda logins: at_once(self.psql_says, logins), lambda login: login.client != "off")

    def by_hand(self, login):
        """By TLS without an SSLRequest, which psql knows from 17 on: a client of our own, which binds nothing."""
        session = player.Player(("127.0.0.1", self.port(login)), True)
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(["postgresql"])
        session.socket = context.wrap_socket(session.socket, server_hostname="127.0.0.1")
        with session.socket:
            session.startup(login.user, "postgres", [], (3, 0))
            session.log_in(login.user, login.password)
            for sql in self.statements("by hand", login):
                session.query(sql)
            session.until("Z", 3)  # of the login, and of each
        for tag, body in session.received:
            if tag == "E":
                return "error: " + player.error_fields(body)["M"]
        return next(body for tag, body in session.received if tag == "D")[6:].decode()

    def test_direct(self):
        self.check("by hand", ["direct"], lambda logins: at_once(self.by_hand, logins), lambda login: False)

    def test_the_table_in_docs(self):
        if os.environ.get("PGWARDEN_WRITE_DOCS"):
            DOCS.write_text(documentation(), encoding="utf-8")
        self.assertEqual(DOCS.read_text(encoding="utf-8"), documentation())


if __name__ == "__main__":
    unittest.main()
