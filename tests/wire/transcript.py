"""What a session received, as lines that can be compared and read: without what must differ."""

import difflib
import hashlib
import re
import struct

from wire import player
from wire.scenario import UNPARSABLE

NAMES = {
    "R": "Authentication", "K": "BackendKeyData", "S": "ParameterStatus", "Z": "ReadyForQuery", "T": "RowDescription",
    "D": "DataRow", "C": "CommandComplete", "I": "EmptyQueryResponse", "E": "ErrorResponse", "N": "NoticeResponse",
    "A": "NotificationResponse", "1": "ParseComplete", "2": "BindComplete", "3": "CloseComplete", "n": "NoData",
    "t": "ParameterDescription", "s": "PortalSuspended", "V": "FunctionCallResponse", "G": "CopyInResponse",
    "H": "CopyOutResponse", "W": "CopyBothResponse", "d": "CopyData", "c": "CopyDone", "v": "NegotiateProtocolVersion",
}  # fmt: skip
_SHOWN_BYTES = 1 << 16
_LSN = re.compile(rb"\b[0-9A-F]{1,8}/[0-9A-F]{1,8}\b")


def lines(received, scenario):
    """One line a message, made so that equal lines are equal messages, but for:

    process ids, the cancel key and the random parts of a password exchange; the words of a denial, and of every error
    where pgwarden has its own; on a replication connection positions in the WAL, times and keepalives.
    """
    replicating = False
    previous = ""
    for tag, body in received:
        replicating = replicating or tag == "W"
        if replicating and tag == "d":
            if body[:1] == b"k":
                continue
            body = b"XLogData " + body[25:]
        line = f"{NAMES.get(tag, tag)} {_words(tag, body, scenario)}".rstrip()
        if not (scenario.any_number and line == previous):
            yield line
        previous = line


def with_own_answers(direct, scenario):
    """The lines of a direct session as they are due through pgwarden."""
    due = list(direct)
    for old, new, _reason in scenario.own_answers:
        if old:
            due = [new if line.startswith(old) else line for line in due]
        else:
            due.append(new)
    return due


def _words(tag, body, scenario):
    if len(body) > _SHOWN_BYTES:
        return f"{len(body)} bytes {hashlib.sha256(body).hexdigest()}"
    if tag == "K":
        return f"{len(body)} bytes"
    if tag == "A":
        return repr(body[4:])
    if tag == "R":
        return _authentication(*struct.unpack("!I", body[:4]), body[4:])
    if scenario.replication:
        body = _LSN.sub(b"LSN", body)
    if tag == "E":
        return _error(body, scenario)
    return repr(body)[2:-1]


def _authentication(kind, data):
    if kind == 5:
        return f"MD5 salt of {len(data)} bytes"
    if kind == 11:  # the nonce is random, salt and iterations are the role's
        return "SASLContinue " + re.sub("r=[^,]*", "r=", data.decode())
    if kind == 12:
        return f"SASLFinal {len(data)} bytes"
    return f"{kind} {data!r}"


def _error(body, scenario):
    fields = player.error_fields(body)
    if player.is_denial(("E", body)) or UNPARSABLE in fields.get("M", ""):
        return f"{fields['V']} denied"
    if scenario.own_words:
        return f"{fields['V']} {fields['C']}"
    return " ".join(f"{code}={value!r}" for code, value in fields.items())


def difference(direct, proxied):
    """A unified diff of two lists of lines, cut where it gets long; empty when they are equal."""
    diff = list(difflib.unified_diff(direct, proxied, "direct", "pgwarden", lineterm=""))
    return "\n".join(line if len(line) <= 300 else line[:300] + "..." for line in diff[:40])
