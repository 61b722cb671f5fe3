"""psycopg 3."""

import logging
import threading

import psycopg
from psycopg.types.json import Json

from common import MOMENT, TABLES, TYPES, UNICODE, let_cancel_pass, main, refusal, step


# It warns of a failed pipeline or not, depending on when the error arrives.
logging.getLogger("psycopg").setLevel(logging.ERROR)


def server_error(name, run):
    try:
        run()
    except psycopg.Error as error:
        step(name, error.sqlstate, error.diag.message_primary)
        return error.diag
    raise AssertionError(f"{name}: no error")


def items(connection):
    return connection.execute("SELECT count(*) FROM item").fetchone()[0]


def values(connection):
    step("simple", *psycopg.ClientCursor(connection).execute("SELECT 1, 'one'").fetchone())
    binary, textual = (connection.execute(
        "SELECT %s::int4, %s::int8, %s::numeric, %s::float8, %s::bool, %s::text, %s::text, %s::text, %b::bytea, "
        "%s::timestamptz, %s::int[], %s::text[], %s::json",
        [-2147483648, 2**63 - 1, "12345678901234567890.123456789", 0.1, True, UNICODE, "", None, b"\x00\xff\\'", MOMENT,
         [-1, None, 3], ["a", "ü", None], Json({"a": [1, None, "ü"]})], binary=binary).fetchone()
        for binary in (True, False))
    assert binary == textual, (binary, textual)
    for name, value in zip(TYPES, binary):
        step(name, value)
    step("big", len(connection.execute("SELECT %s::text", ["x" * 1_000_000]).fetchone()[0]))
    step("prepared", *(connection.execute("SELECT %s::int * 2", [n], prepare=True).fetchone()[0] for n in (1, 2, 3)))


def transactions(connection):
    run = connection.execute
    step("insert", run("INSERT INTO item VALUES (%s, %s), (%s, %s)", [1, "one", 2, "two"]).rowcount)
    step("update", run("UPDATE item SET name = %s WHERE id = %s", ["zwei", 2]).rowcount)
    step("delete", run("DELETE FROM item WHERE id = %s", [2]).rowcount)
    with connection.transaction():
        run("INSERT INTO item VALUES (2)")
    step("commit", items(connection))
    with connection.transaction():
        run("INSERT INTO item VALUES (3)")
        raise psycopg.Rollback
    step("rollback", items(connection))
    with connection.transaction():
        run("INSERT INTO item VALUES (3)")

        def duplicate():
            with connection.transaction():
                run("INSERT INTO item VALUES (1)")

        diagnostics = server_error("savepoint", duplicate)
        run("INSERT INTO item VALUES (4)")
    step("constraint", diagnostics.constraint_name, diagnostics.message_detail)
    step("savepoint rows", items(connection))
    run("BEGIN")
    server_error("error", lambda: run("SELECT 1 / 0"))
    server_error("aborted", lambda: run("SELECT 1"))
    run("ROLLBACK")
    step("after error", run("SELECT 1").fetchone()[0])


def streams(connection):
    with connection.pipeline():
        for number in (11, 12, 13):
            connection.execute("INSERT INTO item VALUES (%s)", [number])
    step("batch", items(connection))

    def failing_batch():
        with connection.pipeline():
            connection.execute("INSERT INTO item VALUES (21)")
            connection.execute("SELECT 1 / 0")
            connection.execute("INSERT INTO item VALUES (22)")

    server_error("batch error", failing_batch)
    step("batch rows", items(connection))
    cursor = connection.cursor()
    with cursor.copy("COPY item (id) FROM STDIN") as copy:
        for number in range(1001, 2001):
            copy.write_row([number])
    step("copy in", cursor.rowcount)

    def bad_copy():
        with cursor.copy("COPY item (id) FROM STDIN") as copy:
            copy.write_row(["x"])

    server_error("copy error", bad_copy)
    with cursor.copy("COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT") as copy:
        copy.set_types(["int4"])
        numbers = [number for number, in copy.rows()]
    step("copy out", len(numbers), sum(numbers))


def asynchronous(connection):
    connection.add_notice_handler(lambda notice: step("notice", notice.severity, notice.message_primary))
    connection.execute("SELECT say('hello')")
    connection.add_notify_handler(lambda notification: step("notify", notification.channel, notification.payload))
    connection.execute("LISTEN tidings")
    connection.execute("NOTIFY tidings, 'payload'")

    def cancel():
        with psycopg.connect(autocommit=True) as other:
            other.execute("SELECT await_sleeper()")
        connection.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    server_error("cancel", lambda: connection.execute("SELECT pg_sleep(30)"))
    canceller.join()
    let_cancel_pass()


def exercise():
    try:
        psycopg.connect(password="wrong")
    except psycopg.OperationalError as error:
        step("wrong password", refusal(error))
    with psycopg.connect(autocommit=True) as connection:
        step("connect", *connection.execute("SELECT current_user, current_setting('application_name')").fetchone())
        values(connection)
        transactions(connection)
        try:
            connection.execute("SELECT nonsense")
        except psycopg.Error as error:
            step("position", error.diag.statement_position)
        streams(connection)
        asynchronous(connection)
        with connection.transaction(), connection.cursor("large") as cursor:
            cursor.itersize = 1000
            numbers = [row[0] for row in cursor.execute("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")]
        step("large", len(numbers), sum(numbers))
        cursor = connection.execute("SELECT 1; SELECT 2")
        first = cursor.fetchone()
        cursor.nextset()
        step("multi", *first, *cursor.fetchone())
        connection.execute("")
        step("empty", "ok")
        step("tables", *connection.execute(TABLES).fetchone())
        connection.execute("DISCARD ALL")
        step("reset", "ok")
    step("disconnect", "ok")


def denied():
    with psycopg.connect(autocommit=True) as connection:
        run = connection.execute

        def case(name, statement):
            try:
                statement()
                step(name, "nothing was denied")
            except psycopg.Error as error:
                step(name, error)
                for field in ("sqlstate", "message_detail", "message_hint", "statement_position"):
                    step(f"{name} {field.rpartition('_')[2]}", getattr(error.diag, field))
            step(f"{name} after", *run("SELECT count(*), max(name) FROM kept").fetchone())

        def transaction():
            with connection.transaction():
                run("INSERT INTO kept VALUES (3)")
                try:
                    run("DELETE FROM kept")
                finally:
                    server_error("transaction aborted", lambda: run("SELECT 1"))

        def batch():
            with connection.pipeline():
                run("INSERT INTO kept VALUES (4)")
                run("DROP TABLE kept")
                run("INSERT INTO kept VALUES (5)")

        case("drop", lambda: psycopg.ClientCursor(connection).execute("DROP TABLE kept CASCADE"))
        case("create", lambda: run("CREATE TABLE made (id int)", prepare=True))
        case("update", lambda: run("UPDATE kept SET name = %s", ["three"]))
        case("transaction", transaction)
        case("batch", batch)


main(exercise, denied)
