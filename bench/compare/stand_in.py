"""Stands in for a server where there are more sessions than a machine has memory for processes of PostgreSQL: lets
everybody in and answers the few queries of the benchmark's idle sessions as PostgreSQL would."""

import asyncio
import contextlib
import multiprocessing
import struct

from lib.servers import free_port, listens

TEXT_BYTES = 100_000
MOVED = f"SELECT repeat('x', {TEXT_BYTES})"
PARAMETERS = {"server_version": "17.0", "server_encoding": "UTF8", "client_encoding": "UTF8", "DateStyle": "ISO, MDY",
              "TimeZone": "UTC", "standard_conforming_strings": "on", "integer_datetimes": "on"}


def message(tag, body=b""):
    return tag + struct.pack("!I", len(body) + 4) + body


def row(value):
    description = struct.pack("!H", 1) + b"value\0" + struct.pack("!IHIhIH", 0, 0, 25, -1, 0xFFFFFFFF, 0)
    data = struct.pack("!HI", 1, len(value)) + value
    return message(b"T", description) + message(b"D", data) + message(b"C", b"SELECT 1\0") + message(b"Z", b"I")


MOVED_ROW = row(b"x" * TEXT_BYTES)
LOGIN = (message(b"R", struct.pack("!I", 0)) +
         b"".join(message(b"S", f"{name}\0{value}\0".encode()) for name, value in PARAMETERS.items()))


class Session(asyncio.Protocol):
    number = 0

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""
        self.logged_in = False

    def data_received(self, data):
        self.buffer += data
        head = 1 if self.logged_in else 0
        while len(self.buffer) >= head + 4:
            size = head + struct.unpack_from("!I", self.buffer, head)[0]
            if len(self.buffer) < size:
                break
            tag, body, self.buffer = self.buffer[:head], self.buffer[head + 4 : size], self.buffer[size:]
            self.transport.write(self.answer(tag, body))
            head = 1 if self.logged_in else 0

    def answer(self, tag, body):
        if not tag:
            if struct.unpack_from("!I", body)[0] != 3 << 16:
                return b"N"  # no TLS
            self.logged_in = True
            Session.number += 1
            return LOGIN + message(b"K", struct.pack("!II", Session.number, 1)) + message(b"Z", b"I")
        if tag == b"Q" and body.startswith(MOVED.encode()):
            return MOVED_ROW
        if tag == b"Q" and b"inet_client_port" in body:
            return row(str(self.transport.get_extra_info("peername")[1]).encode())
        if tag == b"Q":
            return message(b"C", b"SET\0") + message(b"Z", b"I")
        return b""


async def serve(port):
    server = await asyncio.get_running_loop().create_server(Session, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


class Process(multiprocessing.Process):
    def poll(self):
        return self.exitcode


@contextlib.contextmanager
def stand_in():
    """Its port."""
    port = free_port()
    process = Process(target=lambda: asyncio.run(serve(port)), daemon=True)
    process.start()
    try:
        if not listens(process, ("127.0.0.1", port)):
            raise RuntimeError("the stand-in for a server did not start")
        yield port
    finally:
        process.kill()
        process.join()
