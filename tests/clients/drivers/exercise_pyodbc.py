"""psqlODBC, through unixODBC and pyodbc."""

import os
import re
import threading

import pyodbc

from common import MOMENT, TYPES, UNICODE, let_cancel_pass, main, refusal, step


def connect(**options):
    settings = dict(Driver="PostgreSQL Unicode", Server=os.environ["PGHOST"], Port=os.environ["PGPORT"],
                    Database=os.environ["PGDATABASE"], UID=os.environ["PGUSER"], PWD=os.environ["PGPASSWORD"])
    return pyodbc.connect(";".join(f"{key}={value}" for key, value in (settings | options).items()), autocommit=True)


def server_error(name, run, *arguments):
    try:
        run(*arguments)
    except pyodbc.Error as error:
        # "[SQLSTATE] ERROR: message;\nError while executing the query (number) (function)"
        step(name, error.args[0], re.search(r"ERROR: (.*?)(;?\n|$)", error.args[1])[1])
        return
    raise AssertionError(f"{name}: no error")


def one(cursor, sql, *values):
    return cursor.execute(sql, *values).fetchone()


def items(cursor):
    return one(cursor, "SELECT count(*) FROM item")[0]


def values(cursor):
    step("simple", *one(cursor, "SELECT 1, 'one'"))
    row = one(cursor, "SELECT ?::int4, ?::int8, ?::numeric, ?::float8, ?::bool, ?::text, ?::text, ?::text, ?::bytea, "
                      "?::timestamptz, ?::int[], ?::text[], ?::json",
              -2147483648, 2**63 - 1, "12345678901234567890.123456789", 0.1, True, UNICODE, "", None, b"\x00\xff\\'",
              MOMENT.replace(tzinfo=None), "{-1,NULL,3}", "{a,ü,NULL}", '{"a":[1,null,"ü"]}')
    for name, value in zip(TYPES, row):
        if name == "timestamptz":
            value = value.replace(tzinfo=MOMENT.tzinfo)
        step(name, bool(int(value)) if name == "bool" else value)
    step("big", len(one(cursor, "SELECT ?::text", "x" * 1_000_000)[0]))
    step("prepared", *[one(cursor, "SELECT ?::int * 2", number)[0] for number in (1, 2, 3)])  # the cursor keeps it


def transactions(connection, cursor):
    step("insert", cursor.execute("INSERT INTO item VALUES (?, ?), (?, ?)", 1, "one", 2, "two").rowcount)
    step("update", cursor.execute("UPDATE item SET name = ? WHERE id = ?", "zwei", 2).rowcount)
    step("delete", cursor.execute("DELETE FROM item WHERE id = ?", 2).rowcount)
    connection.autocommit = False
    cursor.execute("INSERT INTO item VALUES (2)")
    connection.commit()
    step("commit", items(cursor))
    cursor.execute("INSERT INTO item VALUES (3)")
    connection.rollback()
    step("rollback", items(cursor))
    cursor.execute("INSERT INTO item VALUES (3)")
    cursor.execute("SAVEPOINT here")
    server_error("savepoint", cursor.execute, "INSERT INTO item VALUES (?)", 1)
    cursor.execute("ROLLBACK TO SAVEPOINT here")
    cursor.execute("INSERT INTO item VALUES (4)")
    connection.commit()
    step("savepoint rows", items(cursor))
    server_error("error", cursor.execute, "SELECT 1 / 0")  # psqlODBC goes back to a savepoint of its own
    connection.rollback()
    step("after error", *one(cursor, "SELECT 1"))
    connection.commit()
    connection.autocommit = True


def batches(cursor):
    cursor.executemany("INSERT INTO item VALUES (100 / ?)", [(10,), (9,), (8,)])
    step("batch", items(cursor))
    server_error("batch error", cursor.executemany, "INSERT INTO item VALUES (100 / ?)", [(7,), (0,), (6,)])
    step("batch rows", items(cursor))


def asynchronous(connection, cursor):
    cursor.execute("LISTEN tidings")  # nothing in ODBC would show what comes of it
    cursor.execute("NOTIFY tidings, 'payload'")
    cursor.execute("SELECT say('hello')")

    def cancel():
        other = connect()
        other.execute("SELECT await_sleeper()")
        other.close()
        cursor.cancel()

    canceller = threading.Thread(target=cancel)
    canceller.start()
    server_error("cancel", cursor.execute, "SELECT pg_sleep(30)")
    canceller.join()
    let_cancel_pass()


def exercise():
    try:
        connect(PWD="wrong")
    except pyodbc.Error as error:
        step("wrong password", refusal(error).split("\\n")[0])
    connection = connect(UseDeclareFetch=1, Fetch=1000)
    cursor = connection.cursor()
    step("connect", *one(cursor, "SELECT current_user, current_setting('application_name')"))
    values(cursor)
    transactions(connection, cursor)
    batches(cursor)
    asynchronous(connection, cursor)
    numbers = [row[0] for row in cursor.execute("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i")]
    step("large", len(numbers), sum(numbers))
    first = one(cursor, "SELECT 1; SELECT 2")
    cursor.nextset()
    step("multi", *first, *cursor.fetchone())
    cursor.execute(" ")
    step("empty", "ok")
    step("tables", *sorted(row.table_name for row in cursor.tables(schema="public", tableType="TABLE").fetchall()))
    cursor.execute("DISCARD ALL")
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
        except pyodbc.Error as error:
            step(name, error.args[1])
            step(f"{name} sqlstate", error.args[0])
        if not connection.autocommit:
            connection.rollback()
            connection.autocommit = True
        step(f"{name} after", *one(cursor, "SELECT count(*), max(name) FROM kept"))

    case("drop", ["DROP TABLE kept CASCADE"])
    case("create", ["CREATE TABLE made (id int)"])
    case("update", ["UPDATE kept SET name = ?", "three"])
    connection.autocommit = False
    case("transaction", ["INSERT INTO kept VALUES (3)"], ["DELETE FROM kept"])
    case("batch", ["INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)"])
    connection.close()


main(exercise, denied)
