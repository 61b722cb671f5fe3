"""The writers of the mixed load. Each is a function that does one round after the other through pgwarden until it is told
to stop, and keeps its Account; what it does not expect it raises."""

import io
import random
import socket
import struct
import time

import psycopg2
import psycopg2.errors

from soak.ledger import REFUSED, UNCERTAIN, WRITTEN
from wire import player

# What the policy of the load denies; nothing of it may have an effect.
DENIED = (
    "DROP TABLE ledger",
    "TRUNCATE ledger",
    "DELETE FROM ledger",
    "UPDATE ledger SET n = -1",
    "ALTER TABLE ledger ADD COLUMN x int",
    "INSERT INTO forbidden VALUES (1)",
    "DO $$ BEGIN DELETE FROM ledger; END $$",
    "COPY forbidden FROM STDIN",
)
COPIED_ROWS = 200
PAUSE_S = 0.05  # between copies, so that rows do not become more than fit into the memory of the check


def connect(address, name):
    host, port = address
    return psycopg2.connect(f"host={host} port={port} user=postgres dbname=postgres application_name=soak-{name}")


def raw_session(address, account):
    session = player.Player(address, False)
    session.startup("postgres", "postgres", [("application_name", f"soak-{account.name}")], (3, 0))
    session.until("Z", 1)
    return session


def answers(session, count=1):
    """The messages up to the `count`th ReadyForQuery, without what came before."""
    session.received.clear()
    session.until("Z", count)
    if session.received[-1][0] != "Z":
        raise AssertionError(f"the session ended: {session.received[-3:]}")
    return session.received


def expect_denied(account, cursor, statement):
    try:
        cursor.execute(statement)
    except psycopg2.errors.InsufficientPrivilege as error:
        if "(pgwarden " not in str(error):
            raise
        account.denials += 1
    else:
        raise AssertionError(f"not denied: {statement}")


def extended(session, *statements):
    """Parse, Bind and Execute of each, and one Sync."""
    for statement in statements:
        session.outgoing += b"".join(player._message(*parts) for parts in (
            ("Parse", ["", statement]), ("Bind", ["", ""]), ("Execute", [""])))
    session.outgoing += player._message("Sync", [])


def pipelines(account, address, stopped, chance):
    """Several batches in one go, each a transaction of its own; some have a statement in them that is denied."""
    session = raw_session(address, account)
    while not stopped():
        batches = []
        for _ in range(chance.randint(1, 8)):
            statements, numbers = account.next(chance.randint(1, 10))
            denied = chance.random() < 0.2
            if denied:
                statements.insert(chance.randint(0, len(statements)), chance.choice(DENIED))
            extended(session, *statements)
            batches.append((numbers, denied))
        errors, at = 0, 0
        for message in answers(session, len(batches)):
            if message[0] == "E":
                errors += 1
                if not player.is_denial(message):
                    raise AssertionError(player.error_fields(message[1]))
            if message[0] == "Z":
                numbers, denied = batches[at]
                if errors != denied:
                    raise AssertionError(f"{errors} errors in a batch with {int(denied)} denied statements")
                account.say(numbers, REFUSED if denied else WRITTEN)
                account.denials += errors
                errors, at = 0, at + 1
        account.rounds += 1
    session.socket.close()


def transactions(account, address, stopped, chance):
    """Transactions that commit, roll back or come to a denied statement; queries of several statements."""
    connection = connect(address, account.name)
    while not stopped():
        statements, numbers = account.next(chance.randint(1, 5))
        outcome = chance.choice(("commit", "roll back", "denied", "in one query", "denied in one query"))
        with connection.cursor() as cursor:
            if outcome == "in one query":
                cursor.execute("; ".join(statements))
            elif outcome == "denied in one query":
                expect_denied(account, cursor, "; ".join([*statements, chance.choice(DENIED[:4])]))
            else:
                for statement in statements:
                    cursor.execute(statement)
            if outcome == "denied":
                expect_denied(account, cursor, chance.choice(DENIED))
        if outcome in ("commit", "in one query"):
            connection.commit()
            account.say(numbers, WRITTEN)
        else:
            connection.rollback()
            account.say(numbers, REFUSED)
        account.rounds += 1
    connection.close()


class _Rows:
    """A file of rows for COPY, made as it is read."""

    def __init__(self, rows):
        self.rows = rows

    def read(self, _):
        return next(self.rows, "")


