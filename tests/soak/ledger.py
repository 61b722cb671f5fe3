"""What must be in the table `ledger` at the end, and whether it is.

Each row is a number of one writer. The writer says of each of its numbers how it ended: WRITTEN (it is there exactly
once), REFUSED (it is not there: denied, rolled back, or its session ended before the transaction did) or UNCERTAIN (the
session ended before the answer: it is there at most once)."""

import dataclasses

# No unique key: a row that comes twice is to be seen.
TABLE = "CREATE TABLE ledger (writer int NOT NULL, n int NOT NULL); CREATE INDEX ON ledger (writer, n)"

UNSAID, WRITTEN, REFUSED, UNCERTAIN = range(4)
_WORDS = ("unsaid", "written", "refused", "uncertain")
_TIMES = {UNSAID: (), WRITTEN: (1,), REFUSED: (0,), UNCERTAIN: (0, 1)}


@dataclasses.dataclass
class Account:
    """What one writer did."""

    writer: int
    name: str
    ends: bytearray = dataclasses.field(default_factory=bytearray)  # of each number, how it ended
    denials: int = 0  # statements that pgwarden refused
    rounds: int = 0
    faults: list = dataclasses.field(default_factory=list)  # what should not have happened, in words

    def next(self, count=1):
        """The statements that write the next numbers, and these."""
        numbers = range(len(self.ends), len(self.ends) + count)
        self.ends += bytes(count)
        return [f"INSERT INTO ledger VALUES ({self.writer}, {n})" for n in numbers], numbers

    def say(self, numbers, end):
        for n in numbers:
            self.ends[n] = end


def faults(accounts, rows):
    """What is wrong with `rows` of (writer, n), in words; empty when each number is there as often as it should be."""
    wrong = []
    found = {account.writer: bytearray(len(account.ends)) for account in accounts}
    for writer, n in rows:
        if writer in found and n < len(found[writer]):
            found[writer][n] = min(255, found[writer][n] + 1)
        else:
            wrong.append(f"{n} of writer {writer} is there, and nobody wrote it")
    for account in accounts:
        for n, (end, times) in enumerate(zip(account.ends, found[account.writer])):
            if times not in _TIMES[end]:
                wrong.append(f"{n} of {account.name} is {_WORDS[end]}, and {times} times there")
    return wrong
