// node-postgres logs in as each line of standard input says (see logins_test.py). With the argument "binds" it binds to
// its TLS connection, which it does not by itself.

import fs from "node:fs";
import pg from "pg";

const ca = fs.readFileSync(process.env.PGSSLROOTCERT);

async function outcome([port, tls, user, password, write, query]) {
  const client = new pg.Client({
    host: "127.0.0.1", port: Number(port), user, password, database: "postgres",
    ssl: tls === "off" ? false : { ca }, sslnegotiation: tls === "direct" ? "direct" : "postgres",
    enableChannelBinding: process.argv[2] === "binds",
  });
  client.on("error", () => {}); // the promises have it, too
  try {
    await client.connect();
    await client.query(write);
    return (await client.query({ rowMode: "array", text: query })).rows[0][0];
  } catch (error) {
    return `error: ${error.message}`;
  } finally {
    await client.end();
  }
}

for (const line of fs.readFileSync(0, "utf8").trimEnd().split("\n")) console.log(await outcome(line.split("\t")));
