#!/usr/bin/env bash
# psql: every column of a result is printed as a line "name: value".
set -euo pipefail

# What it writes to its two outputs stays in order.
session() {
  stdbuf -oL psql -X -q -A -t -x -P "fieldsep=: " -P null=NULL 2>&1
}

# The words of the server from what psql says on failing to do something.
words() {
  sed -nE "s/.*(FATAL|ERROR): +//p"
}

exercise() {
  echo "wrong password: $(PGPASSWORD=wrong psql -X 2>&1 | words)"
  # Errors are shown by \echo, so without what psql itself says of them.
  session <<'SQL' | sed -nE 's/^NOTICE: +/notice: NOTICE /
    s/^ERROR: +(22P02): /copy error: \1 /
    s/^Asynchronous notification "(.*)" with payload "(.*)" .*/notify: \1 \2/
    /^[a-z0-9 ]+: /p'
SELECT current_user || ' ' || current_setting('application_name') AS connect;
SELECT 1 || ' ' || 'one' AS simple;
\set text 'naïve ✓ 𝄞 ''single'' "double" \\ back'
SELECT (-2147483648)::int4 AS int4, 9223372036854775807::int8 AS int8,
  12345678901234567890.123456789::numeric AS numeric, 0.1::float8 AS float8, true AS bool,
  :'text'::text AS text, ''::text AS "empty text", NULL::text AS "null",
  '\x00ff5c27'::bytea AS bytea, '2024-02-29 12:34:56.789+00'::timestamptz AS timestamptz,
  ARRAY[-1, NULL, 3] AS "int array", ARRAY['a', 'ü', NULL] AS "text array", '{"a":[1,null,"ü"]}'::json AS json;
\set big `head -c 1000000 /dev/zero | tr '\0' x`
SELECT length(:'big') AS big;
PREPARE twice(int) AS SELECT $1 * 2 AS n;
EXECUTE twice(1) \gset a
EXECUTE twice(2) \gset b
EXECUTE twice(3) \gset c
\echo prepared: :an :bn :cn
INSERT INTO item VALUES (1, 'one'), (2, 'two');
\echo insert: :ROW_COUNT
UPDATE item SET name = 'zwei' WHERE id = 2;
\echo update: :ROW_COUNT
DELETE FROM item WHERE id = 2;
\echo delete: :ROW_COUNT
BEGIN;
INSERT INTO item VALUES (2);
COMMIT;
SELECT count(*) AS commit FROM item;
BEGIN;
INSERT INTO item VALUES (3);
ROLLBACK;
SELECT count(*) AS rollback FROM item;
BEGIN;
INSERT INTO item VALUES (3);
SAVEPOINT here;
INSERT INTO item VALUES (1);
\echo savepoint: :SQLSTATE :LAST_ERROR_MESSAGE
ROLLBACK TO SAVEPOINT here;
INSERT INTO item VALUES (4);
COMMIT;
SELECT count(*) AS "savepoint rows" FROM item;
BEGIN;
SELECT 1 / 0;
\echo error: :SQLSTATE :LAST_ERROR_MESSAGE
SELECT 1;
\echo aborted: :SQLSTATE :LAST_ERROR_MESSAGE
ROLLBACK;
SELECT 1 AS "after error";
INSERT INTO item VALUES (11)\; INSERT INTO item VALUES (12)\; INSERT INTO item VALUES (13);
SELECT count(*) AS batch FROM item;
INSERT INTO item VALUES (21)\; SELECT 1 / 0\; INSERT INTO item VALUES (22);
\echo batch error: :SQLSTATE :LAST_ERROR_MESSAGE
SELECT count(*) AS "batch rows" FROM item;
\copy item (id) FROM PROGRAM 'seq 1001 2000'
\echo copy in: :ROW_COUNT
\set VERBOSITY verbose
\copy item (id) FROM PROGRAM 'echo x'
\set VERBOSITY default
\copy (SELECT id FROM item WHERE id > 1000 ORDER BY id) TO PROGRAM 'awk ''{ sum += $1 } END { print "copy out:", NR, sum }'''
SELECT say('hello') \g /dev/null
LISTEN tidings;
NOTIFY tidings, 'payload';
SQL
  # A script that is interrupted ends, so this is one of its own.
  local shown sleeper
  shown=$(
    psql -X -v VERBOSITY=verbose -c "SELECT pg_sleep(30)" 2>&1 &
    sleeper=$!
    psql -X -q -c "SELECT await_sleeper()" >/dev/null
    kill -INT "$sleeper"
    wait "$sleeper" || true
  )
  echo "cancel: $(words <<<"${shown/57014: /57014 }")"
  session <<'SQL'
\set FETCH_COUNT 1000
\x off
\pset fieldsep ' '
SELECT i, repeat('x', 100) FROM generate_series(0, 19999) i \g | awk '{ sum += $1 } END { print "large:", NR, sum }'
\unset FETCH_COUNT
SELECT 1\; SELECT 2 \g | xargs echo multi:
;
\echo empty: ok
\o | awk '{ names = names " " $2 } END { print "tables:" names }'
\dt
\o
DISCARD ALL;
\echo reset: ok
SQL
  echo "disconnect: ok"
}

# The text that is shown between "=NAME" and the first line of NAME's own becomes one line.
denied() {
  local after='SELECT count(*) || $$ $$ || max(name) AS'
  session <<SQL | awk '/^=/ { name = substr($0, 2); shown = ""; next }
    index($0, name " ") == 1 { if (shown != "" && !said[name]++) print name ": " shown; shown = ""; print; next }
    { shown = (shown == "" ? "" : shown "\\n") $0 }'
\\echo =drop
DROP TABLE kept CASCADE;
\\echo drop sqlstate: :SQLSTATE
$after "drop after" FROM kept;
\\echo =create
CREATE TABLE made (id int);
\\echo create sqlstate: :SQLSTATE
$after "create after" FROM kept;
\\echo =update
PREPARE renaming(text) AS UPDATE kept SET name = \$1;
\\echo update sqlstate: :SQLSTATE
$after "update after" FROM kept;
\\echo =transaction
BEGIN;
INSERT INTO kept VALUES (3);
DELETE FROM kept;
\\echo transaction sqlstate: :SQLSTATE
SELECT 1;
\\echo transaction aborted: :SQLSTATE :LAST_ERROR_MESSAGE
ROLLBACK;
$after "transaction after" FROM kept;
\\echo =batch
INSERT INTO kept VALUES (4)\\; DROP TABLE kept\\; INSERT INTO kept VALUES (5);
\\echo batch sqlstate: :SQLSTATE
$after "batch after" FROM kept;
SQL
}

"$1"
