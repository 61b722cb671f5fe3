"""psycopg2."""

import io
import threading

import psycopg2
import psycopg2.extras

from common import MOMENT, TABLES, TYPES, UNICODE, let_cancel_pass, main, refusal, step


def server_error(name, run, *arguments):
    try:
        run(*arguments)
    except psycopg2.Error as error:
        step(name, error.pgcode, error.diag.message_primary)
        return error.diag
    raise AssertionError(f"{name}: no error")


def connect(autocommit=True):
    connection = psycopg2.connect("")
    connection.autocommit = autocommit
    return connection


def items(cursor):
    cursor.execute("SELECT count(*) FROM item")
    return cursor.fetchone()[0]


def values(cursor):
    cursor.execute("SELECT 1, 'one'")
    step("simple", *cursor.fetchone())
    cursor.execute("SELECT (%s)::int4, %s::int8, %s::numeric, %s::float8, %s::bool, %s::text, %s::text, %s::text, "
                   "%s::bytea, %s::timestamptz, %s::int[], %s::text[], %s::json",
                   [-2147483648, 2**63 - 1, "12345678901234567890.123456789", 0.1, True, UNICODE, "", None,
                    b"\x00\xff\\'", MOMENT, [-1, None, 3], ["a", "ü", None],
                    psycopg2.extras.Json({"a": [1, None, "ü"]})])
    for name, value in zip(TYPES, cursor.fetchone()):
        step(name, value)
    cursor.execute("SELECT %s", ["x" * 1_000_000])
    step("big", len(cursor.fetchone()[0]))
    # It has no prepared statements but SQL's.
    cursor.execute("PREPARE twice(int) AS SELECT $1 * 2")
    doubled = []
    for number in (1, 2, 3):
        cursor.execute("EXECUTE twice(%s)", [number])
        doubled += cursor.fetchone()
    step("prepared", *doubled)


def changes(cursor):
    cursor.execute("INSERT INTO item VALUES (%s, %s), (%s, %s)", [1, "one", 2, "two"])
    step("insert", cursor.rowcount)
    cursor.execute("UPDATE item SET name = %s WHERE id = %s", ["zwei", 2])
    step("update", cursor.rowcount)
    cursor.execute("DELETE FROM item WHERE id = %s", [2])
    step("delete", cursor.rowcount)


def transactions(connection):
    connection.autocommit = False
    cursor = connection.cursor()
    cursor.execute("INSERT INTO item VALUES (2)")
    connection.commit()
    step("commit", items(cursor))
    cursor.execute("INSERT INTO item VALUES (3)")
    connection.rollback()
    step("rollback", items(cursor))
    cursor.execute("INSERT INTO item VALUES (3)")
    cursor.execute("SAVEPOINT here")
    diagnostics = server_error("savepoint", cursor.execute, "INSERT INTO item VALUES (1)")
    cursor.execute("ROLLBACK TO SAVEPOINT here")
    cursor.execute("INSERT INTO item VALUES (4)")
    connection.commit()
    step("constraint", diagnostics.constraint_name, diagnostics.message_detail)
    step("savepoint rows", items(cursor))
    server_error("error", cursor.execute, "SELECT 1 / 0")
    server_error("aborted", cursor.execute, "SELECT 1")
    connection.rollback()
    cursor.execute("SELECT 1")
    step("after error", *cursor.fetchone())
    connection.rollback()
    connection.autocommit = True


def streams(cursor):
    psycopg2.extras.execute_batch(cursor, "INSERT INTO item VALUES (%s)", [(11,), (12,), (13,)])
    step("batch", items(cursor))
    server_error("batch error", psycopg2.extras.execute_batch, cursor, "INSERT INTO item VALUES (100 / %s)",
                 [(1,), (0,)])
    step("batch rows", items(cursor))
    cursor.copy_expert("COPY item (id) FROM STDIN", io.StringIO("".join(f"{i}\n" for i in range(1001, 2001))))
    step("copy in", cursor.rowcount)
    server_error("copy error", cursor.copy_expert, "COPY item (id) FROM STDIN", io.StringIO("x\n"))
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT", out)
    numbers = [int(line) for line in out.getvalue().splitlines()]
    step("copy out", len(numbers), sum(numbers))


def asynchronous(connection, cursor):
    cursor.execute("SELECT say('hello')")
    step("notice", *connection.notices[-1].replace(": ", "").split())
    cursor.execute("LISTEN tidings")
    cursor.execute("NOTIFY tidings, 'payload'")
    connection.poll()
    notification = connection.notifies.pop()
    step("notify", notification.channel, notification.payload)

    def cancel():
        other = connect()
        other.cursor().execute("SELECT await_sleeper()")
        other.close()
        connection.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    server_error("cancel", cursor.execute, "SELECT pg_sleep(30)")
    canceller.join()
    let_cancel_pass()


def large(connection):
    connection.autocommit = False
    with connection.cursor("large") as cursor:
        cursor.itersize = 1000
        cursor.execute("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")
        numbers = [row[0] for row in cursor]
    connection.commit()
    connection.autocommit = True
    step("large", len(numbers), sum(numbers))


def exercise():
    try:
        psycopg2.connect(password="wrong")
    except psycopg2.OperationalError as error:
        step("wrong password", refusal(error))
    connection = connect()
    cursor = connection.cursor()
    cursor.execute("SELECT current_user, current_setting('application_name')")
    step("connect", *cursor.fetchone())
    values(cursor)
    changes(cursor)
    transactions(connection)
    try:
        cursor.execute("SELECT nonsense")
    except psycopg2.Error as error:
        step("position", error.diag.statement_position)
    streams(cursor)
    asynchronous(connection, cursor)
    large(connection)
    cursor.execute("SELECT 1; SELECT 2")
    step("multi", *cursor.fetchone())
    try:
        cursor.execute("")
    except psycopg2.ProgrammingError:  # its own, when the server has answered
        step("empty", "ok")
    cursor.execute(TABLES)
    step("tables", *cursor.fetchone())
    connection.reset()
    step("reset", "ok")
    connection.close()
    step("disconnect", "ok")


def denied():
    connection = connect()
    cursor = connection.cursor()

    def case(name, *statements):
        try:
            for statement in statements:
                cursor.execute(*statement)
            step(name, "nothing was denied")
        except psycopg2.Error as error:
            step(name, error)
            step(f"{name} sqlstate", error.pgcode)
            for field in ("message_detail", "message_hint", "statement_position"):
                step(f"{name} {field.rpartition('_')[2]}", getattr(error.diag, field))
        if not connection.autocommit:
            server_error(f"{name} aborted", cursor.execute, "SELECT 1")
            connection.rollback()
            connection.autocommit = True
        cursor.execute("SELECT count(*), max(name) FROM kept")
        step(f"{name} after", *cursor.fetchone())

    case("drop", ["DROP TABLE kept CASCADE"])
    case("create", ["CREATE TABLE made (id int)"])
    case("update", ["UPDATE kept SET name = %s", ["three"]])
    connection.autocommit = False
    case("transaction", ["INSERT INTO kept VALUES (3)"], ["DELETE FROM kept"])
    case("batch", ["INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)"])
    connection.close()


main(exercise, denied)
