// node-postgres, with its cursor and its COPY streams.

import pg from "pg";
import Cursor from "pg-cursor";
import { from as copyFrom, to as copyTo } from "pg-copy-streams";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  TABLES, TYPES, TYPES_QUERY, VALUES, letCancelPass, main, numbers, serverError, showDenial, step, sum, thrown,
} from "./common.mjs";

async function connected(options) {
  const client = new pg.Client(options);
  await client.connect();
  return client;
}

// The first column of the first row.
async function value(client, ...query) {
  return (await client.query({ rowMode: "array", text: query[0] }, query[1])).rows[0][0];
}

const items = (client) => value(client, "SELECT count(*) FROM item");

async function values(client) {
  step("simple", ...(await client.query({ rowMode: "array", text: "SELECT 1, 'one'" })).rows[0]);
  const { rows } = await client.query({ rowMode: "array", text: TYPES_QUERY, values: VALUES });
  TYPES.forEach((type, index) => step(type, rows[0][index]));
  step("big", (await value(client, "SELECT $1::text", ["x".repeat(1_000_000)])).length);
  const doubled = [];
  for (const number of [1, 2, 3]) {
    const { rows } = await client.query({ name: "twice", text: "SELECT $1::int * 2 AS n", values: [number] });
    doubled.push(rows[0].n);
  }
  step("prepared", ...doubled);
}

async function transactions(client) {
  const run = (...query) => client.query(...query);
  step("insert", (await run("INSERT INTO item VALUES ($1, $2), ($3, $4)", [1, "one", 2, "two"])).rowCount);
  step("update", (await run("UPDATE item SET name = $1 WHERE id = $2", ["zwei", 2])).rowCount);
  step("delete", (await run("DELETE FROM item WHERE id = $1", [2])).rowCount);
  await run("BEGIN");
  await run("INSERT INTO item VALUES (2)");
  await run("COMMIT");
  step("commit", await items(client));
  await run("BEGIN");
  await run("INSERT INTO item VALUES (3)");
  await run("ROLLBACK");
  step("rollback", await items(client));
  await run("BEGIN");
  await run("INSERT INTO item VALUES (3)");
  await run("SAVEPOINT here");
  const error = await serverError("savepoint", () => run("INSERT INTO item VALUES ($1)", [1]));
  await run("ROLLBACK TO SAVEPOINT here");
  await run("INSERT INTO item VALUES (4)");
  await run("COMMIT");
  step("constraint", error.constraint, error.detail);
  step("savepoint rows", await items(client));
  await run("BEGIN");
  await serverError("error", () => run("SELECT 1 / 0"));
  await serverError("aborted", () => run("SELECT 1"));
  await run("ROLLBACK");
  step("after error", await value(client, "SELECT 1"));
  step("position", (await thrown(() => run("SELECT nonsense"))).position);
}

// All are sent at once, each with its own Sync.
const insertAll = (client, divisors) =>
  Promise.all(divisors.map((divisor) => client.query("INSERT INTO item VALUES (100 / $1)", [divisor])));

async function streams(client) {
  const pipelining = await connected({ pipeline: true });
  await insertAll(pipelining, [10, 9, 8]);
  step("batch", await items(client));
  await serverError("batch error", () => insertAll(pipelining, [7, 0, 6]));
  await pipelining.end();
  step("batch rows", await items(client));
  const copyIn = client.query(copyFrom("COPY item (id) FROM STDIN"));
  await pipeline(Readable.from(numbers(1000, 1001).map((id) => `${id}\n`)), copyIn);
  step("copy in", copyIn.rowCount);
  const refused = client.query(copyFrom("COPY item (id) FROM STDIN"));
  await serverError("copy error", () => pipeline(Readable.from(["x\n"]), refused));
  const copyOut = client.query(copyTo("COPY (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO STDOUT"));
  const lines = (await copyOut.toArray()).join("").trim().split("\n");
  step("copy out", lines.length, sum(lines));
}

async function asynchronous(client) {
  client.once("notice", (notice) => step("notice", notice.severity, notice.message));
  await client.query("SELECT say('hello')");
  await client.query("LISTEN tidings");
  const received = new Promise((resolve) => client.once("notification", resolve));
  await client.query("NOTIFY tidings, 'payload'");
  const { channel, payload } = await received;
  step("notify", channel, payload);
  const query = new pg.Query("SELECT pg_sleep(30)");
  const finished = new Promise((resolve) => query.once("error", resolve));
  client.query(query);
  const other = await connected();
  await other.query("SELECT await_sleeper()");
  await other.end();
  new pg.Client().cancel(client, query);
  const error = await finished;
  step("cancel", error.code, error.message);
  await letCancelPass();
}

async function large(client) {
  const cursor = client.query(new Cursor("SELECT i, repeat('x', 100) FROM generate_series(0, $1) i", [19999]));
  const read = [];
  for (let rows; (rows = await cursor.read(1000)).length > 0;) read.push(...rows.map((row) => row.i));
  await cursor.close();
  step("large", read.length, sum(read));
}

async function exercise() {
  step("wrong password", (await thrown(() => new pg.Client({ password: "wrong" }).connect())).message);
  const client = await connected();
  const { rows } = await client.query("SELECT current_user, current_setting('application_name') AS application");
  step("connect", rows[0].current_user, rows[0].application);
  await values(client);
  await transactions(client);
  await streams(client);
  await asynchronous(client);
  await large(client);
  const results = await client.query("SELECT 1 AS n; SELECT 2 AS n");
  step("multi", ...results.map((result) => result.rows[0].n));
  await client.query("");
  step("empty", "ok");
  step("tables", await value(client, TABLES));
  await client.query("DISCARD ALL");
  step("reset", "ok");
  await client.end();
  step("disconnect", "ok");
}

async function denied() {
  const client = await connected({ pipeline: true });

  async function attempt(name, run) {
    showDenial(name, await thrown(run));
    if (name === "transaction") {
      await serverError("transaction aborted", () => client.query("SELECT 1"));
      await client.query("ROLLBACK");
    }
    const { rows } = await client.query({ rowMode: "array", text: "SELECT count(*), max(name) FROM kept" });
    step(`${name} after`, ...rows[0]);
  }

  await attempt("drop", () => client.query("DROP TABLE kept CASCADE"));
  await attempt("create", () => client.query({ name: "making", text: "CREATE TABLE made (id int)" }));
  await attempt("update", () => client.query("UPDATE kept SET name = $1", ["three"]));
  await attempt("transaction", async () => {
    await client.query("BEGIN");
    await client.query("INSERT INTO kept VALUES (3)");
    await client.query("DELETE FROM kept");
  });
  const batch = ["BEGIN", "INSERT INTO kept VALUES (4)", "DROP TABLE kept", "COMMIT"];
  await attempt("batch", () => Promise.all(batch.map((sql) => client.query(sql))));
  await client.end();
}

await main(exercise, denied);
