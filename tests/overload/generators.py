"""What makes the load of the overload run: processes of the lowest priority, so that what is measured beside them is who is
served when, and not who of the clients has the processor."""

import contextlib
import multiprocessing
import os
import selectors
import socket
import struct
import time

from wire import player

_processes = multiprocessing.get_context("fork")
_STARTUP = b"user\0postgres\0database\0postgres\0\0"
_CONNECTING_AT_ONCE = 50


class _Client:
    """One session that sends `query` whenever the server is ready; with none it stays idle once it is logged in."""

    def __init__(self, address, query):
        self.socket = socket.create_connection(address, 60)
        self.socket.sendall(player.packet(3 << 16, _STARTUP))
        self.query = query
        self.ready = False
        self.rest = b""

    def read(self):
        """How often the server has become ready; raises EOFError when it has ended the session."""
        data = self.socket.recv(65536)
        if not data:
            raise EOFError(self.rest)
        data = self.rest + data
        at = times = 0
        while len(data) - at >= 5:
            end = at + 1 + struct.unpack_from("!I", data, at + 1)[0]
            if end > len(data):
                break
            times += data[at] == ord("Z")
            at = end
        self.rest = data[at:]
        if times:
            self.ready = True
            if self.query:
                self.socket.sendall(self.query)
        return times


class _Running:
    """A generator for the time of a `with`. `count` is what it has done so far, `ready` set when its load is complete."""

    def __init__(self, run, *arguments, lowest=True):
        self._count = _processes.Value("Q", 0)
        self.ready = _processes.Event()
        self._process = _processes.Process(target=self._run, args=(run, lowest, *arguments), daemon=True)

    def _run(self, run, lowest, *arguments):
        if lowest:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        run(self._count, self.ready, *arguments)

    def __enter__(self):
        self._process.start()
        while not self.ready.wait(0.1):
            if not self._process.is_alive():
                raise RuntimeError("a generator has ended")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.join()

    @property
    def count(self):
        return self._count.value


def _sessions(count, ready, address, sessions, sql):
    query = player._message("Query", [sql]) if sql else None
    with selectors.DefaultSelector() as selector:
        logging_in = opened = 0
        while True:
            while opened < sessions and logging_in < _CONNECTING_AT_ONCE:
                client = _Client(address, query)
                selector.register(client.socket, selectors.EVENT_READ, client)
                opened, logging_in = opened + 1, logging_in + 1
            for key, _ in selector.select():
                was_ready = key.data.ready
                count.value += key.data.read()
                logging_in -= key.data.ready and not was_ready
            if opened == sessions and logging_in == 0:
                ready.set()


def sessions(address, number, sql=None, lowest=True):
    """So many sessions, each of which sends `sql` again and again, or is idle; what is counted is the answers."""
    return _Running(_sessions, address, number, sql, lowest=lowest)


def _connections(count, ready, address, open_at_once):
    held = []
    ready.set()
    while True:
        held.append(socket.socket())
        held[-1].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            held[-1].connect(address)
        count.value += 1
        if len(held) > open_at_once:
            held.pop(0).close()
        if count.value % 100 == 0:
            time.sleep(0.001)


def connections(address, open_at_once):
    """One new connection after the other that says nothing; of more than `open_at_once` the oldest is closed."""
    return _Running(_connections, address, open_at_once)


def _computing(count, ready):
    ready.set()
    while True:
        count.value += 1


def computing():
    """A process that only keeps a processor busy, as each generator does besides what it sends."""
    return _Running(_computing)
