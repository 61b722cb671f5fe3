"""What systemd is told (sd_notify), and the sockets that it passes on (LISTEN_FDS)."""

import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import psycopg2

from support import BINARY, ServerTest, eventually
from lib.servers import ROOT, Pgwarden, free_port

PYTHON = ["/usr/bin/python3"]  # Debian's own, which has the module seccomp
UNIT = ROOT / "packaging" / "systemd" / "pgwarden.service"
WORKERS = 3
WATCHDOG_S = 1
PTRACE_ATTACH, PTRACE_DETACH, WALL = 16, 17, 0x40000000


class Manager:
    """Receives what sd_notify sends."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)

    def next(self, seconds=60):
        """The next message but those to the watchdog, as a dictionary."""
        self.socket.settimeout(seconds)
        while (message := self.socket.recv(4096).decode()) == "WATCHDOG=1":
            pass
        return dict(line.split("=", 1) for line in message.splitlines())

    def hears(self, message, times, seconds):
        """Whether `message` comes so many times in time."""
        deadline = time.monotonic() + seconds
        while times and (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            with contextlib.suppress(TimeoutError):
                times -= self.socket.recv(4096).decode() == message
        return not times

    def forget(self):
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(4096)


class Notifications(ServerTest):
    def start(self, **environment):
        folder = tempfile.TemporaryDirectory(prefix="pgwarden-test-")
        self.addCleanup(folder.cleanup)
        path = f"{folder.name}/notify"
        manager = Manager(path)
        self.addCleanup(manager.socket.close)
        pgwarden = Pgwarden(BINARY, self.postgres, f"workers: {WORKERS}\nlimits: {{drain_timeout: 90s}}")
        pgwarden.environment = {"NOTIFY_SOCKET": path, **environment}
        pgwarden.__enter__()
        self.addCleanup(pgwarden.__exit__, None, None, None)
        return pgwarden, manager

    def test_ready_reload_and_end(self):
        pgwarden, manager = self.start()
        self.assertEqual(manager.next(), {"READY": "1", "STATUS": "policy version 1 is in force"})
        for text, status in ((pgwarden.config.read_text(encoding="utf-8") + "\n", "policy version 2 is in force"),
                             ("rubbish", "the new configuration is bad; policy version 2 is in force")):
            pgwarden.write_config(text)
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            pgwarden.process.send_signal(signal.SIGHUP)
            reloading = manager.next()
            self.assertEqual(set(reloading), {"RELOADING", "MONOTONIC_USEC"})
            after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            self.assertTrue(before <= int(reloading["MONOTONIC_USEC"]) <= after)
            self.assertEqual(manager.next(), {"READY": "1", "STATUS": status})
        pgwarden.process.send_signal(signal.SIGTERM)
        stopping = manager.next()
        self.assertEqual(stopping["STOPPING"], "1")
        self.assertGreater(int(stopping["EXTEND_TIMEOUT_USEC"]), 90_000_000)
        self.assertEqual(pgwarden.process.wait(60), 0)

    def test_handing_over_is_not_the_end(self):
        # systemd would kill it, sessions and all, after TimeoutStopSec.
        pgwarden, manager = self.start()
        manager.next()
        pgwarden.process.send_signal(signal.SIGUSR1)
        self.assertEqual(set(manager.next()), {"STATUS"})

    def test_the_watchdog_hears_nothing_while_a_worker_hangs(self):
        pgwarden, manager = self.start(WATCHDOG_USEC=str(WATCHDOG_S * 1_000_000))
        self.assertTrue(manager.hears("WATCHDOG=1", 3, 60))
        process = pgwarden.process.pid
        threads = [int(thread) for thread in os.listdir(f"/proc/{process}/task") if int(thread) != process]
        silent = 0
        for thread in threads:
            with self.hanging(thread):
                manager.forget()
                # One may have been under way.
                silent += not manager.hears("WATCHDOG=1", 2, 6 * WATCHDOG_S)
            self.assertTrue(manager.hears("WATCHDOG=1", 2, 60))
        self.assertEqual(silent, WORKERS)

    @contextlib.contextmanager
    def hanging(self, thread):
        """One thread of a process stands still."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.ptrace(PTRACE_ATTACH, thread, None, None) != 0:
            self.skipTest(f"no thread can be stopped here: {os.strerror(ctypes.get_errno())}")
        libc.waitpid(thread, None, WALL)
        try:
            yield
        finally:
            libc.ptrace(PTRACE_DETACH, thread, None, None)

    def test_without_a_watchdog_there_are_no_signs_of_life(self):
        _, manager = self.start()
        manager.next()
        self.assertFalse(manager.hears("WATCHDOG=1", 1, 2))


