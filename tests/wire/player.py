"""Plays a scenario of frontend messages against a server and returns what came back.

A scenario is a text file, one step a line; strings are in double quotes with Python's escapes.

    Query SQL | Parse NAME SQL [OID...] | Bind PORTAL NAME [VALUE|NULL...] | Describe S|P NAME | Execute PORTAL [ROWS]
    Close S|P NAME | Sync | Flush | CopyData TEXT | CopyDone | CopyFail TEXT | FunctionCall OID [VALUE...] | Terminate
        append a message to what is sent next
    raw HEX             append bytes
    until TYPE [N]      send, then read until N messages of that type have come
    send                send without reading
    pause SECONDS
    startup NAME VALUE  a startup parameter beside user and database (before the first message)
    protocol MAJOR.MINOR
    leave               close the sending side and read to the end (instead of Terminate)
    unprotected         through pgwarden's listener whose upstream is not protected
    check SQL RESULT    afterwards, on a connection of its own: the first column of the first row

A text written deny"..." is one that pgwarden must deny: the direct session gets a text that does not parse in its
place, so that both sessions fail at the same step.
"""

import re
import socket
import struct
import time

UNPARSABLE = "not_a_statement"
TIMEOUT_S = 20

_WORD = re.compile(r'\s*(deny)?("(?:[^"\\]|\\.)*"|\S+)')


class Step:
    def __init__(self, line):
        self.words = []
        self.denied = []
        position = 0
        text = line.strip()
        while position < len(text):
            match = _WORD.match(text, position)
            word = match.group(2)
            if word.startswith('"'):
                word = word[1:-1].encode().decode("unicode_escape")
            self.words.append(word)
            self.denied.append(match.group(1) is not None)
            position = match.end()
        self.name = self.words[0]

    def arguments(self, direct):
        return [
            UNPARSABLE if denied and direct else word
            for word, denied in zip(self.words[1:], self.denied[1:])
        ]


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [Step(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]


def _frame(tag, body):
    return tag.encode() + struct.pack("!I", len(body) + 4) + body


def _string(text):
    return text.encode() + b"\0"


def _values(values):
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value == "NULL" else struct.pack("!I", len(value.encode())) + value.encode()
    return body


def _message(name, args):
    if name == "Query":
        return _frame("Q", _string(args[0]))
    if name == "Parse":
        oids = [int(oid) for oid in args[2:]]
        types = struct.pack("!H", len(oids)) + b"".join(struct.pack("!I", oid) for oid in oids)
        return _frame("P", _string(args[0]) + _string(args[1]) + types)
    if name == "Bind":
        return _frame("B", _string(args[0]) + _string(args[1]) + b"\0\0" + _values(args[2:]) + b"\0\0")
    if name == "BindBinary":
        return _frame("B", _string(args[0]) + _string(args[1]) + b"\0\0" + _values(args[2:]) + b"\0\1\0\1")
    if name in ("Describe", "Close"):
        return _frame(name[0], args[0].encode() + _string(args[1]))
    if name == "Execute":
        return _frame("E", _string(args[0]) + struct.pack("!I", int(args[1]) if len(args) > 1 else 0))
    if name == "FunctionCall":
        return _frame("F", struct.pack("!I", int(args[0])) + b"\0\0" + _values(args[1:]) + b"\0\0")
    if name == "CopyData":
        return _frame("d", args[0].encode())
    if name == "CopyFail":
        return _frame("f", _string(args[0]))
    if name == "raw":
        return bytes.fromhex("".join(args))
    simple = {"Sync": "S", "Flush": "H", "CopyDone": "c", "Terminate": "X"}
    return _frame(simple[name], b"")


class Player:
    """One session. `piece`: how many bytes are given to each send; None sends a batch at once."""

    def __init__(self, address, direct, piece=None):
        self.socket = socket.create_connection(address, TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.direct = direct
        self.piece = piece
        self.buffer = b""
        self.received = []
        self.outgoing = b""

    def startup(self, user, database, parameters, version):
        body = struct.pack("!HH", *version)
        for name, value in [("user", user), ("database", database), *parameters]:
            body += _string(name) + _string(value)
        self.outgoing += struct.pack("!I", len(body) + 5) + body + b"\0"

    def query(self, sql):
        self.outgoing += _message("Query", [sql])

    def send(self):
        data, self.outgoing = self.outgoing, b""
        try:
            for at in range(0, len(data), self.piece or len(data) or 1):
                self.socket.sendall(data[at : at + (self.piece or len(data))])
        except (BrokenPipeError, ConnectionResetError):
            pass  # the peer has ended the session: its last words are still to be read

    def read_message(self):
        """The next message as (type, body); None at the end of the stream."""
        while len(self.buffer) < 5 or len(self.buffer) < 1 + struct.unpack("!I", self.buffer[1:5])[0]:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                if self.buffer:
                    self.received.append(("cut", self.buffer))
                    self.buffer = b""
                return None
            self.buffer += data
        size = 1 + struct.unpack("!I", self.buffer[1:5])[0]
        message = (chr(self.buffer[0]), self.buffer[5:size])
        self.buffer = self.buffer[size:]
        self.received.append(message)
        return message

    def until(self, tag, count):
        if self.outgoing:
            self.send()
        while count > 0:
            message = self.read_message()
            if message is None:
                return
            count -= message[0] == tag

    def finish(self):
        while self.read_message() is not None:
            pass
        self.socket.close()


def play(steps, address, direct, user, database, piece=None):
    """The messages that a session gets, from its start to the end of the stream."""
    player = Player(address, direct, piece)
    parameters = [tuple(step.words[1:]) for step in steps if step.name == "startup"]
    version = (3, 0)
    for step in steps:
        if step.name == "protocol":
            version = tuple(int(part) for part in step.words[1].split("."))
    player.startup(user, database, parameters, version)
    if not any(step.name == "pipelined-login" for step in steps):
        player.until("Z", 1)
    for step in steps:
        args = step.arguments(direct)
        if step.name in ("startup", "protocol", "unprotected", "check", "pipelined-login"):
            continue
        if step.name == "until":
            player.until(args[0], int(args[1]) if len(args) > 1 else 1)
        elif step.name == "send":
            player.send()
        elif step.name == "pause":
            time.sleep(float(args[0]))
        elif step.name == "leave":
            player.send()
            player.socket.shutdown(socket.SHUT_WR)
            player.finish()
            return player.received
        else:
            player.outgoing += _message(step.name, args)
    player.outgoing += _message("Terminate", [])
    player.send()
    player.finish()
    return player.received


def error_fields(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode(errors="replace")
    return fields


def is_denial(message):
    return message[0] == "E" and "(pgwarden " in error_fields(message[1]).get("M", "")


def normalised(message):
    """The message without what must differ: process ids, the cancel key, and the words of a denial."""
    tag, body = message
    if tag == "K":
        return (tag, b"key of %d bytes" % len(body))
    if tag == "A":
        return (tag, body[4:])
    if tag == "E":
        fields = error_fields(body)
        if is_denial(message) or UNPARSABLE in fields.get("M", ""):
            return (tag, "denied", fields["V"])
        if fields["C"] == "08P01":  # pgwarden answers a malformed statement: without a place in the server's source
            return (tag, {code: value for code, value in fields.items() if code not in "FLR"})
    return message