def copies(account, address, stopped, chance):
    """COPY in, committed or rolled back, and out: what has been written so far comes back."""
    connection = connect(address, account.name)
    while not stopped():
        _, numbers = account.next(COPIED_ROWS)
        commits = chance.random() < 0.8
        with connection.cursor() as cursor:
            cursor.copy_expert("COPY ledger FROM STDIN", _Rows(f"{account.writer}\t{n}\n" for n in numbers))
            (connection.commit if commits else connection.rollback)()
            account.say(numbers, WRITTEN if commits else REFUSED)
            lines = io.StringIO()
            first = max(0, len(account.ends) - 10 * COPIED_ROWS)
            cursor.copy_expert(f"COPY (SELECT n FROM ledger WHERE writer = {account.writer} AND n >= {first} ORDER BY n) "
                               "TO STDOUT", lines)
            expected = [n for n in range(first, len(account.ends)) if account.ends[n] == WRITTEN]
            given = [int(line) for line in lines.getvalue().split()]
            if given != expected:
                raise AssertionError(f"COPY out gave {len(given)} rows, not {len(expected)}")
        connection.commit()
        account.rounds += 1
        time.sleep(PAUSE_S)
    connection.close()


def denials(account, address, stopped, chance):
    """One denied statement after the other, by both protocols."""
    session = raw_session(address, account)
    while not stopped():
        statement = chance.choice(DENIED)
        if chance.random() < 0.5:
            session.query(statement)
        else:
            extended(session, statement)
        received = answers(session)
        if [player.is_denial(message) for message in received if message[0] == "E"] != [True]:
            raise AssertionError(f"not denied: {statement}: {received}")
        account.denials += 1
        account.rounds += 1
    session.socket.close()


def cancels(account, address, stopped, chance):
    """A transaction whose last statement is cancelled, and one after it that is not."""
    session = raw_session(address, account)
    key = next(body for tag, body in session.received if tag == "K")
    while not stopped():
        (statement,), numbers = account.next()
        session.query(f"BEGIN; {statement}")
        answers(session)
        session.query("SELECT pg_sleep(60)")
        session.send()
        while True:  # the server may not have begun it when the first request comes
            session.cancel(key)
            session.socket.settimeout(0.5)
            try:
                received = answers(session)
                break
            except TimeoutError:
                pass
            finally:
                session.socket.settimeout(player.TIMEOUT_S)
        if [player.error_fields(body)["C"] for tag, body in received if tag == "E"] != ["57014"]:
            raise AssertionError(f"not cancelled: {received}")
        account.say(numbers, REFUSED)
        # A late request may hit what comes next: only what nobody minds, until one has come through unharmed.
        session.query("ROLLBACK")
        answers(session)
        (statement,), numbers = account.next()
        session.query(statement)
        failed = [player.error_fields(body)["C"] for tag, body in answers(session) if tag == "E"]
        if failed not in ([], ["57014"]):
            raise AssertionError(f"failed with {failed}: {statement}")
        account.say(numbers, REFUSED if failed else WRITTEN)
        account.rounds += 1
    session.socket.close()


def reconnects(account, address, stopped, chance):
    """Short sessions with every kind of end."""
    while not stopped():
        session = raw_session(address, account)
        (statement,), numbers = account.next()
        end = chance.choice(("Terminate", "close", "in a transaction", "unread", "reset"))
        if end == "in a transaction":
            session.query(f"BEGIN; {statement}")
            answers(session)
            account.say(numbers, REFUSED)
        elif end in ("unread", "reset"):
            session.query(statement)
            session.send()
            account.say(numbers, UNCERTAIN)
        else:
            session.query(statement)
            answers(session)
            account.say(numbers, WRITTEN)
        if end == "Terminate":
            session.outgoing = player._message("Terminate", [])
            session.send()
        if end == "reset":
            session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        session.socket.close()
        account.rounds += 1


def by_policy_in_force(account, address, stopped, chance):
    """What a policy allows and the other, between which reloads change, denies: the answer says which of them judged."""
    connection = connect(address, account.name)
    connection.autocommit = True
    while not stopped():
        (statement,), numbers = account.next()
        try:
            with connection.cursor() as cursor:
                cursor.execute(f"INSERT INTO sometimes VALUES ({numbers[0]}); {statement}")
            account.say(numbers, WRITTEN)
        except psycopg2.errors.InsufficientPrivilege:
            account.say(numbers, REFUSED)
            account.denials += 1
        account.rounds += 1
    connection.close()


WORKLOADS = (pipelines, transactions, copies, denials, cancels, reconnects, by_policy_in_force)


def run(workload, account, address, stopped):
    """Runs it until `stopped()`, for a round at least; gives the account, with what went wrong in it."""
    try:
        workload(account, address, lambda: account.rounds > 0 and stopped(), random.Random(account.writer))
    except Exception as error:  # whatever it is, it is the finding
        account.faults.append(f"{account.name}: {type(error).__name__}: {error}")
    return account
