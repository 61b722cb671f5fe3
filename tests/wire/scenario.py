r"""The language of scenarios, and how one is played.

A scenario is a text file, one step a line; `#` begins a comment line. Words are bare or in double quotes with
Python's escapes; "\udcff" is the byte ff. `3*"ab"` is "ababab", `3,"ab"` three words, and `+` between two words
joins them.

Settings, for the whole scenario:
    user NAME | database NAME   instead of postgres and the scratch database
    startup NAME VALUE          a startup parameter beside these
    protocol MAJOR.MINOR
    unprotected                 through pgwarden's listener whose upstream is not protected
    by-hand                     nothing is sent before the first step (otherwise the login is played to its end)
    uncut REASON                played whole only
    huge                        played whole only, and not under a sanitizer
    own-words REASON            pgwarden answers here itself: errors are compared by severity and SQLSTATE alone
    own-answer DIRECT PGWARDEN REASON
                                the same; and in place of a message that begins with DIRECT, as a failed comparison
                                prints it, pgwarden sends PGWARDEN; with "" for DIRECT it sends that in the end
    any-number REASON           so many equal messages in a row count as one
Messages, appended to what is sent next:
    StartupMessage | SSLRequest | GSSENCRequest | Query SQL | Parse NAME SQL [OID...] | Describe S|P NAME
    Bind PORTAL NAME [VALUE|NULL...] [in:CODE,...] [out:CODE,...] | Execute PORTAL [ROWS] | Close S|P NAME | Sync
    Flush | CopyData TEXT | CopyDone | CopyFail TEXT | FunctionCall OID [VALUE|NULL...] [in:CODE,...] [out:CODE]
    Terminate | PasswordMessage TEXT | SASLInitialResponse MECHANISM TEXT | SASLResponse TEXT
    md5-password PASSWORD | scram-first | scram-final PASSWORD
                                the answer to what the server asked last
    raw HEX... | bytes TEXT     any bytes
Other steps:
    until TYPE [N]              send, then read until N messages of that type have come
    until-text TEXT             the same until a message that holds TEXT
    answer                      send, then read the one byte that answers SSLRequest or GSSENCRequest
    send                        send without reading
    pieces N                    from here on so many bytes to a send, however the scenario is being played
    pause SECONDS
    leave                       close the sending side and read to the end (instead of Terminate)
    vanish                      close the connection unread (instead of Terminate)
    cancel [wrong]              a CancelRequest with this session's key, or with another secret
    other SQL                   run on a second session, which stays open and is not played through pgwarden
    await SQL                   until it gives true
    check SQL RESULT            afterwards, on a connection of its own: the first column of the first row

A text written deny"..." is one that pgwarden must deny: the direct session gets a text that does not parse in its
place, so that both sessions fail at the same step.
"""

import re
import time

from wire import player

UNPARSABLE = "not_a_statement"
SETTINGS = ("user", "database", "startup", "protocol", "unprotected", "by-hand", "uncut", "huge", "own-words", "own-answer",
            "any-number")  # fmt: skip
TIMED_OUT = ("timed out", b"")
SCRAM_FIRST = "n,,n=,r=abcdefghijklmnop"

_WORD = re.compile(r'\s*(deny)?(?:(\d+)([*,]))?("(?:[^"\\]|\\.)*"|\S+)')


class Step:
    def __init__(self, line):
        self.words = []
        self.denied = []
        position = 0
        joining = False
        text = line.strip()
        while position < len(text):
            match = _WORD.match(text, position)
            position = match.end()
            denied, times, how, word = match.groups()
            if word == "+":
                joining = True
                continue
            if word.startswith('"'):
                word = re.sub(r"\\(?:u[0-9a-f]{4}|x[0-9a-f]{2}|.)", _unescaped, word[1:-1])
            if how == "*":
                word *= int(times)
            if joining:
                self.words[-1] += word
            else:
                count = int(times) if how == "," else 1
                self.words += [word] * count
                self.denied += [denied is not None] * count
            joining = False
        self.name = self.words[0]

    def arguments(self, direct):
        return [
            UNPARSABLE if denied and direct else word
            for word, denied in zip(self.words[1:], self.denied[1:])
        ]


def _unescaped(match):
    return match.group().encode().decode("unicode_escape")


