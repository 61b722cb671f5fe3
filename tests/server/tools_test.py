"""PostgreSQL's own programs work through pgwarden."""

import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import psycopg2

from support import ServerTest, eventually


class Tools(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres.psql("postgres", "CREATE TABLE items (id int PRIMARY KEY, label text);"
                                      "INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 5) n;")

    def connection_options(self, address="protected"):
        host, port = getattr(self.pgwarden, address)
        return ["-h", host, "-p", str(port), "-U", "postgres"]

    def direct_options(self):
        return ["-h", "127.0.0.1", "-p", str(self.postgres.port), "-U", "postgres"]

    def run_tool(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_psql_describes(self):
        for command in (r"\d", r"\d+ items", r"\dt", r"\df", r"\du", r"\l", r"\dn+", r"\x \\ SELECT 1"):
            with self.subTest(command):
                direct = self.run_tool("psql", "-X", *self.direct_options(), "-c", command.split(" \\\\ ")[0])
                proxied = self.run_tool("psql", "-X", *self.connection_options(), "-c", command.split(" \\\\ ")[0])
                self.assertEqual(direct, proxied)

    def test_psql_copies_both_ways(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "items.csv")
            psql = ["psql", "-X", *self.connection_options(), "-v", "ON_ERROR_STOP=1"]
            self.run_tool(*psql, "-c", rf"\copy items TO '{path}' CSV")
            self.assertEqual(len(path.read_text(encoding="utf-8").splitlines()), 5)
            path.write_text("6,six\n7,seven\n", encoding="utf-8")
            self.run_tool(*psql, "-c", rf"\copy items FROM '{path}' CSV")
            self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM items"), "7")
            self.run_tool(*psql, "-c", "DELETE FROM items WHERE id > 5")

    def test_pgbench(self):
        self.postgres.psql("postgres", "CREATE DATABASE bench")
        self.run_tool("pgbench", "-i", "-q", *self.connection_options("unprotected"), "bench")
        for protocol in ("simple", "extended", "prepared"):
            with self.subTest(protocol):
                out = self.run_tool("pgbench", "-n", "-S", "-c", "4", "-j", "2", "-t", "500", "-M", protocol,
                                    *self.connection_options(), "bench")
                self.assertIn("number of transactions actually processed: 2000/2000", out)
                self.assertIn("number of failed transactions: 0", out)
        out = self.run_tool("pgbench", "-n", "-c", "4", "-t", "100", *self.connection_options(), "bench")
        self.assertIn("number of transactions actually processed: 400/400", out)

    def test_pg_dump_into_psql(self):
        self.postgres.psql("postgres", "CREATE DATABASE source")
        self.postgres.psql("postgres", "CREATE DATABASE target")
        self.postgres.psql("source", "CREATE TABLE t (id serial PRIMARY KEY, v text);"
                                     "INSERT INTO t (v) SELECT repeat('x', 100) FROM generate_series(1, 5000);"
                                     "CREATE VIEW w AS SELECT * FROM t")
        dump = self.run_tool("pg_dump", *self.connection_options(), "source")
        done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *self.connection_options("unprotected"),
                               "target"], input=dump, capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.postgres.psql("target", "SELECT count(*) FROM w"), "5000")
        restored = subprocess.run(["psql", "-X", "-v", "ON_ERROR_STOP=1", *self.connection_options(), "target"],
                                  input=dump, capture_output=True, text=True, check=False, timeout=120)
        self.assertIn("cannot execute CREATE TABLE", restored.stderr)

    def test_a_base_backup_with_its_log_streamed(self):
        # Replication commands and COPY in both directions at once.
        with tempfile.TemporaryDirectory() as directory:
            self.run_tool("pg_basebackup", *self.connection_options("unprotected"), "--checkpoint=fast",
                          "--wal-method=stream", "--pgdata", f"{directory}/copy")
            self.assertTrue(list(pathlib.Path(directory, "copy", "pg_wal").glob("0*")))
            self.assertTrue(pathlib.Path(directory, "copy", "backup_manifest").exists())

    def test_a_sleeping_query_is_cancelled(self):
        for address in ("protected", "unprotected"):
            with self.subTest(address):
                psql = subprocess.Popen(["psql", "-X", *self.connection_options(address), "-c",
                                         "SET application_name = 'sleeper'", "-c", "SELECT pg_sleep(60)"],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
                self.assertTrue(eventually(lambda: self.backends("sleeper") == 1))
                time.sleep(0.3)
                began = time.monotonic()
                psql.send_signal(signal.SIGINT)
                _, stderr = psql.communicate(timeout=30)
                self.assertIn("canceling statement due to user request", stderr)
                self.assertLess(time.monotonic() - began, 10)

    def test_a_cancel_with_a_wrong_key_does_nothing(self):
        connection = psycopg2.connect(self.dsn())
        cursor = connection.cursor()
        self.pgwarden_cancel(connection.get_backend_pid(), 12345)
        cursor.execute("SELECT pg_sleep(0.3), 1")
        self.assertEqual(cursor.fetchone()[1], 1)
        connection.close()

    def pgwarden_cancel(self, pid, secret):
        import socket
        import struct
        with socket.create_connection(self.pgwarden.protected, 10) as cancel:
            cancel.sendall(struct.pack("!IIII", 16, 80877102, pid, secret))
            self.assertEqual(cancel.recv(1), b"")

    def test_notifications_arrive_unasked(self):
        listener = psycopg2.connect(self.dsn())
        listener.autocommit = True
        listener.cursor().execute("LISTEN news")
        self.postgres.psql("postgres", "NOTIFY news, 'hello'")
        self.assertTrue(eventually(lambda: (listener.poll(), listener.notifies)[1]))
        self.assertEqual(listener.notifies[0].payload, "hello")
        listener.close()


if __name__ == "__main__":
    unittest.main()
