"""One session on the wire: frontend messages made and sent, backend messages read; nothing of libpq in between."""

import base64
import hashlib
import hmac
import random
import socket
import struct
import time

TIMEOUT_S = 20
CANCEL, SSL, GSSENC = (0x04D20000 + code for code in (0x162E, 0x162F, 0x1630))

# When bytes are sent in pieces, so many of each message are; the rest of a larger one follows at once.
_CUT_BYTES = 256
# Between single bytes, so that each is read by itself: the reader would find several at once otherwise.
GAP_S = 0.00005
# In place of a size: pieces of any size, with pauses of any length between them; the same again in each run.
RANDOM = "random"


class Cuts:
    """Sizes of pieces and the pauses behind them. `piece`: a size, or RANDOM."""

    def __init__(self, piece):
        self.piece = piece
        self.random = random.Random(0)

    def size(self):
        return self.random.choice((1, 2, 3, 4, 5, 6, 8, 13, 40, 200)) if self.piece == RANDOM else self.piece

    def pause(self):
        if self.piece == RANDOM:
            time.sleep(self.random.choice((0, 0, GAP_S, 0.001)))
        elif self.piece == 1:
            time.sleep(GAP_S)


def _frame(tag, body):
    return tag.encode() + struct.pack("!I", len(body) + 4) + body


def packet(code, body=b""):
    """What has no type byte: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest."""
    return struct.pack("!II", len(body) + 8, code) + body


def _text(text):
    return text.encode(errors="surrogateescape")


def _string(text):
    return _text(text) + b"\0"


def _values(values):
    body = struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value == "NULL" else struct.pack("!I", len(_text(value))) + _text(value)
    return body


def _formats(args):
    """Takes `in:CODES` and `out:CODES` off the end of `args`: the format codes of parameters and of results."""
    formats = {"in": b"\0\0", "out": b"\0\0"}
    while args and args[-1].split(":")[0] in formats:
        direction, codes = args.pop().split(":")
        codes = [int(code) for code in codes.split(",")]
        formats[direction] = struct.pack(f"!H{len(codes)}H", len(codes), *codes)
    return formats


def _message(name, args):
    args = list(args)
    if name == "Query":
        return _frame("Q", _string(args[0]))
    if name == "Parse":
        oids = [int(oid) for oid in args[2:]]
        types = struct.pack("!H", len(oids)) + b"".join(struct.pack("!I", oid) for oid in oids)
        return _frame("P", _string(args[0]) + _string(args[1]) + types)
    if name == "Bind":
        formats = _formats(args)
        names = _string(args[0]) + _string(args[1])
        return _frame("B", names + formats["in"] + _values(args[2:]) + formats["out"])
    if name in ("Describe", "Close"):
        return _frame(name[0], args[0].encode() + _string(args[1]))
    if name == "Execute":
        return _frame("E", _string(args[0]) + struct.pack("!i", int(args[1]) if len(args) > 1 else 0))
    if name == "FunctionCall":
        formats = _formats(args)
        result = formats["out"][2:] or b"\0\0"
        return _frame("F", struct.pack("!I", int(args[0])) + formats["in"] + _values(args[1:]) + result)
    if name == "CopyData":
        return _frame("d", _text(args[0]))
    if name == "CopyFail":
        return _frame("f", _string(args[0]))
    if name == "PasswordMessage":
        return _frame("p", _string(args[0]))
    if name == "SASLInitialResponse":
        data = _text(args[1])
        return _frame("p", _string(args[0]) + struct.pack("!I", len(data)) + data)
    if name == "SASLResponse":
        return _frame("p", _text(args[0]))
    simple = {"Sync": "S", "Flush": "H", "CopyDone": "c", "Terminate": "X"}
    return _frame(simple[name], b"")


def md5_password(user, password, salt):
    inner = hashlib.md5((password + user).encode()).hexdigest()
    return "md5" + hashlib.md5(inner.encode() + salt).hexdigest()


def scram_final(first, server_first, password):
    """The client-final-message of SCRAM-SHA-256 without channel binding (RFC 5802)."""
    fields = dict(field.split("=", 1) for field in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    without_proof = f"c=biws,r={fields['r']}"
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signed = ",".join((first.removeprefix("n,,"), server_first, without_proof)).encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature))
    return f"{without_proof},p={base64.b64encode(proof).decode()}"


