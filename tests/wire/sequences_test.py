#!/usr/bin/env python3
"""Plays every sequence of extended messages up to a length directly and through pgwarden, and compares the answers.

usage: sequences_test.py PGWARDEN

A case is LENGTH or fewer of the MESSAGES in any order, with a Sync behind. Many cases are sent at a time.
"""

import itertools
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402
from wire import transcript  # noqa: E402
from wire.player import Player, _message  # noqa: E402
from wire.scenario import TIMED_OUT, UNPARSABLE, Scenario  # noqa: E402

LENGTH = 4
BATCH = 50  # of so few cases pgwarden keeps the words of every denial until the server has answered
DENIED = "DROP TABLE nowhere"  # the direct session gets a text that does not parse in its place
MESSAGES = {
    "Parse": ("Parse", ["s", "SELECT generate_series(1, 3)"]),
    "Parse bad": ("Parse", ["s", "SELECT nothing FROM nowhere"]),
    "Parse denied": ("Parse", ["s", DENIED]),
    "Bind": ("Bind", ["p", "s"]),
    "Bind unknown": ("Bind", ["p", "unknown"]),
    "Describe S": ("Describe", ["S", "s"]),
    "Describe P": ("Describe", ["P", "p"]),
    "Execute": ("Execute", ["p"]),
    "Execute limit 1": ("Execute", ["p", "1"]),
    "Close S": ("Close", ["S", "s"]),
    "Close P": ("Close", ["P", "p"]),
    "Flush": ("Flush", []),
    "Sync": ("Sync", []),
}


def encode(name, direct):
    kind, args = MESSAGES[name]
    return _message(kind, [UNPARSABLE if direct and arg == DENIED else arg for arg in args])


class Session:
    def __init__(self, address, direct, piece=None):
        self.frames = {name: encode(name, direct) for name in MESSAGES}
        self.player = Player(address, direct, piece)
        self.player.startup("postgres", "postgres", [], (3, 0))
        self.player.until("Z", 1)

    def play(self, cases):
        """What is received for each of `cases`. The statement is closed behind each, so that all begin alike."""
        session = self.player
        session.outgoing = b"".join(
            b"".join(map(self.frames.get, case)) + self.frames["Sync"] + self.frames["Close S"] + self.frames["Sync"]
            for case in cases
        )
        for case in cases:
            session.received = []
            try:
                session.until("Z", 2 + case.count("Sync"))
            except TimeoutError:
                session.received.append(TIMED_OUT)
            yield session.received


def difference(direct, proxied):
    if direct == proxied:
        return ""
    plain = Scenario("", "")
    return transcript.difference(list(transcript.lines(direct, plain)), list(transcript.lines(proxied, plain)))


def main():
    binary = sys.argv[1]
    started = time.monotonic()
    cases = [case for length in range(LENGTH + 1) for case in itertools.product(MESSAGES, repeat=length)]
    messages = 0
    with ScratchPostgres("log_min_messages = fatal") as postgres, Pgwarden(binary, postgres) as pgwarden:
        direct = Session(postgres.address, True)
        proxied = [Session(pgwarden.protected, False, piece) for piece in (None, 7)]
        for at in range(0, len(cases), BATCH):
            batch = cases[at : at + BATCH]
            for case, expected, *received in zip(batch, direct.play(batch), *(session.play(batch) for session in proxied)):
                messages += len(expected)
                for each in received:
                    if found := difference(expected, each):
                        print(f"FAIL  {', '.join(case)}, Sync\n{found}")
                        return 1  # what follows is out of step
        for session in (direct, *proxied):
            session.player.socket.close()
    print(f"{len(cases)} sequences passed: {messages} messages, {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