class Sockets(ServerTest):
    def config(self, *addresses):
        folder = tempfile.TemporaryDirectory(prefix="pgwarden-test-")
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name, "pgwarden.yaml")
        listeners = "".join(f"  - {{listen: '{address}', upstream: 'postgres://127.0.0.1:{self.postgres.port}'}}\n"
                            for address in addresses)
        path.write_text(f"listeners:\n{listeners}", encoding="utf-8")
        return path

    def end(self, process):
        process.terminate()
        self.addCleanup(process.wait, 60)

    def one_through(self, address):
        connection = psycopg2.connect(host=address[0], port=address[1], user="postgres", dbname="postgres")
        try:
            return self.one(connection, "SELECT 1")
        finally:
            connection.close()

    def test_by_systemd_socket_activate(self):
        port, own_port = free_port(), free_port()
        folder = tempfile.mkdtemp(prefix="pgwarden-test-")
        path = f"{folder}/.s.PGSQL.6432"
        config = self.config(f"127.0.0.1:{port}", path, f"127.0.0.1:{own_port}")
        process = subprocess.Popen(["systemd-socket-activate", "-l", f"127.0.0.1:{port}", "-l", path, BINARY, "run",
                                    "--config", config], stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        self.assertTrue(eventually(lambda: pathlib.Path(path).exists(), 60))
        # It starts pgwarden when the first client comes, who waits in the queue meanwhile.
        self.assertEqual(self.one_through(("127.0.0.1", port)), 1)
        self.assertEqual(self.one_through((folder, 6432)), 1)
        self.assertEqual(self.one_through(("127.0.0.1", own_port)), 1)
        process.terminate()
        process.wait(60)
        self.assertTrue(pathlib.Path(path).exists(), "it was not pgwarden's to remove")
        pathlib.Path(path).unlink()
        pathlib.Path(folder).rmdir()

    def with_sockets(self, sockets, *arguments, **options):
        """pgwarden, started as systemd does it."""
        passed = " ".join(f"{3 + i}<&{descriptor.fileno() + 50}-" for i, descriptor in enumerate(sockets))
        kept = [os.dup2(descriptor.fileno(), descriptor.fileno() + 50) for descriptor in sockets]
        try:
            process = subprocess.Popen(
                ["bash", "-c", f'LISTEN_PID=$$ LISTEN_FDS={len(sockets)} exec "$@" {passed}', "bash", BINARY, "run",
                 *map(str, arguments)], pass_fds=kept, text=True, **options)
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            return process
        finally:
            for descriptor in kept:
                os.close(descriptor)

    def test_a_restart_keeps_the_queue(self):
        listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.addCleanup(listening.close)
        address = listening.getsockname()
        config = self.config(f"127.0.0.1:{address[1]}")
        for _ in range(3):
            # None of them is there when the clients come.
            peers = [socket.create_connection(address) for _ in range(20)]
            process = self.with_sockets([listening], "--config", config, stderr=subprocess.DEVNULL)
            for peer in peers:
                with peer:
                    peer.settimeout(60)
                    peer.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
                    self.assertEqual(peer.recv(1), b"N")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(60), 0)

    def test_a_socket_that_no_listener_has_is_an_error(self):
        config = self.config(f"127.0.0.1:{free_port()}")
        for kind, address in ((socket.SOCK_STREAM, ("127.0.0.1", 0)), (socket.SOCK_DGRAM, ("127.0.0.1", 0))):
            with socket.socket(socket.AF_INET, kind) as other:
                other.bind(address)
                if kind == socket.SOCK_STREAM:
                    other.listen()
                process = self.with_sockets([other], "--config", config, stderr=subprocess.PIPE)
                errors = process.communicate(timeout=60)[1]
                self.assertEqual(process.returncode, 2)
                self.assertIn("file descriptor 3 of LISTEN_FDS is no listening stream socket with the address of a "
                              "listener", errors)

    def test_a_command_does_not_inherit_them(self):
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        process = self.with_sockets(
            [listening], f"postgres://postgres@127.0.0.1:{self.postgres.port}/postgres", "--listen", address, "--", "sh",
            "-c", "env; ls -l /proc/self/fd; psql -X -A -t -c 'SELECT 20 + 22' \"$DATABASE_URL\"",
            stdout=subprocess.PIPE)
        output = process.communicate(timeout=60)[0]
        self.assertIn("\n42\n", output)
        self.assertNotIn("LISTEN_", output)
        self.assertNotIn(f"[{os.stat(listening.fileno()).st_ino}]", output)