class Scenario:
    def __init__(self, name, text):
        self.name = name
        steps = [Step(line) for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        self.steps = [step for step in steps if step.name not in SETTINGS and step.name != "check"]
        self.checks = self._all(steps, "check")
        self.own_answers = self._all(steps, "own-answer")
        self.parameters = self._all(steps, "startup")
        self.replication = any(name == "replication" for name, _ in self.parameters)
        self.user = self._last(steps, "user", "postgres")
        self.database = self._last(steps, "database", None)
        self.version = tuple(int(part) for part in self._last(steps, "protocol", "3.0").split("."))
        flags = {step.name for step in steps}
        self.own_words = "own-words" in flags or bool(self.own_answers)
        self.any_number = "any-number" in flags
        self.unprotected = "unprotected" in flags
        self.by_hand = "by-hand" in flags
        self.huge = "huge" in flags
        self.uncut = self.huge or "uncut" in flags
        self.expects_denial = any(any(step.denied) for step in steps)

    @staticmethod
    def _all(steps, name):
        return [step.words[1:] for step in steps if step.name == name]

    def _last(self, steps, name, default):
        return ([[default]] + self._all(steps, name))[-1][0]


class Play:
    """A scenario being played. `workspace` is the scratch database: its name, a second session, questions to it."""

    def __init__(self, scenario, workspace, address, direct, piece=None):
        self.scenario = scenario
        self.workspace = workspace
        self.session = player.Player(address, direct, piece)
        self.scram_first = ""

    def run(self):
        """The messages that the session gets, from its start to the end of the stream."""
        with self.session.socket:
            try:
                self._play()
            except TimeoutError:
                self.session.received.append(TIMED_OUT)
        return self.session.received

    def _play(self):
        if not self.scenario.by_hand:
            self._append("StartupMessage", [])
            self.session.until("Z", 1)
        for step in self.scenario.steps:
            args = step.arguments(self.session.direct)
            action = getattr(self, "_" + step.name.replace("-", "_"), None)
            if action:
                action(*args)
            else:
                self._append(step.name, args)
            if step.name in ("leave", "vanish"):
                return
        self._append("Terminate", [])
        self.session.send()
        self.session.finish()

    def _append(self, name, args):
        session = self.session
        if name == "StartupMessage":
            database = self.workspace.database if self.scenario.database is None else self.scenario.database
            session.startup(self.scenario.user, database, self.scenario.parameters, self.scenario.version)
        elif name == "SSLRequest":
            session.outgoing += player.packet(player.SSL)
        elif name == "GSSENCRequest":
            session.outgoing += player.packet(player.GSSENC)
        elif name == "md5-password":
            salt = session.received[-1][1][4:]
            session.outgoing += player._message(
                "PasswordMessage", [player.md5_password(self.scenario.user, args[0], salt)]
            )
        elif name == "scram-first":
            session.outgoing += player._message("SASLInitialResponse", ["SCRAM-SHA-256", SCRAM_FIRST])
        elif name == "scram-final":
            server_first = session.received[-1][1][4:].decode()
            session.outgoing += player._message(
                "SASLResponse", [player.scram_final(SCRAM_FIRST, server_first, args[0])]
            )
        else:
            session.outgoing += player._message(name, args)

    def _raw(self, *digits):
        self.session.outgoing += bytes.fromhex("".join(digits))

    def _bytes(self, text):
        self.session.outgoing += text.encode(errors="surrogateescape")

    def _until(self, tag, count=1):
        self.session.until(tag, int(count))

    def _until_text(self, text):
        self.session.until_text(text.encode())

    def _answer(self):
        self.session.read_byte()

    def _send(self):
        self.session.send()

    def _pieces(self, size):
        self.session.cuts = player.Cuts(int(size))

    def _pause(self, seconds):
        time.sleep(float(seconds))

    def _leave(self):
        self.session.send()
        self.session.end_of_sending()
        self.session.finish()

    def _vanish(self):
        self.session.send()
        self.session.socket.close()

    def _cancel(self, secret="right"):
        key = next(body for tag, body in self.session.received if tag == "K")
        if secret == "wrong":
            key = key[:-1] + bytes([key[-1] ^ 1])
        self.session.cancel(key)

    def _other(self, sql):
        self.workspace.other(sql)

    def _await(self, sql):
        self.workspace.wait_for(sql)