def _pieces(data, cuts):
    """Cuts `data`: the first _CUT_BYTES of each message, the rest of it in one."""
    at = 0
    while at < len(data):
        end = cut = len(data)
        if data[at] and end - at >= 5:  # a type byte; anything else is small
            length = struct.unpack_from("!I", data, at + 1)[0]
            end = min(end, at + 1 + max(length, 4))
            cut = min(end, at + _CUT_BYTES)
        while at < cut:
            size = min(cuts.size(), cut - at)
            yield data[at : at + size]
            at += size
        if cut < end:
            yield data[cut:end]
        at = end


class Player:
    """One session. `piece`: how many bytes are given to each send, or RANDOM; None sends a batch at once. `source`: the address
    to come from."""

    def __init__(self, address, direct, piece=None, source=""):
        self.socket = socket.create_connection(address, TIMEOUT_S, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address = address
        self.direct = direct
        self.cuts = Cuts(piece) if piece else None
        self.sends = 0
        self.buffer = bytearray()
        self.received = []
        self.outgoing = b""

    def startup(self, user, database, parameters, version):
        parameters = [("user", user), ("database", database), *parameters]
        body = b"".join(_string(name) + _string(value) for name, value in parameters if value is not None)
        self.outgoing += packet(version[0] << 16 | version[1], body + b"\0")

    def log_in(self, user, password):
        """Answers what the server asks, up to AuthenticationOk or an error."""
        self.send()
        first = "n,,n=,r=abcdefghijkl"
        while (message := self.read_message()) is not None and message[0] == "R":
            request, data = struct.unpack("!I", message[1][:4])[0], message[1][4:]
            if request == 0:
                return
            if request == 3:
                self.outgoing = _message("PasswordMessage", [password])
            elif request == 5:
                self.outgoing = _message("PasswordMessage", [md5_password(user, password, data)])
            elif request == 10:
                self.outgoing = _message("SASLInitialResponse", ["SCRAM-SHA-256", first])
            elif request == 11:
                self.outgoing = _message("SASLResponse", [scram_final(first, data.decode(), password)])
            self.send()

    def query(self, sql):
        self.outgoing += _message("Query", [sql])

    def send(self):
        data, self.outgoing = self.outgoing, b""
        pieces = _pieces(data, self.cuts) if self.cuts else [data]
        try:
            for piece in pieces:
                self.socket.sendall(piece)
                self.sends += 1
                if self.cuts:
                    self.cuts.pause()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the peer has ended the session: its last words are still to be read

    def _fill(self, size):
        """Reads until the buffer holds `size` bytes; False at the end of the stream."""
        while len(self.buffer) < size:
            try:
                data = self.socket.recv(max(65536, min(size - len(self.buffer), 1 << 20)))
            except ConnectionResetError:
                data = b""
            if not data:
                if self.buffer:
                    self.received.append(("cut", bytes(self.buffer)))
                    self.buffer.clear()
                return False
            self.buffer += data
        return True

    def _take(self, size):
        data = bytes(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        return data

    def read_message(self):
        """The next message as (type, body); None at the end of the stream."""
        if not self._fill(5):
            return None
        size = 1 + struct.unpack_from("!I", self.buffer, 1)[0]
        if not self._fill(size):
            return None
        data = self._take(size)
        message = (chr(data[0]), data[5:])
        self.received.append(message)
        return message

    def read_byte(self):
        """The answer to an SSLRequest or GSSENCRequest."""
        if self.outgoing:
            self.send()
        if self._fill(1):
            self.received.append(("answer", self._take(1)))

    def until(self, tag, count):
        """Sends, and reads until `count` messages of that type have come, or the end of the session."""
        if self.outgoing:
            self.send()
        while count > 0:
            message = self.read_message()
            if message is None:
                return
            count -= message[0] == tag

    def until_text(self, text):
        self.send()
        while (message := self.read_message()) is not None and text not in message[1]:
            pass

    def cancel(self, key):
        with socket.create_connection(self.address, TIMEOUT_S) as request:
            request.sendall(packet(CANCEL, key))
            request.recv(1)  # the end: the server has sent the signal by then

    def end_of_sending(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the peer has ended the session

    def finish(self):
        while self.read_message() is not None:
            pass
        self.socket.close()


def error_fields(body):
    fields = {}
    for part in body.split(b"\0"):
        if part:
            fields[chr(part[0])] = part[1:].decode(errors="replace")
    return fields


def is_denial(message):
    return message[0] == "E" and "(pgwarden " in error_fields(message[1]).get("M", "")
