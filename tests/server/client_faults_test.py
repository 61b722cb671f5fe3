"""Clients that are killed, that do not read, or that send half of what they should; and pgwarden itself killed."""

import os
import re
import socket
import subprocess
import sys
import threading
import unittest

import psycopg2
from support import BINARY, ServerTest, eventually, startup_packet
from lib.servers import Pgwarden
from wire import player

MIB = 1 << 20
# Of a gibibyte. The address sanitizer keeps some of what was freed.
GROWTH_MAX = (32 if os.environ.get("PGWARDEN_SANITIZE") else 8) * MIB


def peak_resident(process):
    """The most memory that it ever had, in bytes (proc(5), "VmHWM")."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1)) << 10


class Killed(ServerTest):
    conf = "client_connection_check_interval = 100ms"

    # Sends a batch and waits to be killed; it says when the batch is on its way.
    CLIENT = """
import socket, sys, time
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.sendall(bytes.fromhex(sys.argv[2]))
peer.recv(1)
print("sent", flush=True)
time.sleep(600)
"""

    def killed(self, name, *messages):
        """Kills a client with this application_name when the server has the locks that it asks for."""
        data = startup_packet(user="postgres", database="postgres", application_name=name) + b"".join(messages)
        client = subprocess.Popen([sys.executable, "-c", self.CLIENT, str(self.pgwarden.protected[1]), data.hex()],
                                  stdout=subprocess.PIPE)
        self.addCleanup(client.stdout.close)
        self.assertEqual(client.stdout.readline(), b"sent\n")
        self.assertTrue(eventually(lambda: self.locks(name) == 1))
        client.kill()
        client.wait()
        self.assertTrue(eventually(lambda: self.backends(name) == 0))
        self.postgres.psql("postgres", "SET lock_timeout = '1ms'; BEGIN; LOCK TABLE held; COMMIT")

    def locks(self, name):
        return int(self.postgres.psql("postgres", f"""
            SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
            WHERE application_name = '{name}' AND mode = 'AccessExclusiveLock' AND relation = 'held'::regclass"""))

    def test_its_session_ends_and_its_locks_are_gone(self):
        self.postgres.psql("postgres", "CREATE TABLE held (v int)")
        query = lambda sql: player._message("Query", [sql])  # noqa: E731
        lock = query("BEGIN") + query("LOCK TABLE held")
        self.killed("waiting", lock)
        self.killed("running", lock, query("SELECT pg_sleep(600)"))
        self.killed("receiving", lock, query("SELECT repeat('x', 1000) FROM generate_series(1, 10000000)"))
        self.killed("half a message", lock, query("INSERT INTO held VALUES (1)")[:20])
        self.killed("unsynced", lock, *(player._message(*parts) for parts in (
            ("Parse", ["", "INSERT INTO held VALUES (1)"]), ("Bind", ["", ""]), ("Execute", [""]))))
        self.killed("copying", lock, query("COPY held FROM STDIN"), player._message("CopyData", ["1\n"]))
        self.assertEqual(self.postgres.psql("postgres", "SELECT count(*) FROM held"), "0")


class Unread(ServerTest):
    extra = "limits: {write_timeout: 3s}"

    def test_a_result_of_a_gibibyte_takes_no_memory_and_ends_in_time(self):
        session = self.raw_session(application_name="unread")
        before = peak_resident(self.pgwarden.process)
        session.query("SELECT repeat('x', 1048576) FROM generate_series(1, 1024)")
        session.until("T", 1)
        self.assertTrue(eventually(lambda: self.log_records("session ended"), 60))
        self.assertTrue(eventually(lambda: self.backends("unread") == 0))
        grown = peak_resident(self.pgwarden.process) - before
        print(f"\n1 GiB unread: peak resident memory {peak_resident(self.pgwarden.process) / MIB:.1f} MiB, "
              f"{grown / MIB:.1f} MiB of it since the login")
        self.assertLess(grown, GROWTH_MAX)

    def test_nor_does_one_that_is_read(self):
        session = self.raw_session()
        before = peak_resident(self.pgwarden.process)
        session.query("SELECT repeat('x', 1048576) FROM generate_series(1, 1024)")
        session.send()
        rows = 0
        while (message := session.read_message())[0] != "Z":
            rows += message[0] == "D"
            session.received.clear()
        self.assertEqual(rows, 1024)
        self.assertLess(peak_resident(self.pgwarden.process) - before, GROWTH_MAX)


class HalfAMessage(ServerTest):
    extra = "limits: {login_timeout: 2s, idle_timeout: 2s, idle_in_transaction_timeout: 2s}"

    def test_in_the_login(self):
        whole = startup_packet(user="postgres", database="postgres")
        for size in (1, 7, 8, len(whole) - 1):
            with self.subTest(size), socket.create_connection(self.pgwarden.protected, player.TIMEOUT_S) as peer:
                peer.sendall(whole[:size])
                self.assertIn(b"canceling authentication due to timeout", self.rest(peer))

    def test_later(self):
        whole = player._message("Query", ["INSERT INTO nowhere VALUES (1)"])
        for before, code in (("SELECT 1", "57P05"), ("BEGIN", "25P03")):
            for size in (1, 4, 5, 20, len(whole) - 1):
                with self.subTest(before=before, size=size):
                    session = self.raw_session()
                    session.query(before)
                    session.until("Z", 1)
                    session.outgoing = whole[:size]
                    session.send()
                    session.finish()
                    self.assertEqual(player.error_fields(session.received[-1][1])["C"], code)

    @staticmethod
    def rest(peer):
        received = b""
        while data := peer.recv(65536):
            received += data
        return received


class PgwardenKilled(ServerTest):
    def test_what_was_committed_stays_and_clients_see_the_connection_end(self):
        self.postgres.psql("postgres", "CREATE TABLE written (client int, v int)")
        pgwarden = Pgwarden(BINARY, self.postgres)
        committed, errors = [0] * 8, [None] * 8

        def write(client):
            with psycopg2.connect("host={} port={} user=postgres dbname=postgres application_name=writer".format(
                    *pgwarden.protected)) as connection, connection.cursor() as cursor:
                try:
                    while True:
                        cursor.execute("INSERT INTO written VALUES (%s, %s)", (client, committed[client]))
                        connection.commit()
                        committed[client] += 1
                except psycopg2.Error as error:
                    errors[client] = error

        with pgwarden:
            threads = [threading.Thread(target=self.quietly, args=(write, client)) for client in range(8)]
            for thread in threads:
                thread.start()
            self.assertTrue(eventually(lambda: min(committed) >= 20))
            pgwarden.process.kill()
            for thread in threads:
                thread.join(player.TIMEOUT_S)
            self.assertTrue(eventually(lambda: self.backends("writer") == 0))
        self.assertEqual([type(error) for error in errors], [psycopg2.OperationalError] * 8)
        for client, count in enumerate(committed):
            values = self.postgres.psql("postgres", f"SELECT v FROM written WHERE client = {client} ORDER BY v").split()
            # What was under way may have been committed without the client knowing, as on a direct connection.
            self.assertIn(len(values), (count, count + 1))
            self.assertEqual(values, [str(v) for v in range(len(values))])

    @staticmethod
    def quietly(action, *arguments):
        try:
            action(*arguments)
        except psycopg2.Error:
            pass  # leaving the connection's context fails once more


if __name__ == "__main__":
    unittest.main()
