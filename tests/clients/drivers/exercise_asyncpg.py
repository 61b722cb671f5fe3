"""asyncpg: the extended protocol in binary, pipelined."""

import asyncio
import decimal
import io
import json

import asyncpg

from common import MOMENT, TABLES, TYPES, UNICODE, let_cancel_pass, main, refusal, step


async def server_error(name, awaitable):
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        step(name, error.sqlstate, error.args[0])
        return error
    raise AssertionError(f"{name}: no error")


async def connect():
    return await asyncpg.connect(server_settings={"application_name": "exercise"})


async def items(connection):
    return await connection.fetchval("SELECT count(*) FROM item")


async def values(connection):
    await connection.execute("SELECT 1, 'one'")  # simple, without its rows
    step("simple", *await connection.fetchrow("SELECT 1, 'one'"))
    row = await connection.fetchrow(
        "SELECT $1::int4, $2::int8, $3::numeric, $4::float8, $5::bool, $6::text, $7::text, $8::text, $9::bytea, "
        "$10::timestamptz, $11::int[], $12::text[], $13::json",
        -2147483648, 2**63 - 1, decimal.Decimal("12345678901234567890.123456789"), 0.1, True, UNICODE, "", None,
        b"\x00\xff\\'", MOMENT, [-1, None, 3], ["a", "ü", None],
        json.dumps({"a": [1, None, "ü"]}, ensure_ascii=False, separators=(",", ":")))
    for name, value in zip(TYPES, row):
        step(name, value)
    step("big", len(await connection.fetchval("SELECT $1::text", "x" * 1_000_000)))
    statement = await connection.prepare("SELECT $1::int * 2")
    step("prepared", *[await statement.fetchval(number) for number in (1, 2, 3)])


def affected(status):
    return status.split()[-1]


async def transactions(connection):
    run = connection.execute
    step("insert", affected(await run("INSERT INTO item VALUES ($1, $2), ($3, $4)", 1, "one", 2, "two")))
    step("update", affected(await run("UPDATE item SET name = $1 WHERE id = $2", "zwei", 2)))
    step("delete", affected(await run("DELETE FROM item WHERE id = $1", 2)))
    async with connection.transaction():
        await run("INSERT INTO item VALUES (2)")
    step("commit", await items(connection))
    transaction = connection.transaction()
    await transaction.start()
    await run("INSERT INTO item VALUES (3)")
    await transaction.rollback()
    step("rollback", await items(connection))
    async with connection.transaction():
        await run("INSERT INTO item VALUES (3)")
        savepoint = connection.transaction()
        await savepoint.start()
        error = await server_error("savepoint", run("INSERT INTO item VALUES (1)"))
        await savepoint.rollback()
        await run("INSERT INTO item VALUES (4)")
    step("constraint", error.constraint_name, error.detail)
    step("savepoint rows", await items(connection))
    transaction = connection.transaction()
    await transaction.start()
    await server_error("error", run("SELECT 1 / 0"))
    await server_error("aborted", run("SELECT 1"))
    await transaction.rollback()
    step("after error", await connection.fetchval("SELECT 1"))


async def streams(connection):
    await connection.executemany("INSERT INTO item VALUES ($1)", [(11,), (12,), (13,)])
    step("batch", await items(connection))
    await server_error("batch error", connection.executemany("INSERT INTO item VALUES (100 / $1::int)", [(1,), (0,)]))
    step("batch rows", await items(connection))
    status = await connection.copy_records_to_table("item", columns=["id"], records=[(i,) for i in range(1001, 2001)])
    step("copy in", affected(status))
    await server_error("copy error", connection.copy_to_table("item", columns=["id"], source=io.BytesIO(b"x\n")))
    out = io.BytesIO()
    await connection.copy_from_query("SELECT id FROM item WHERE id > 1000 ORDER BY id", output=out)
    numbers = [int(line) for line in out.getvalue().splitlines()]
    step("copy out", len(numbers), sum(numbers))


async def asynchronous(connection):
    connection.add_log_listener(lambda _, notice: step("notice", notice.severity, notice.message))
    await connection.execute("SELECT say('hello')")
    received = asyncio.get_running_loop().create_future()
    await connection.add_listener("tidings", lambda _connection, _pid, *notification: received.set_result(notification))
    await connection.execute("NOTIFY tidings, 'payload'")
    step("notify", *await asyncio.wait_for(received, 10))
    sleeping = asyncio.ensure_future(connection.execute("SELECT pg_sleep(30)"))
    other = await connect()
    await other.execute("SELECT await_sleeper()")
    await other.close()
    sleeping.cancel()
    try:
        await sleeping
    except asyncio.CancelledError:  # it keeps the server's error to itself
        let_cancel_pass()
        step("cancel", await connection.fetchval("SELECT 1"))


async def exercise():
    try:
        await asyncpg.connect(password="wrong")
    except asyncpg.InvalidPasswordError as error:
        step("wrong password", refusal(error))
    connection = await connect()
    step("connect", *await connection.fetchrow("SELECT current_user, current_setting('application_name')"))
    await values(connection)
    await transactions(connection)
    try:
        await connection.fetch("SELECT nonsense")
    except asyncpg.PostgresError as error:
        step("position", error.position)
    await streams(connection)
    await asynchronous(connection)
    async with connection.transaction():
        cursor = connection.cursor("SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i", prefetch=1000)
        numbers = [row[0] async for row in cursor]
    step("large", len(numbers), sum(numbers))
    step("multi", affected(await connection.execute("SELECT 1; SELECT 2")))
    await connection.fetch("")
    step("empty", "ok")
    step("tables", await connection.fetchval(TABLES))
    await connection.reset()
    step("reset", "ok")
    await connection.close()
    step("disconnect", "ok")


async def denied():
    connection = await connect()

    async def case(name, awaitable):
        try:
            await awaitable
            step(name, "nothing was denied")
        except asyncpg.PostgresError as error:
            step(name, error)
            for field in ("sqlstate", "detail", "hint", "position"):
                step(f"{name} {field}", getattr(error, field))
        step(f"{name} after", *await connection.fetchrow("SELECT count(*), max(name) FROM kept"))

    async def transaction():
        async with connection.transaction():
            await connection.execute("INSERT INTO kept VALUES (3)")
            try:
                await connection.execute("DELETE FROM kept")
            finally:
                await server_error("transaction aborted", connection.execute("SELECT 1"))

    await case("drop", connection.execute("DROP TABLE kept CASCADE"))
    await case("create", connection.prepare("CREATE TABLE made (id int)"))
    await case("update", connection.execute("UPDATE kept SET name = $1", "three"))
    await case("transaction", transaction())
    await case("batch", connection.execute(
        "INSERT INTO kept VALUES (4); DROP TABLE kept; INSERT INTO kept VALUES (5)"))
    await connection.close()


main(lambda: asyncio.run(exercise()), lambda: asyncio.run(denied()))
