// postgres.js (porsager), which pipelines.

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";
import {
  TABLES, TYPES, TYPES_QUERY, VALUES, letCancelPass, main, numbers, serverError, showDenial, step, sum, thrown,
} from "./common.mjs";

// One connection, as an application with max: 1 has it.
function connect(options = {}) {
  return postgres({ max: 1, onnotice: () => {}, ...options });
}

const items = async (sql) => (await sql`SELECT count(*) FROM item`)[0].count;

async function values(sql) {
  step("simple", ...(await sql.unsafe("SELECT 1, 'one'").values())[0]);
  const row = (await sql.unsafe(TYPES_QUERY, VALUES).values())[0];
  TYPES.forEach((type, index) => step(type, row[index]));
  step("big", (await sql`SELECT ${"x".repeat(1_000_000)}::text AS big`)[0].big.length);
  const doubled = [];
  for (const number of [1, 2, 3]) doubled.push((await sql`SELECT ${number}::int * 2 AS n`)[0].n); // prepared by itself
  step("prepared", ...doubled);
}

async function transactions(sql) {
  step("insert", (await sql`INSERT INTO item VALUES (${1}, ${"one"}), (${2}, ${"two"})`).count);
  step("update", (await sql`UPDATE item SET name = ${"zwei"} WHERE id = ${2}`).count);
  step("delete", (await sql`DELETE FROM item WHERE id = ${2}`).count);
  await sql.begin((sql) => sql`INSERT INTO item VALUES (2)`);
  step("commit", await items(sql));
  await thrown(() => sql.begin(async (sql) => {
    await sql`INSERT INTO item VALUES (3)`;
    throw new Error("rolled back");
  }));
  step("rollback", await items(sql));
  let error;
  await sql.begin(async (sql) => {
    await sql`INSERT INTO item VALUES (3)`;
    error = await serverError("savepoint", () => sql.savepoint((sql) => sql`INSERT INTO item VALUES (1)`));
    await sql`INSERT INTO item VALUES (4)`;
  });
  step("constraint", error.constraint_name, error.detail);
  step("savepoint rows", await items(sql));
  await thrown(() => sql.begin(async (sql) => {
    await serverError("error", () => sql`SELECT 1 / 0`);
    await serverError("aborted", () => sql`SELECT 1`);
  }));
  step("after error", (await sql`SELECT 1 AS n`)[0].n);
  step("position", (await thrown(() => sql`SELECT nonsense`)).position);
}

// It sends all at once, each with its own Sync.
const insertAll = (sql, divisors) =>
  Promise.all(divisors.map((divisor) => sql`INSERT INTO item VALUES (100 / ${divisor}::int)`));

async function streams(sql) {
  await insertAll(sql, [10, 9, 8]);
  step("batch", await items(sql));
  await serverError("batch error", () => insertAll(sql, [7, 0, 6]));
  step("batch rows", await items(sql));
  const copyIn = await sql`COPY item (id) FROM STDIN`.writable();
  await pipeline(Readable.from(numbers(1000, 1001).map((id) => `${id}\n`)), copyIn);
  step("copy in", (await sql`SELECT count(*) FROM item WHERE id > 1000`)[0].count);
  const copyOut = await sql`COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT`.readable();
  const lines = (await copyOut.toArray()).join("").trim().split("\n");
  step("copy out", lines.length, sum(lines));
}

async function asynchronous(sql) {
  await sql`SELECT say('hello')`;
  const received = new Promise((resolve) => sql.listen("tidings", resolve)); // on a connection of its own
  await sql.listen("other", () => {});
  await sql.notify("tidings", "payload");
  step("notify", "tidings", await received);
  const sleeping = sql`SELECT pg_sleep(30)`.execute();
  const other = connect();
  await other`SELECT await_sleeper()`;
  await other.end();
  sleeping.cancel();
  await serverError("cancel", () => sleeping);
  await letCancelPass();
}

async function exercise() {
  const refused = connect({ password: "wrong" });
  step("wrong password", (await thrown(() => refused`SELECT 1`)).message);
  await refused.end();
  const sql = connect({ onnotice: (notice) => step("notice", notice.severity, notice.message) });
  step("connect", ...(await sql`SELECT current_user, current_setting('application_name')`.values())[0]);
  await values(sql);
  await transactions(sql);
  await streams(sql);
  await asynchronous(sql);
  const read = [];
  await sql`SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i`.cursor(1000, (rows) => {
    read.push(...rows.map((row) => row.i));
  });
  step("large", read.length, sum(read));
  const results = await sql`SELECT 1 AS n; SELECT 2 AS n`.simple();
  step("multi", ...results.map((rows) => rows[0].n));
  await sql.unsafe("");
  step("empty", "ok");
  step("tables", (await sql.unsafe(TABLES))[0].names);
  await sql`DISCARD ALL`.simple();
  step("reset", "ok");
  await sql.end();
  step("disconnect", "ok");
}

async function denied() {
  const sql = connect();

  async function attempt(name, run) {
    showDenial(name, await thrown(run));
    step(`${name} after`, ...(await sql`SELECT count(*), max(name) FROM kept`.values())[0]);
  }

  await attempt("drop", () => sql`DROP TABLE kept CASCADE`.simple());
  await attempt("create", () => sql`CREATE TABLE made (id int)`);
  await attempt("update", () => sql`UPDATE kept SET name = ${"three"}`);
  await attempt("transaction", () => sql.begin(async (sql) => {
    await sql`INSERT INTO kept VALUES (3)`;
    const error = await thrown(() => sql`DELETE FROM kept`);
    await serverError("transaction aborted", () => sql`SELECT 1`);
    throw error;
  }));
  await attempt("batch", () => sql.begin((sql) =>
    [sql`INSERT INTO kept VALUES (4)`, sql`DROP TABLE kept`, sql`INSERT INTO kept VALUES (5)`]));
  await sql.end();
}

await main(exercise, denied);
