"""Every login of tests/server/logins.py by drivers. A program reads a line for each from standard input (port, TLS of the
client, user, password, a write and a query, between tabs) and prints what the query has answered, or the error."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "server"))

from logins import TLS, Logins  # noqa: E402

JDBC = "/usr/share/java/postgresql.jar"
TIMEOUT_S = 240  # for all logins of a driver


class DriverLogins(Logins):
    def check_driver(self, name, command, ways=TLS, binds=lambda login: False):
        def log_in(logins):
            lines = ["\t".join((str(self.port(login)), login.client, login.user, login.password,
                                *self.statements(name, login))) for login in logins]
            done = subprocess.run(command, input="\n".join(lines) + "\n", capture_output=True, text=True, check=True,
                                  timeout=TIMEOUT_S, cwd=HERE, env=dict(os.environ, PGSSLROOTCERT=str(self.ca)))
            return done.stdout.splitlines()

        self.check(name, ways, log_in, binds)

    def test_node_postgres(self):
        self.check_driver("node-postgres", ["node", "logins_pg.mjs"])

    def test_node_postgres_that_binds(self):
        """It says that it can without TLS, too."""
        self.check_driver("binding", ["node", "logins_pg.mjs", "binds"], binds=lambda login: True)

    def test_pgjdbc(self):
        """As Debian has it, it knows neither channel binding nor TLS without an SSLRequest."""
        with tempfile.TemporaryDirectory(prefix="pgwarden-test-") as built:
            subprocess.run(["javac", "-encoding", "UTF-8", "-cp", JDBC, "-d", built, "LoginsJdbc.java"], check=True, cwd=HERE,
                           timeout=TIMEOUT_S)
            self.check_driver("pgjdbc", ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{JDBC}:{built}", "LoginsJdbc"], TLS[:2])


if __name__ == "__main__":
    unittest.main()