class Unit(ServerTest):
    """The unit file, without systemd: what it lets pgwarden do is enough."""

    def sandboxed(self, *command):
        return [*PYTHON, str(pathlib.Path(__file__).with_name("sandboxed.py")), str(UNIT), *command]

    @unittest.skipIf(os.environ.get("PGWARDEN_SANITIZE"), "sanitizers need more")
    def test_its_sandbox_is_enough(self):
        pgwarden = Pgwarden(BINARY, self.postgres)
        wrapper = pathlib.Path(pgwarden.directory, "pgwarden")
        wrapper.write_text(f"#!/bin/sh\nexec {' '.join(self.sandboxed(BINARY))} \"$@\"\n", encoding="ascii")
        wrapper.chmod(0o755)
        pgwarden.binary = str(wrapper)
        with pgwarden:
            filters = re.search(r"^Seccomp:\s*(\d)", pathlib.Path(f"/proc/{pgwarden.process.pid}/status").read_text(
                encoding="ascii"), re.MULTILINE)
            self.assertEqual(filters[1], "2")
            for host, port in (pgwarden.protected, pgwarden.unprotected, pgwarden.unix_socket):
                connection = psycopg2.connect(host=host, port=port, user="postgres", dbname="postgres")
                self.assertEqual(self.one(connection, "SELECT 1"), 1)
                connection.close()
            pgwarden.process.send_signal(signal.SIGHUP)
            self.assertTrue(eventually(lambda: '"reloaded"' in pgwarden.log_text()))
            pgwarden.process.send_signal(signal.SIGTERM)
            self.assertEqual(pgwarden.process.wait(60), 0)
            self.assertNotIn("not permitted", pgwarden.log_text())
            self.assertNotIn("open files", pgwarden.log_text())

    @unittest.skipIf(os.environ.get("PGWARDEN_SANITIZE"), "the same with every binary")
    def test_its_sandbox_is_one(self):
        for attempt, expected in (("import socket; socket.socket(socket.AF_NETLINK)", "PermissionError"),
                                  ("import os; os.chroot('/')", "PermissionError"),
                                  ("import mmap; mmap.mmap(-1, 4096, prot=7)", "PermissionError"),
                                  ("import socket; socket.socket()", "")):
            done = subprocess.run(self.sandboxed(*PYTHON, "-c", attempt), capture_output=True, text=True, check=False)
            self.assertIn(expected, done.stderr or "")
            self.assertEqual(done.returncode, 1 if expected else 0, done.stderr)

    def test_systemd_understands_it(self):
        folder = tempfile.TemporaryDirectory(prefix="pgwarden-test-")
        self.addCleanup(folder.cleanup)
        for unit in UNIT.parent.glob("pgwarden.s[eo]*"):
            text = unit.read_text(encoding="utf-8").replace("/usr/bin/pgwarden", BINARY)
            pathlib.Path(folder.name, unit.name).write_text(text, encoding="utf-8")
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"{folder.name}/pgwarden.service",
                               f"{folder.name}/pgwarden.socket"], capture_output=True, text=True, check=False)
        version = int(re.search(r"\d+", subprocess.run(["systemctl", "--version"], check=True, capture_output=True,
                                                       text=True).stdout)[0])
        complaints = [line for line in done.stderr.splitlines()
                      if "pgwarden" in line and not (version < 253 and "ignoring: notify-reload" in line)]
        self.assertEqual(complaints, [])

    def test_what_it_protects(self):
        done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", UNIT],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
