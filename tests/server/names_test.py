"""Names of servers that cannot be looked up, and names that come to mean another server. pgwarden has files in /etc of
its own here."""

import pathlib
import socket
import subprocess
import unittest

import psycopg2
from hosts_test import Fake, error_response
from support import BINARY, ServerTest
from lib.servers import Pgwarden

SILENT = "127.66.0.1"  # a name server that does not answer
NOBODY = "127.66.0.2"  # where there is none


class Names(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_authority()  # for its folder

    def start(self, name_server):
        """pgwarden with one worker, that listens for db.test (`protected`) and for 127.0.0.1 (`unprotected`)."""
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n", encoding="ascii")
        (self.folder / "resolv.conf").write_text(f"nameserver {name_server}\noptions timeout:15 attempts:2\n", encoding="ascii")
        (self.folder / "nsswitch.conf").write_text("hosts: files dns\n", encoding="ascii")
        mounts = " && ".join(f"mount --bind {self.folder}/{name} $(realpath /etc/{name})"
                             for name in ("hosts", "resolv.conf", "nsswitch.conf"))
        wrapper = self.folder / "pgwarden"
        wrapper.write_text(f"#!/bin/sh\nexec unshare -rm sh -c '{mounts} && exec {pathlib.Path(BINARY).resolve()} \"$@\"' "
                           'sh "$@"\n', encoding="ascii")
        wrapper.chmod(0o755)
        if subprocess.run([wrapper, "--version"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no namespace with an /etc of its own to be had")
        pgwarden = Pgwarden(wrapper, self.postgres)
        pgwarden.write_config(f"""
workers: 1
listeners:
  - {{listen: "127.0.0.1:{pgwarden.protected[1]}", upstream: "postgres://db.test:{self.postgres.port}/?sslmode=disable"}}
  - {{listen: "127.0.0.1:{pgwarden.unprotected[1]}", upstream: "postgres://127.0.0.1:{self.postgres.port}"}}
limits: {{upstream_connect_timeout: 2s}}
""")
        pgwarden.__enter__()
        self.addCleanup(pgwarden.__exit__, None, None, None)
        return pgwarden

    def connect(self, address):
        connection = psycopg2.connect("host={} port={} user=postgres dbname=postgres".format(*address),
                                      gssencmode="disable", sslmode="disable", connect_timeout=20)
        self.addCleanup(connection.close)
        return connection

    def refused(self, address):
        with self.assertRaises(psycopg2.OperationalError) as caught:
            self.connect(address)
        return str(caught.exception)

    def test_each_session_goes_to_where_the_name_is_then(self):
        pgwarden = self.start(NOBODY)
        self.assertRegex(self.refused(pgwarden.protected),
                         f'could not connect to upstream "db.test:{self.postgres.port}": Host not found')
        self.hosts.write_text("127.0.0.1 db.test\n", encoding="ascii")
        old = self.connect(pgwarden.protected)
        with Fake(error_response("28000", "the new one"), host="127.0.0.2", port=self.postgres.port):
            self.hosts.write_text("127.0.0.2 db.test\n", encoding="ascii")
            self.assertIn("the new one", self.refused(pgwarden.protected))
        self.assertEqual(self.one(old, "SELECT 1"), 1)

    def test_name_servers_that_do_not_answer_keep_nobody_else_waiting(self):
        silent = socket.socket(type=socket.SOCK_DGRAM)
        self.addCleanup(silent.close)
        try:
            silent.bind((SILENT, 53))
        except OSError as error:
            self.skipTest(f"no name server of our own to be had: {error}")
        pgwarden = self.start(SILENT)
        for _ in range(2):
            self.assertIn(f'"db.test:{self.postgres.port}": its name is not resolved in time', self.refused(pgwarden.protected))
            bystander = self.connect(pgwarden.unprotected)
            self.assertEqual(self.one(bystander, "SELECT 1"), 1)
            bystander.close()
        pgwarden.process.terminate()
        self.assertEqual(pgwarden.process.wait(15), 0)  # the lookups go on for half a minute


if __name__ == "__main__":
    unittest.main()
