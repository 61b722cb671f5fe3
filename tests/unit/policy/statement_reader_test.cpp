#include "policy/statement_reader.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace pgwarden::policy {
namespace {

/// "ddl_drop: DROP TABLE table public.a (argument) cascade" for one fact.
std::string summary(const Fact& fact) {
  std::string text(name_of(fact.cls));
  text.append(": ").append(fact.command);
  if (fact.kind != ObjectKind::none) text.append(" ").append(name_of(fact.kind));
  if (!fact.name.empty()) {
    text.append(" ").append(fact.schema).append(fact.schema.empty() ? "" : ".").append(fact.name);
  }
  if (!fact.argument.empty()) text.append(" (").append(fact.argument).append(")");
  if (fact.temporary) text += " temporary";
  if (fact.cascade) text += " cascade";
  if (fact.if_exists) text += " if exists";
  return text;
}

/// All facts but those of calls that only read, see calls_of.
std::vector<std::string> facts_of(std::string_view sql, LexerSettings settings = {}) {
  const Reading reading = read_statements(sql, settings);
  std::vector<std::string> summaries;
  for (const Fact& fact : reading.facts) {
    if (!is_harmless_call(fact)) summaries.push_back(summary(fact));
  }
  return summaries;
}

/// The names of all functions that are called.
std::vector<std::string> calls_of(std::string_view sql) {
  const Reading reading = read_statements(sql, {});
  std::vector<std::string> names;
  for (const Fact& fact : reading.facts) {
    if (fact.kind != ObjectKind::function || fact.command != "call of function") continue;
    names.push_back(std::string(fact.schema).append(fact.schema.empty() ? "" : ".").append(fact.name));
  }
  return names;
}

using Facts = std::vector<std::string>;

struct Case {
  std::string_view sql;
  Facts facts;
};

void check(std::initializer_list<Case> cases) {
  for (const Case& test : cases) {
    INFO(test.sql);
    CHECK(facts_of(test.sql) == test.facts);
  }
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (std::size_t i = 0; i < count; ++i) result += text;
  return result;
}

bool is_unanalysable(std::string_view sql) {
  const Reading reading = read_statements(sql, {});
  return reading.facts.size() == 1 && reading.facts.front().cls == StatementClass::unanalysable;
}

}  // namespace

TEST_CASE("a text without a statement has no facts") {
  for (const std::string_view sql : {"", " ", ";", ";;\n;", "-- ping", "/* a /* b */ c */"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK(reading.facts.empty());
    CHECK(reading.statements.empty());
    CHECK(reading.error.empty());
    CHECK_FALSE(reading.may_change_lexing);
  }
}

TEST_CASE("queries say what they read") {
  check({{"SELECT 1", {"read: SELECT"}},
         {"SELECT abalance FROM pgbench_accounts WHERE aid = 1", {"read: SELECT table pgbench_accounts"}},
         {"SELECT * FROM a JOIN s.b USING (id) WHERE x IN (SELECT y FROM \"C\")",
          {"read: SELECT table a", "read: SELECT table s.b", "read: SELECT table C"}},
         {"VALUES (1), (2)", {"read: SELECT"}},
         {"TABLE t", {"read: SELECT table t"}},
         {"SELECT 1 FROM a FOR UPDATE", {"read: SELECT table a"}}});
}

TEST_CASE("the name of a common table expression is no table, where it is visible") {
  check({{"WITH a AS (SELECT 1) SELECT * FROM a", {"read: SELECT"}},
         {"WITH a AS (SELECT * FROM a) SELECT * FROM a", {"read: SELECT table a"}},
         {"WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a", {"read: SELECT"}},
         {"WITH a AS (SELECT 1), b AS (SELECT * FROM a, b) SELECT * FROM b", {"read: SELECT table b"}},
         {"WITH a AS (SELECT 1) SELECT * FROM s.a", {"read: SELECT table s.a"}},
         {"SELECT (WITH a AS (SELECT 1) SELECT 2 FROM a) FROM a", {"read: SELECT table a"}},
         {"WITH a AS (SELECT 1) SELECT (SELECT 1 FROM a) UNION SELECT 1 FROM a", {"read: SELECT"}},
         {"WITH a AS (SELECT 1) INSERT INTO a SELECT * FROM a", {"write: INSERT table a"}}});
}

TEST_CASE("statements that change rows name their target") {
  check({{"INSERT INTO s.t SELECT * FROM u", {"write: INSERT table s.t", "read: SELECT table u"}},
         {"UPDATE t SET a = 1 WHERE id = 2", {"write: UPDATE table t"}},
         {"DELETE FROM t USING u WHERE t.id = u.id", {"write: DELETE table t", "read: SELECT table u"}},
         {"DELETE FROM t WHERE CURRENT OF c", {"write: DELETE table t"}},
         {"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE",
          {"write: MERGE table t", "read: SELECT table s"}},
         {"TRUNCATE a, s.b CASCADE",
          {"truncate: TRUNCATE table a cascade", "truncate: TRUNCATE table s.b cascade"}}});
}

TEST_CASE("UPDATE and DELETE of every row are found") {
  for (const std::string_view condition : {"",
                                           " WHERE true",
                                           " WHERE 1 = 1",
                                           " WHERE 1=1 AND 'a'='a'",
                                           " WHERE NOT false",
                                           " WHERE 2 > 1",
                                           " WHERE id = 1 OR true",
                                           " WHERE 't'::bool",
                                           " WHERE now() > '2000-01-01'",
                                           " WHERE $1",
                                           " WHERE EXISTS (SELECT 1)",
                                           " WHERE 1 <> 2",
                                           " WHERE ((true))",
                                           " WHERE id = 3 OR 1 IN (1)",
                                           " WHERE id = id",
                                           " WHERE t.id = id",
                                           " WHERE id >= public.t.id",
                                           " WHERE id = +id",
                                           " WHERE id = id AND true",
                                           " WHERE id IN (id)",
                                           " WHERE id IN (1, t.id)",
                                           " WHERE NOT (id NOT IN (id))",
                                           " WHERE id IS NULL OR id IS NOT NULL",
                                           " WHERE a = 1 OR t.a IS NOT NULL OR b = 1 OR a IS NULL",
                                           " WHERE NOT (id IS NULL AND id IS NOT NULL)",
                                           " WHERE coalesce(true, id = 1)",
                                           " WHERE coalesce(NULL, true)",
                                           " WHERE t.id IS NOT DISTINCT FROM t.id",
                                           " WHERE NOT (id <> id)",
                                           " WHERE NOT (id = 3 AND id < id)",
                                           " WHERE name LIKE '%'",
                                           " WHERE id = 3 OR now() > '2000-01-01'"}) {
    INFO(condition);
    CHECK(facts_of("DELETE FROM t" + std::string(condition)).front() == "write_unbounded: DELETE table t");
    CHECK(facts_of("UPDATE t SET a = 1" + std::string(condition)).front() ==
          "write_unbounded: UPDATE table t");
  }
  for (const std::string_view condition : {"id = 1",
                                           "id = $1 AND 1=1",
                                           "1 = 0",
                                           "false",
                                           "active",
                                           "EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
                                           "id IS NOT NULL",
                                           "1=0 OR id = 3",
                                           "NULL",
                                           "id = 3 AND 1 IN (1)",
                                           "id = other",
                                           "NOT (id = 3)",
                                           "NOT (id = 3 OR true)",
                                           "name NOT LIKE '%'",
                                           "name LIKE 'a%'",
                                           "id < id",
                                           "t.id = other",
                                           "t.id = o.id",
                                           "id = -id",
                                           "id IN (1, other)",
                                           "id NOT IN (id)",
                                           "id IS NULL OR other IS NOT NULL",
                                           "id IS NULL AND id IS NOT NULL",
                                           "coalesce(id = 1, true)",
                                           "coalesce(id, 1) = 1",
                                           "total = total::int",
                                           "id = 1 AND a.x = b.x"}) {
    INFO(condition);
    CHECK(facts_of("DELETE FROM t WHERE " + std::string(condition)).front() == "write: DELETE table t");
  }
  for (const std::string_view sql :
       {"DELETE FROM t USING o WHERE o.id = 1", "UPDATE t SET a = 1 FROM o WHERE o.id = 1",
        "DELETE FROM s.t AS x USING o WHERE t.id = 1"}) {
    INFO(sql);
    CHECK(read_statements(sql, {}).facts.front().cls == StatementClass::write_unbounded);
  }
  for (const std::string_view sql :
       {"DELETE FROM s.t USING o WHERE o.id = t.o", "DELETE FROM s.t USING o WHERE o.id = o_id",
        "DELETE FROM s.t WHERE s.t.id = 1", "DELETE FROM s.t AS x USING o WHERE x.id = 1"}) {
    INFO(sql);
    CHECK(read_statements(sql, {}).facts.front().cls == StatementClass::write);
  }
  for (const std::string_view sql :
       {"MERGE INTO t USING s ON t.id = t.id WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING s ON true OR t.id = 1 WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE"}) {
    INFO(sql);
    CHECK(facts_of(sql).front() == "write_unbounded: MERGE table t");
  }
  for (const std::string_view sql :
       {"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT "
        "VALUES (1)",
        "MERGE INTO t USING s ON t.id = s.id WHEN NOT MATCHED BY SOURCE AND t.old THEN DELETE"}) {
    INFO(sql);
    CHECK(facts_of(sql).front() == "write: MERGE table t");
  }
  CHECK(facts_of("MERGE INTO t USING s ON s.id = 1 WHEN MATCHED THEN DELETE").front() ==
        "write_unbounded: MERGE table t");
  CHECK(facts_of("MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE").front() ==
        "write_unbounded: MERGE table t");
  CHECK(facts_of("MERGE INTO t USING s ON false WHEN NOT MATCHED THEN INSERT VALUES (1)").front() ==
        "write: MERGE table t");
}

TEST_CASE("writing to a catalogue is not an ordinary write") {
  check({{"DELETE FROM pg_class", {"catalog_write: DELETE table pg_class"}},
         {"UPDATE pg_catalog.pg_proc SET prosrc = '' WHERE oid = 1",
          {"catalog_write: UPDATE table pg_catalog.pg_proc"}},
         {"UPDATE U&\"pg\\005fsettings\" SET setting = 'x' WHERE name = 'y'",
          {"catalog_write: UPDATE table pg_settings"}},
         {"INSERT INTO information_schema.sql_features VALUES (1)",
          {"catalog_write: INSERT table information_schema.sql_features"}},
         {"COPY pg_proc FROM STDIN",
          {"copy_in: COPY ... FROM STDIN table pg_proc", "catalog_write: COPY ... FROM table pg_proc"}},
         {"DELETE FROM sql_parts WHERE feature_id = '1'", {"catalog_write: DELETE table sql_parts"}},
         {"INSERT INTO pg_search_documents VALUES (1)", {"write: INSERT table pg_search_documents"}},
         {"UPDATE app.pg_thing SET a = 1 WHERE id = 1", {"write: UPDATE table app.pg_thing"}}});
}

TEST_CASE("what is nested is found") {
  check(
      {{"WITH d AS (DELETE FROM a WHERE id = 1 RETURNING *) SELECT * FROM d", {"write: DELETE table a"}},
       {"SELECT 1 AS a INTO n UNION SELECT 2", {"ddl_create: SELECT INTO table n"}},
       {"CREATE TABLE n AS SELECT * FROM a", {"ddl_create: CREATE TABLE AS table n", "read: SELECT table a"}},
       {"COPY (DELETE FROM a WHERE id = 1 RETURNING 1) TO STDOUT",
        {"copy_out: COPY ... TO STDOUT", "write: DELETE table a"}},
       {"PREPARE p AS DELETE FROM a WHERE id = 1", {"prepare: PREPARE", "write: DELETE table a"}},
       {"DECLARE c CURSOR FOR SELECT lo_unlink(1)",
        {"cursor: DECLARE CURSOR", "call_sensitive: call of function function lo_unlink"}},
       {"CREATE RULE r AS ON INSERT TO a DO ALSO DELETE FROM b",
        {"ddl_create: CREATE RULE rule a (r)", "write_unbounded: DELETE table b"}},
       {"CREATE VIEW s.v AS SELECT * FROM a", {"ddl_create: CREATE VIEW view s.v", "read: SELECT table a"}},
       {"CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT * FROM t",
        {"ddl_create: CREATE SCHEMA schema s", "ddl_create: CREATE TABLE table s.t",
         "ddl_create: CREATE VIEW view s.v", "read: SELECT table t"}},
       {"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC DELETE FROM a; SELECT 1; END",
        {"ddl_create: CREATE FUNCTION function f", "code: CREATE FUNCTION function f",
         "write_unbounded: DELETE table a"}},
       {"SELECT 1; DROP TABLE a", {"read: SELECT", "ddl_drop: DROP TABLE table a"}}});
}

TEST_CASE("what is nested is found at any depth") {
  check(
      {{"WITH a AS (WITH b AS (UPDATE t SET x = 1 RETURNING 1) SELECT * FROM b) SELECT * FROM a",
        {"write_unbounded: UPDATE table t"}},
       {"SELECT (SELECT 1 FROM (WITH b AS (INSERT INTO t VALUES (1) RETURNING 1) SELECT * FROM b) q)",
        {"write: INSERT table t"}},
       {"MERGE INTO t USING (WITH d AS (DELETE FROM u WHERE a = 1 RETURNING a) SELECT * FROM d) q ON t.a = "
        "q.a "
        "WHEN MATCHED THEN UPDATE SET b = (SELECT lo_unlink(1))",
        {"write: MERGE table t", "write: DELETE table u",
         "call_sensitive: call of function function lo_unlink"}},
       {"COPY (MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE RETURNING 1) TO STDOUT",
        {"copy_out: COPY ... TO STDOUT", "write_unbounded: MERGE table t", "read: SELECT table s"}},
       {"COPY (SELECT 1 INTO n) TO STDOUT",
        {"copy_out: COPY ... TO STDOUT", "ddl_create: SELECT INTO table n"}},
       {"INSERT INTO t SELECT 1 INTO n", {"write: INSERT table t", "ddl_create: SELECT INTO table n"}},
       {"SELECT 1 WHERE EXISTS (SELECT 1 UNION (SELECT 2 INTO s.n))", {"ddl_create: SELECT INTO table s.n"}},
       {"PREPARE p AS SELECT 1 UNION (SELECT 2 INTO n)",
        {"prepare: PREPARE", "ddl_create: SELECT INTO table n"}},
       {"CREATE TABLE n AS EXECUTE p", {"ddl_create: CREATE TABLE AS table n", "prepare: EXECUTE (p)"}},
       {"EXECUTE p (lo_unlink(1))",
        {"prepare: EXECUTE (p)", "call_sensitive: call of function function lo_unlink"}},
       {"DECLARE c CURSOR FOR WITH d AS (DELETE FROM a RETURNING 1) SELECT 1",
        {"cursor: DECLARE CURSOR", "write_unbounded: DELETE table a"}},
       {"CREATE MATERIALIZED VIEW m AS SELECT lo_unlink(1)",
        {"ddl_create: CREATE MATERIALIZED VIEW materialized view m",
         "call_sensitive: call of function function lo_unlink"}},
       {"CREATE RULE r AS ON INSERT TO a DO INSTEAD (INSERT INTO b VALUES (1); NOTIFY x)",
        {"ddl_create: CREATE RULE rule a (r)", "write: INSERT table b", "session: NOTIFY"}},
       {"CREATE SCHEMA AUTHORIZATION r CREATE SEQUENCE q CREATE INDEX i ON t (lo_unlink(1)) "
        "GRANT SELECT ON t TO x",
        {"ddl_create: CREATE SCHEMA schema r", "ddl_create: CREATE SEQUENCE sequence r.q",
         "ddl_create: CREATE INDEX index r.t (i)", "call_sensitive: call of function function lo_unlink",
         "dcl: GRANT table t"}},
       {"CREATE PROCEDURE p() BEGIN ATOMIC TRUNCATE t; DROP TABLE t CASCADE; END",
        {"ddl_create: CREATE PROCEDURE procedure p", "code: CREATE PROCEDURE procedure p",
         "truncate: TRUNCATE table t", "ddl_drop: DROP TABLE table t cascade"}},
       {"CREATE FUNCTION f() RETURNS int RETURN lo_unlink(1)",
        {"ddl_create: CREATE FUNCTION function f", "code: CREATE FUNCTION function f",
         "call_sensitive: call of function function lo_unlink"}}});
}

TEST_CASE("a replacement says so") {
  check(
      {{"CREATE OR REPLACE VIEW v AS SELECT 1", {"ddl_create: CREATE OR REPLACE VIEW view v"}},
       {"CREATE OR REPLACE TEMP VIEW v AS SELECT 1", {"ddl_create: CREATE OR REPLACE VIEW view v temporary"}},
       {"CREATE OR REPLACE FUNCTION s.f() RETURNS int RETURN 1",
        {"ddl_create: CREATE OR REPLACE FUNCTION function s.f",
         "code: CREATE OR REPLACE FUNCTION function s.f"}},
       {"CREATE OR REPLACE PROCEDURE p() BEGIN ATOMIC END",
        {"ddl_create: CREATE OR REPLACE PROCEDURE procedure p",
         "code: CREATE OR REPLACE PROCEDURE procedure p"}},
       {"CREATE OR REPLACE TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()",
        {"ddl_create: CREATE OR REPLACE TRIGGER trigger t (g)"}},
       {"CREATE OR REPLACE RULE r AS ON INSERT TO t DO NOTHING",
        {"ddl_create: CREATE OR REPLACE RULE rule t (r)"}},
       {"CREATE OR REPLACE AGGREGATE s.g (int) (sfunc = f, stype = int)",
        {"ddl_create: CREATE OR REPLACE AGGREGATE function s.g",
         "code: CREATE OR REPLACE AGGREGATE function s.g"}}});
}

TEST_CASE("EXPLAIN runs its statement with ANALYZE only") {
  check({{"EXPLAIN DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN CREATE TABLE n AS SELECT 1", {"read: EXPLAIN"}},
         {"EXPLAIN SELECT * INTO n FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN (ANALYZE off) DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN (ANALYZE, ANALYZE 0) DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN SELECT lo_unlink(1)", {"call_sensitive: call of function function lo_unlink"}},
         {"EXPLAIN ANALYZE DELETE FROM a", {"write_unbounded: DELETE table a"}},
         {"EXPLAIN ANALYZE SELECT 1 UNION SELECT 2 INTO n", {"ddl_create: SELECT INTO table n"}},
         {"EXPLAIN ANALYZE EXECUTE p", {"prepare: EXECUTE (p)"}},
         {"EXPLAIN ANALYZE REFRESH MATERIALIZED VIEW m",
          {"maintenance: REFRESH MATERIALIZED VIEW materialized view m"}},
         {"EXPLAIN ANALYZE WITH d AS (INSERT INTO a VALUES (1) RETURNING 1) SELECT * FROM d",
          {"write: INSERT table a"}},
         {"EXPLAIN (ANALYZE 1) CREATE TABLE n AS SELECT 1", {"ddl_create: CREATE TABLE AS table n"}},
         {"EXPLAIN (ANALYZE off, ANALYZE 'tRuE') DELETE FROM a", {"write_unbounded: DELETE table a"}}});
}

TEST_CASE("DROP names every object") {
  check({{"DROP TABLE IF EXISTS a, s.b CASCADE",
          {"ddl_drop: DROP TABLE table a cascade if exists",
           "ddl_drop: DROP TABLE table s.b cascade if exists"}},
         {"drop/**/table \"Product\"", {"ddl_drop: DROP TABLE table Product"}},
         {"DROP TABLE U&\"vict!0069m\" UESCAPE '!'", {"ddl_drop: DROP TABLE table victim"}},
         {"DROP FUNCTION s.f(int)", {"ddl_drop: DROP FUNCTION function s.f"}},
         {"DROP TRIGGER t ON s.a", {"ddl_drop: DROP TRIGGER trigger s.a (t)"}},
         {"DROP OPERATOR CLASS s.c USING btree", {"ddl_drop: DROP OPERATOR CLASS object s.c"}},
         {"DROP TYPE s.t", {"ddl_drop: DROP TYPE type s.t"}},
         {"DROP CAST (int AS s.t)", {"ddl_drop: DROP CAST object pg_catalog.int4"}},
         {"DROP SCHEMA a, b", {"ddl_drop: DROP SCHEMA schema a", "ddl_drop: DROP SCHEMA schema b"}},
         {"DROP MATERIALIZED VIEW v", {"ddl_drop: DROP MATERIALIZED VIEW materialized view v"}},
         {"DROP DATABASE IF EXISTS d", {"system: DROP DATABASE database d if exists"}},
         {"DROP ROLE a, b", {"dcl: DROP ROLE role a", "dcl: DROP ROLE role b"}},
         {"DROP EXTENSION e CASCADE", {"ddl_drop: DROP EXTENSION extension e cascade"}},
         {"DROP OWNED BY a CASCADE", {"ddl_drop: DROP OWNED role a cascade", "dcl: DROP OWNED role a"}},
         {"REASSIGN OWNED BY a, b TO c", {"dcl: REASSIGN OWNED role a", "dcl: REASSIGN OWNED role b"}}});
}

TEST_CASE("ALTER is told by its parts") {
  check(
      {{"ALTER TABLE s.t ADD COLUMN a int, ALTER b SET DEFAULT 1", {"ddl_alter: ALTER TABLE table s.t"}},
       {"ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE",
        {"ddl_drop: ALTER TABLE ... DROP COLUMN column t (a) cascade if exists"}},
       {"ALTER TABLE t ADD a int, DROP b",
        {"ddl_drop: ALTER TABLE ... DROP COLUMN column t (b)", "ddl_alter: ALTER TABLE table t"}},
       {"ALTER TABLE t DROP CONSTRAINT c", {"ddl_drop: ALTER TABLE ... DROP CONSTRAINT table t (c)"}},
       {"ALTER TABLE t DETACH PARTITION p",
        {"ddl_drop: ALTER TABLE ... DETACH PARTITION table t",
         "ddl_alter: ALTER TABLE ... DETACH PARTITION table p"}},
       {"ALTER TABLE t OWNER TO a", {"dcl: ALTER TABLE ... OWNER TO table t"}},
       {"ALTER VIEW v OWNER TO a", {"dcl: ALTER VIEW view v"}},
       {"ALTER FUNCTION f() OWNER TO a", {"dcl: ALTER FUNCTION function f"}},
       {"ALTER DATABASE d OWNER TO a", {"dcl: ALTER DATABASE database d"}},
       {"ALTER FOREIGN TABLE t DROP COLUMN a", {"ddl_drop: ALTER FOREIGN TABLE column t (a)"}},
       {"ALTER DATABASE d RENAME TO e", {"system: ALTER DATABASE database d"}},
       {"ALTER TABLESPACE x RENAME TO y", {"system: ALTER TABLESPACE tablespace x"}},
       {"ALTER SUBSCRIPTION x RENAME TO y", {"system: ALTER SUBSCRIPTION subscription x"}},
       {"ALTER ROLE a RENAME TO b", {"dcl: ALTER ROLE role a"}},
       {"ALTER VIEW s.v RENAME TO w", {"ddl_alter: ALTER VIEW view s.v"}},
       {"ALTER MATERIALIZED VIEW m RENAME COLUMN a TO b",
        {"ddl_alter: ALTER MATERIALIZED VIEW column m (a)"}},
       {"ALTER INDEX i RENAME TO j", {"ddl_alter: ALTER INDEX index i"}},
       {"ALTER TYPE s.y RENAME VALUE 'a' TO 'b'", {"ddl_alter: ALTER TYPE type s.y"}},
       {"ALTER TYPE s.y SET SCHEMA z", {"ddl_alter: ALTER TYPE type s.y", "ddl_create: ALTER TYPE type z.y"}},
       {"ALTER FUNCTION s.f(int) SET SCHEMA z",
        {"ddl_alter: ALTER FUNCTION function s.f", "ddl_create: ALTER FUNCTION function z.f"}},
       {"ALTER EXTENSION e SET SCHEMA s",
        {"ddl_alter: ALTER EXTENSION extension e", "ddl_create: ALTER EXTENSION extension s.e"}},
       {"ALTER EXTENSION e DROP TABLE t",
        {"ddl_alter: ALTER EXTENSION extension e", "ddl_alter: ALTER EXTENSION table t"}},
       {"ALTER TABLE t RENAME COLUMN a TO b", {"ddl_alter: ALTER TABLE column t (a)"}},
       {"ALTER TABLE t RENAME TO u", {"ddl_alter: ALTER TABLE table t"}},
       {"ALTER SCHEMA a RENAME TO b", {"ddl_alter: ALTER SCHEMA schema a"}},
       {"ALTER TABLE t SET SCHEMA s",
        {"ddl_alter: ALTER TABLE table t", "ddl_create: ALTER TABLE table s.t"}},
       {"ALTER TYPE t DROP ATTRIBUTE a", {"ddl_drop: ALTER TYPE ... DROP ATTRIBUTE column t (a)"}},
       {"ALTER DOMAIN d DROP CONSTRAINT c", {"ddl_drop: ALTER DOMAIN ... DROP CONSTRAINT domain d (c)"}},
       {"ALTER SYSTEM SET fsync = off", {"system: ALTER SYSTEM setting fsync"}},
       {"ALTER ROLE a SET work_mem = 1", {"dcl: ALTER ROLE role a"}},
       {"COMMENT ON COLUMN s.t.a IS 'x'", {"ddl_alter: COMMENT column s.t (a)"}},
       {"REFRESH MATERIALIZED VIEW CONCURRENTLY s.m",
        {"maintenance: REFRESH MATERIALIZED VIEW materialized view s.m"}},
       {"CREATE EXTENSION IF NOT EXISTS e CASCADE", {"ddl_create: CREATE EXTENSION extension e if exists"}},
       {"CREATE INDEX CONCURRENTLY i ON s.t (a)", {"ddl_create: CREATE INDEX index s.t (i)"}},
       {"GRANT SELECT ON a, s.b TO x", {"dcl: GRANT table a", "dcl: GRANT table s.b"}},
       {"REVOKE a FROM b", {"dcl: REVOKE role a"}},
       {"GRANT ALL ON ALL TABLES IN SCHEMA s TO x", {"dcl: GRANT schema s"}}});
}

TEST_CASE("a table that a definition refers to is concerned, too") {
  check({{"CREATE TABLE s.c (p int REFERENCES public.p)",
          {"ddl_create: CREATE TABLE table s.c", "ddl_create: FOREIGN KEY ... REFERENCES table public.p"}},
         {"CREATE TABLE s.c () INHERITS (public.p)",
          {"ddl_create: CREATE TABLE table s.c", "ddl_create: CREATE TABLE ... INHERITS table public.p"}},
         {"CREATE TABLE s.c PARTITION OF public.p DEFAULT",
          {"ddl_create: CREATE TABLE table s.c", "ddl_create: CREATE TABLE ... PARTITION OF table public.p"}},
         {"ALTER TABLE s.c ADD FOREIGN KEY (p) REFERENCES public.p",
          {"ddl_alter: ALTER TABLE table s.c", "ddl_alter: FOREIGN KEY ... REFERENCES table public.p"}},
         {"ALTER TABLE s.p ATTACH PARTITION public.c DEFAULT",
          {"ddl_alter: ALTER TABLE table s.p", "ddl_alter: ALTER TABLE ... ATTACH PARTITION table public.c"}},
         {"ALTER TABLE s.c INHERIT public.p",
          {"ddl_alter: ALTER TABLE table s.c", "ddl_alter: ALTER TABLE ... INHERIT table public.p"}},
         {"ALTER TABLE s.c NO INHERIT public.p",
          {"ddl_alter: ALTER TABLE table s.c", "ddl_alter: ALTER TABLE ... NO INHERIT table public.p"}},
         {"CREATE STATISTICS s.x ON a, b FROM public.t",
          {"ddl_create: CREATE STATISTICS object s.x",
           "ddl_create: CREATE STATISTICS ... FROM table public.t"}},
         {"ALTER EXTENSION e ADD TABLE public.t",
          {"ddl_alter: ALTER EXTENSION extension e", "ddl_alter: ALTER EXTENSION table public.t"}},
         // A temporary table can refer to temporary ones only, but be attached to others.
         {"CREATE TEMP TABLE c (p int REFERENCES p)",
          {"ddl_create: CREATE TABLE table c temporary",
           "ddl_create: FOREIGN KEY ... REFERENCES table p temporary"}},
         {"ALTER TABLE pg_temp.c INHERIT public.p",
          {"ddl_alter: ALTER TABLE table pg_temp.c", "ddl_alter: ALTER TABLE ... INHERIT table public.p"}}});
}

TEST_CASE("the server that a new foreign table leads to is concerned, too") {
  check({{"CREATE FOREIGN TABLE s.t (a int) SERVER x",
          {"ddl_create: CREATE FOREIGN TABLE foreign table s.t",
           "ddl_create: CREATE FOREIGN TABLE ... SERVER object x"}},
         {"CREATE FOREIGN TABLE s.c PARTITION OF s.p DEFAULT SERVER x",
          {"ddl_create: CREATE FOREIGN TABLE foreign table s.c",
           "ddl_create: CREATE TABLE ... PARTITION OF table s.p",
           "ddl_create: CREATE FOREIGN TABLE ... SERVER object x"}},
         {"IMPORT FOREIGN SCHEMA a LIMIT TO (t) FROM SERVER x INTO b",
          {"ddl_create: IMPORT FOREIGN SCHEMA schema b",
           "ddl_create: IMPORT FOREIGN SCHEMA ... FROM SERVER object x"}}});
}

TEST_CASE("a sensitive function is found where it is called as an attribute") {
  for (const std::string_view sql :
       {"SELECT (777::oid).lo_unlink", "SELECT x.lo_unlink FROM unnest(ARRAY[1::oid]) x",
        "SELECT (ARRAY[780::oid])[1].lo_unlink", "SELECT ('DROP TABLE t'::text).dblink_exec",
        "SELECT 1 FROM t WHERE (a).pg_terminate_backend", "SELECT s.x.\"pg_read_file\" FROM s.x"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK(std::any_of(reading.facts.begin(), reading.facts.end(),
                      [](const Fact& fact) { return fact.cls == StatementClass::call_sensitive; }));
  }
  CHECK(facts_of("SELECT t.is_empty, t.name, (t).id, lo_unlink FROM t") == Facts{"read: SELECT table t"});
}

TEST_CASE("a view over a catalog is no ordinary view") {
  check({{"CREATE TEMP VIEW v AS SELECT * FROM pg_class",
          {"ddl_create: CREATE VIEW view v temporary", "read: SELECT table pg_class",
           "catalog_write: CREATE VIEW table pg_class"}},
         {"CREATE TEMP VIEW v AS SELECT * FROM pg_stat_activity",
          {"ddl_create: CREATE VIEW view v temporary", "read: SELECT table pg_stat_activity"}}});
}

TEST_CASE("a materialized view is emptied by REFRESH ... WITH NO DATA") {
  check({{"REFRESH MATERIALIZED VIEW v", {"maintenance: REFRESH MATERIALIZED VIEW materialized view v"}},
         {"REFRESH MATERIALIZED VIEW v WITH NO DATA",
          {"truncate: REFRESH MATERIALIZED VIEW ... WITH NO DATA materialized view v"}}});
}

TEST_CASE("COPY is judged by its other end") {
  check({{"COPY a TO STDOUT", {"copy_out: COPY ... TO STDOUT table a"}},
         {"COPY a FROM STDIN", {"copy_in: COPY ... FROM STDIN table a"}},
         {"COPY a TO PROGRAM 'sh'", {"copy_program: COPY ... TO PROGRAM table a"}},
         {"COPY a FROM PROGRAM 'sh'", {"copy_program: COPY ... FROM PROGRAM table a"}},
         {"COPY (SELECT * FROM a) TO '/tmp/x'", {"copy_file: COPY ... TO file", "read: SELECT table a"}}});
}

TEST_CASE("functions that do more than read are found wherever they are called") {
  const Facts unlink{"call_sensitive: call of function function lo_unlink"};
  for (const std::string_view sql :
       {"SELECT lo_unlink(1)", "SELECT LO_UNLINK (1)", "SELECT U&\"lo\\005funlink\"(1)",
        "SELECT * FROM lo_unlink(1)", "SELECT 1 ORDER BY lo_unlink(1)", "SELECT 1 LIMIT lo_unlink(1)",
        "VALUES (1, lo_unlink(1))", "SELECT * FROM ROWS FROM (lo_unlink(1), now())",
        "SELECT count(*) FILTER (WHERE lo_unlink(1) > 0)", "SELECT sum(1) OVER (ORDER BY lo_unlink(1))",
        "SELECT ARRAY[[lo_unlink(1)]]", "SELECT CASE WHEN true THEN lo_unlink(1) END",
        "SELECT COLLATION FOR (lo_unlink(1))", "SELECT JSON_OBJECT('a': lo_unlink(1))",
        "SELECT (ROW(lo_unlink(1))).f1", "SELECT now(), lo_unlink(1)"}) {
    INFO(sql);
    CHECK(facts_of(sql) == unlink);
  }
  check(
      {{"SELECT pg_catalog.lo_unlink(1)", {"call_sensitive: call of function function pg_catalog.lo_unlink"}},
       {"SELECT app.lo_unlink(1)", {"read: SELECT"}},
       {"SELECT nextval('s'), setval('s', 1), pg_advisory_lock(1)", {"read: SELECT"}},
       {"SELECT ts_rewrite('a', 'b', 'c')", {"read: SELECT"}}});
}

TEST_CASE("a function is the same however its call is spelled and wherever it stands") {
  for (const std::string_view sql :
       {"SELECT dblink_connect('c')",
        "SELECT DBLINK_CONNECT('c')",
        "SELECT \"dblink_connect\"('c')",
        "SELECT x.dblink_connect('c')",
        "SELECT U&\"dblink\\005fconnect\"('c')",
        "SELECT U&\"dblink!005fconnect\" UESCAPE '!' ('c')",
        "SELECT dblink_connect(connstr => 'c')",
        "SELECT dblink_connect(connstr := 'c')",
        "SELECT dblink_connect(VARIADIC ARRAY['c'])",
        "SELECT * FROM dblink_connect('c')",
        "SELECT * FROM a, LATERAL dblink_connect(a.c)",
        "SELECT * FROM ROWS FROM (now(), dblink_connect('c')) WITH ORDINALITY",
        "CREATE TABLE t (a text DEFAULT dblink_connect('c'))",
        "CREATE TABLE t (a int CHECK (dblink_connect('c') = ''))",
        "CREATE TABLE t (a text GENERATED ALWAYS AS (dblink_connect('c')) STORED)",
        "ALTER TABLE t ALTER a SET DEFAULT dblink_connect('c')",
        "CREATE INDEX ON t (dblink_connect('c'))",
        "CREATE INDEX ON t (a) WHERE dblink_connect('c') = ''",
        "SELECT 1 LIMIT length(dblink_connect('c'))",
        "SELECT 1 OFFSET length(dblink_connect('c'))",
        "CALL p(dblink_connect('c'))",
        "EXECUTE p(dblink_connect('c'))",
        "EXPLAIN EXECUTE p(dblink_connect('c'))",
        "INSERT INTO t VALUES (dblink_connect('c'))",
        "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = dblink_connect('c')",
        "INSERT INTO t VALUES (1) RETURNING dblink_connect('c')",
        "UPDATE t SET a = dblink_connect('c') WHERE b = 1",
        "MERGE INTO t USING a ON t.a = a.a WHEN MATCHED AND dblink_connect('c') = '' THEN DO NOTHING",
        "SELECT * FROM t TABLESAMPLE system (length(dblink_connect('c')))",
        "COPY t FROM STDIN WHERE dblink_connect('c') = ''",
        "COPY (SELECT dblink_connect('c')) TO STDOUT",
        "CREATE VIEW v AS SELECT dblink_connect('c')",
        "CREATE POLICY p ON t USING (dblink_connect('c') = '')",
        "WITH a AS (SELECT dblink_connect('c')) SELECT 1",
        "SELECT max(a ORDER BY dblink_connect('c')) FROM t",
        "SELECT XMLELEMENT(NAME a, dblink_connect('c'))",
        "SELECT JSON_VALUE(dblink_connect('c'), '$')",
        "SELECT COALESCE(dblink_connect('c'), '')",
        "SELECT (dblink_connect('c')).a",
        "SELECT a[length(dblink_connect('c'))] FROM t",
        "PREPARE p AS SELECT dblink_connect('c')",
        "DECLARE c CURSOR FOR SELECT dblink_connect('c')"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK(std::count_if(reading.facts.begin(), reading.facts.end(), [](const Fact& fact) {
            return fact.cls == StatementClass::call_sensitive && fact.name == "dblink_connect";
          }) == 1);
  }
}

TEST_CASE("every call gives a fact with the function's name") {
  const auto check_calls = [](std::string_view sql, const std::vector<std::string>& calls) {
    INFO(sql);
    CHECK(calls_of(sql) == calls);
  };
  check_calls("SELECT my_fn(1), app.My_Fn(2), \"My_Fn\"()", {"my_fn", "app.my_fn", "My_Fn"});
  check_calls("SELECT count(*) FROM a WHERE lower(b) = 'x'", {"count", "lower"});
  check_calls("SELECT now(), now()", {"now"});
  check_calls("SELECT now(); SELECT now()", {"now", "now"});
  check_calls("SELECT set_config('search_path', '', false)", {"set_config"});
  check_calls("SELECT * FROM dblink('c', 'SELECT my_fn()') AS t(a int)", {"dblink", "my_fn"});
  check_calls("CREATE TEMP TABLE t AS SELECT my_fn()", {"my_fn"});
  check_calls("SELECT current_date, COALESCE(a, 1), NULLIF(a, 1), a::int FROM t", {});
  // Words of newer grammars are anybody's function elsewhere.
  check_calls("SELECT json_scalar('x'), json(1), json_serialize(a), json_exists(a, 'b'), json_array(1, 2)",
              {"json_scalar", "json", "json_serialize", "json_exists", "json_array"});
  check_calls("SELECT json_query(a, 'b'), json_value(a, 'b'), json_arrayagg(a), json_object('a': 1)",
              {"json_query", "json_value", "json_arrayagg", "json_object"});
  check_calls("SELECT json_object('{a,b}')", {"pg_catalog.json_object"});
  check_calls("MERGE INTO t USING a ON t.a = a.a WHEN MATCHED THEN DO NOTHING RETURNING merge_action()",
              {"merge_action"});
  // These have a form that no call has.
  check_calls("SELECT json_objectagg('a': 1), json_array(SELECT 1)", {});
  SECTION("a call is no object, the statement keeps its own fact") {
    CHECK(facts_of("SELECT now()") == Facts{"read: SELECT"});
    CHECK(facts_of("SELECT now() FROM a") == Facts{"read: SELECT table a"});
    CHECK(facts_of("VACUUM") == Facts{"maintenance: VACUUM"});
  }
  SECTION("many rows with the same calls cost little") {
    const Reading rows = read_statements(
        "INSERT INTO t VALUES (now(), f(), g())" + repeat(", (now(), f(), g())", 200'000), {});
    CHECK(rows.error.empty());
    CHECK(rows.facts.size() == 4);
  }
}

TEST_CASE("the constant text that a function runs is judged in place of the call") {
  const std::string call = "call_sensitive: call of function function ";
  check({{"SELECT dblink_exec('host=x', 'DROP TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT s.dblink_exec('DROP TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('DROP TABLE x', false)", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', 'DROP TABLE x', false)", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', 'DROP TABLE x'::text, a) FROM t",
          {call + "dblink_exec (c)", "read: SELECT table t"}},
         {"SELECT dblink_exec('SELECT 1', 'DROP TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', E'DR\\x4fP TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', U&'DR\\004fP TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', 'DROP '\n'TABLE x')", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT dblink_exec('c', $$DROP TABLE x$$)", {"ddl_drop: DROP TABLE table x"}},
         {"SELECT * FROM dblink('c', 'SELECT 1') AS t(a int)", {"read: SELECT"}},
         {"SELECT * FROM dblink('c', 'SELECT a FROM b') AS t(a int)", {"read: SELECT table b"}},
         {"SELECT * FROM dblink('c', '') AS t(a int)", {"read: SELECT"}},
         {"SELECT * FROM dblink('c', 'SELECT 1; DROP TABLE x; SELECT 2') AS t(a int)",
          {"ddl_drop: DROP TABLE table x"}},
         {"SELECT * FROM dblink('c', 'SELECT dblink_exec(''c'', ''TRUNCATE x'')') AS t(a int)",
          {"truncate: TRUNCATE table x"}},
         {"SELECT query_to_xml('SELECT 1', true, true, '')", {"read: SELECT"}},
         {"SELECT query_to_xml('SELECT lo_unlink(1)', true, true, '')", {call + "lo_unlink"}},
         {"SELECT pg_catalog.query_to_xml(nulls => true, tableforest => true, targetns => 'TABLE a', query "
          "=> 'TABLE b')",
          {"read: SELECT table b"}},
         {"SELECT query_to_xmlschema('TABLE a', true, true, '')", {"read: SELECT table a"}},
         {"SELECT query_to_xml_and_xmlschema('TABLE a', true, true, '')", {"read: SELECT table a"}},
         {"SELECT * FROM ts_stat('TABLE a', 'ab')", {"read: SELECT table a"}},
         {"SELECT ts_rewrite('a', 'SELECT a, b FROM c')", {"read: SELECT table c"}},
         {"SELECT * FROM crosstab('TABLE a', 2) AS t(a int)", {"read: SELECT table a"}},
         {"SELECT * FROM crosstab('TABLE a', 'TABLE b') AS t(a int)",
          {"read: SELECT table b", "read: SELECT table a"}},
         {"SELECT * FROM pgr_dijkstra('TABLE a', 1, 2.5, directed => false)", {"read: SELECT table a"}},
         {"SELECT * FROM pgr_dijkstra('TABLE a', ARRAY[1], $1::bigint, $2::numeric(9, 2))",
          {"read: SELECT table a"}},
         {"SELECT * FROM pgr_dijkstra('TABLE a', '{1}'::int[], 2)", {"read: SELECT table a"}},
         {"SELECT * FROM pgr_dijkstra('SELECT lo_unlink(1)', 1, 2)", {call + "lo_unlink"}}});
  SECTION("a text that is not constant may be anything") {
    for (const std::string_view sql :
         {"SELECT dblink_exec($1, $2)",
          "SELECT dblink_exec('c', $1)",
          "SELECT dblink_exec('c', a) FROM t",
          "SELECT dblink_exec('c', 'DROP' || ' TABLE x')",
          "SELECT dblink_exec('c', concat('DROP', ' TABLE x'))",
          "SELECT dblink_exec('c', 'SELECT 1DROP TABLE x'::varchar(8))",
          "SELECT dblink_exec('c', 'SELECT 1'::x)",
          "SELECT dblink_exec('c', NULL)",
          "SELECT dblink_exec('c', 'x' COLLATE \"C\")",
          "SELECT dblink_exec()",
          "SELECT dblink_exec('SELECT 1', 'f'::bool)",
          "SELECT dblink_exec(sql => 'SELECT 1')",
          "SELECT dblink_exec(VARIADIC ARRAY['c', 'SELECT 1'])",
          "SELECT query_to_xml($1, true, true, 'SELECT 1')",
          "SELECT query_to_xml(nulls => true, tableforest => true, targetns => 'SELECT 1', query => $1)",
          "SELECT * FROM ts_stat(current_query())",
          "SELECT ts_rewrite('SELECT 1', $1)",
          "SELECT crosstab('SELECT 1', $1)",
          "SELECT crosstab($1, 'SELECT 1')",
          "SELECT crosstab()",
          "SELECT pgr_dijkstra('SELECT 1', $1, true)",
          "SELECT pgr_dijkstra('SELECT 1', 'SELECT 1'::int8)",
          "SELECT pgr_dijkstra(VARIADIC ARRAY['SELECT 1'])"}) {
      INFO(sql);
      CHECK(facts_of(sql).front().starts_with("call_sensitive"));
    }
  }
  SECTION("what no server, or not every server, reads so is not judged as if") {
    CHECK(facts_of("SELECT dblink_exec('c', 'DROP_REPLICATION_SLOT x')") == Facts{"unanalysable: statement"});
    // The other session may have another client_encoding, in which the backslash is half of a character.
    CHECK(facts_of("SELECT dblink_exec('c', $$SELECT E'\xc3\x95\\'; DROP TABLE x; --'$$)") ==
          Facts{call + "dblink_exec (c)"});
    // Under either setting of standard_conforming_strings.
    CHECK(facts_of("SELECT dblink_exec('c', $$SELECT '\\'; DROP TABLE x; --'$$)") ==
          Facts{"ddl_drop: DROP TABLE table x"});
    CHECK(facts_of("SELECT dblink_exec('c', $$SELECT '\\'' FROM a; DROP TABLE x; --'$$)") ==
          Facts{"read: SELECT table a", "ddl_drop: DROP TABLE table x"});
  }
  SECTION("the text stands where its literal stands") {
    const Reading reading = read_statements("SELECT dblink_exec('c', 'DROP TABLE x')", {});
    CHECK(reading.facts.back().position == 24);
    CHECK(reading.facts.back().inner);
  }
  SECTION("another session has other temporary tables") {
    const LexerSettings temporary_first{.temporary_first = true};
    CHECK(facts_of("CREATE TEMP TABLE t (a int); SELECT dblink_exec('c', 'ALTER TABLE t ADD b int')",
                   temporary_first) ==
          Facts{"ddl_create: CREATE TABLE table t temporary", "ddl_alter: ALTER TABLE table t"});
    CHECK(facts_of("CREATE SCHEMA s CREATE VIEW v AS SELECT dblink_exec('c', 'CREATE TABLE t (a int)')")
              .back() == "ddl_create: CREATE TABLE table t");
  }
}

TEST_CASE("functions that do more than run a text at once are sensitive with it") {
  const std::string call = "call_sensitive: call of function function ";
  check(
      {{"SELECT dblink_send_query('c', 'DROP TABLE x')",
        {call + "dblink_send_query (c)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT dblink_open('a', 'TABLE b')", {call + "dblink_open (a)", "read: SELECT table b"}},
       {"SELECT dblink_open('c', 'a', 'TABLE b', false)", {call + "dblink_open (c)", "read: SELECT table b"}},
       {"SELECT cron.schedule('* * * * *', 'DROP TABLE x')",
        {call + "cron.schedule (* * * * *)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT cron.schedule('job', '* * * * *', 'DROP TABLE x')",
        {call + "cron.schedule (job)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT cron.schedule(command => 'DROP TABLE x', schedule => '* * * * *')",
        {call + "cron.schedule (DROP TABLE x)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT cron.alter_job(1, command => 'DROP TABLE x')",
        {call + "cron.alter_job (DROP TABLE x)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT cron.schedule_in_database('job', '* * * * *', 'DROP TABLE x', 'db')",
        {call + "cron.schedule_in_database (job)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT cron.unschedule(1)", {call + "cron.unschedule"}},
       {"SELECT pg_background_launch('DROP TABLE x')",
        {call + "pg_background_launch (DROP TABLE x)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT run_command_on_workers('DROP TABLE x')",
        {call + "run_command_on_workers (DROP TABLE x)", "ddl_drop: DROP TABLE table x"}},
       {"SELECT dblink_connect('SELECT 1')", {call + "dblink_connect (SELECT 1)"}},
       {"SELECT dblink_fetch('SELECT 1', 1)", {call + "dblink_fetch (SELECT 1)"}},
       {"SELECT cursor_to_xml('SELECT 1', 1, true, true, '')", {call + "cursor_to_xml (SELECT 1)"}},
       {"SELECT * FROM connectby('a', 'b', 'c', 'd', 0)", {call + "connectby (a)"}},
       {"SELECT * FROM xpath_table('a', 'b', 'c', 'd', 'true')", {call + "xpath_table (a)"}}});
}

TEST_CASE("set_config is what its setting is") {
  check(
      {{"SELECT set_config('search_path', '', false)", {"session: SET setting search_path"}},
       {"SELECT pg_catalog.set_config('app.user'::text, '1', true)", {"session: SET setting app.user (1)"}},
       {"SELECT set_config(setting_name => 'app.user', new_value => 'x', is_local => true)",
        {"session: SET setting app.user (x)"}},
       {"SELECT set_config('Standard_Conforming_Strings', 'off', false)",
        {"call_sensitive: call of function function set_config (Standard_Conforming_Strings)"}},
       {"SELECT set_config('standard_conforming_stringsX'::varchar(27), 'off', false)",
        {"call_sensitive: call of function function set_config"}},
       {"SELECT set_config($1, $2, false)", {"call_sensitive: call of function function set_config"}},
       {"SELECT set_config(name, 'view', false) FROM pg_settings WHERE name = 'some_setting'",
        {"session: SET setting some_setting (view)", "read: SELECT table pg_settings"}},
       {"SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'standard_conforming_strings'",
        {"call_sensitive: call of function function set_config (standard_conforming_strings)",
         "read: SELECT table pg_settings"}},
       {"SELECT set_config(name, 'off', false) FROM pg_settings WHERE name <> 'some_setting'",
        {"call_sensitive: call of function function set_config", "read: SELECT table pg_settings"}},
       {"SELECT set_config('row_security', 'off', false)", {"session: SET setting row_security (off)"}},
       {"SELECT set_config('Session_Replication_Role', 'replica', false)",
        {"system: SET setting Session_Replication_Role (replica)"}},
       {"SET session_replication_role = replica", {"system: SET setting session_replication_role (replica)"}},
       {"SET SESSION AUTHORIZATION a", {"system: SET setting session_authorization (a)"}},
       {"RESET SESSION AUTHORIZATION", {"session: RESET setting session_authorization"}},
       {"SELECT set_config('role', 'a', true)", {"session: SET setting role (a)"}}});
}

TEST_CASE("whether transactions may write is a fact of its own") {
  const std::string now = "session: SET ... READ WRITE setting transaction_read_only";
  const std::string later = "session: SET ... READ WRITE setting default_transaction_read_only";
  check(
      {{"BEGIN READ WRITE", {"transaction: BEGIN", now}},
       {"START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, READ WRITE", {"transaction: BEGIN", now}},
       {"BEGIN READ ONLY", {"transaction: BEGIN"}},
       {"SET TRANSACTION READ WRITE", {"session: SET setting TRANSACTION", now}},
       {"SET LOCAL TRANSACTION DEFERRABLE READ WRITE", {"session: SET setting TRANSACTION", now}},
       {"SET TRANSACTION READ ONLY", {"session: SET setting TRANSACTION"}},
       {"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        {"session: SET setting SESSION CHARACTERISTICS", later}},
       {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        {"session: SET setting SESSION CHARACTERISTICS"}},
       {"SET transaction_read_only = off", {now + " (off)"}},
       {"SET LOCAL \"TRANSACTION_Read_Only\" TO 'f'", {now + " (f)"}},
       {"SET U&\"default\\005ftransaction_read_only\" TO 0", {later}},
       {"SET default_transaction_read_only TO DEFAULT", {later}},
       {"SET default_transaction_read_only = ON",
        {"session: SET setting default_transaction_read_only (on)"}},
       {"SET default_transaction_read_only = true",
        {"session: SET setting default_transaction_read_only (true)"}},
       {"RESET transaction_read_only", {now}},
       {"RESET default_transaction_read_only", {later}},
       {"SELECT set_config('Transaction_Read_Only', 'off', true)", {now + " (off)"}},
       {"SELECT set_config('default_transaction_read_only', $1, false)", {later}},
       {"SELECT set_config('default_transaction_read_only', 'o' || 'n', false)", {later}},
       {"SELECT set_config('default_transaction_read_only', 'on', false)",
        {"session: SET setting default_transaction_read_only (on)"}},
       {"SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'transaction_read_only'",
        {now + " (off)", "read: SELECT table pg_settings"}}});
}

TEST_CASE("statements about the session") {
  check({{"SET search_path = a, b", {"session: SET setting search_path"}},
         {"SET LOCAL ROLE x", {"session: SET setting role (x)"}},
         {"RESET ALL", {"session: RESET setting"}},
         {"SHOW search_path", {"session: SHOW setting search_path"}},
         {"BEGIN; COMMIT", {"transaction: BEGIN", "transaction: COMMIT"}},
         {"COMMIT PREPARED 'x'", {"system: COMMIT PREPARED"}},
         {"LOCK a, b", {"lock: LOCK TABLE table a", "lock: LOCK TABLE table b"}},
         {"VACUUM a", {"maintenance: VACUUM table a"}},
         {"ANALYZE", {"maintenance: ANALYZE"}},
         {"DO 'x'", {"code: DO"}},
         {"CALL s.p(1)", {"code: CALL procedure s.p"}},
         {"LOAD 'x'", {"code: LOAD"}},
         {"EXECUTE p", {"prepare: EXECUTE (p)"}}});
}

TEST_CASE("temporary is said only of what is certainly temporary and harmless") {
  for (const std::string_view sql :
       {"CREATE TEMP TABLE t (a int DEFAULT 1, b uuid DEFAULT gen_random_uuid())",
        "CREATE TABLE pg_temp.t (a int)", "CREATE TEMP TABLE t AS SELECT * FROM a",
        "SELECT * INTO TEMP t FROM a", "CREATE TEMP SEQUENCE s", "CREATE TEMP VIEW v AS SELECT 1",
        "DROP TABLE pg_temp.t", "ALTER SEQUENCE pg_temp.s RESTART", "TRUNCATE pg_temp.t",
        "ALTER TABLE pg_temp.t ADD a int", "CREATE INDEX ON pg_temp.t (a)", "CREATE TEMP TABLE t (LIKE a)",
        // What functions do is another fact.
        "CREATE TEMP TABLE t AS SELECT gis.st_union(a) FROM u", "CREATE INDEX ON pg_temp.t (app.f(a))",
        "CREATE TEMP TABLE t (a int DEFAULT app.f())"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK(reading.facts.front().temporary);
  }
  for (const std::string_view sql :
       {"CREATE TABLE t (a int)", "CREATE TEMP TABLE public.t (a int)", "CREATE TEMP TABLE t () INHERITS (a)",
        "CREATE TEMP SEQUENCE s OWNED BY a.b",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TRIGGER x AFTER INSERT ON pg_temp.t EXECUTE FUNCTION f()", "DROP TABLE t",
        "DROP TABLE pg_temp_3.t", "ALTER TABLE pg_temp.t INHERIT a",
        "ALTER TABLE pg_temp.t SET SCHEMA public", "DROP SCHEMA pg_temp"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK_FALSE(reading.facts.front().temporary);
  }
}

TEST_CASE("names that the text itself made temporary are known while pg_temp comes first") {
  const auto last_is_temporary = [](std::string_view sql, bool temporary_first) {
    LexerSettings settings;
    settings.temporary_first = temporary_first;
    const Reading reading = read_statements(sql, settings);
    const auto is_definition = [](const Fact& fact) { return fact.cls != StatementClass::read; };
    return std::find_if(reading.facts.rbegin(), reading.facts.rend(), is_definition)->temporary;
  };
  for (const std::string_view sql :
       {"CREATE TEMP TABLE t (a int); CREATE INDEX ON t (a)",
        "CREATE TEMP TABLE t (a int); DROP TABLE pg_temp.t",
        "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN b int",
        "BEGIN; CREATE TEMP TABLE t (a int); COMMENT ON TABLE t IS 'x'",
        "CREATE TEMP TABLE t (a int); ALTER TABLE t RENAME a TO b",
        "CREATE TEMP TABLE t (a int); ALTER TABLE pg_temp.t ALTER COLUMN a TYPE text",
        "CREATE TEMP TABLE t (a int); CREATE TEMP TABLE u () INHERITS (t)"}) {
    INFO(sql);
    CHECK(last_is_temporary(sql, true));
  }
  CHECK_FALSE(last_is_temporary("CREATE TEMP TABLE t (a int); CREATE INDEX ON t (a)", false));
  for (const std::string_view sql :
       {"CREATE TEMP TABLE t (a int); DROP TABLE t", "CREATE TEMP TABLE t (a int); TRUNCATE t",
        "CREATE TEMP TABLE t (a int); ALTER TABLE t ALTER COLUMN a TYPE text USING 0",
        "CREATE TEMP TABLE t (a int); ALTER TABLE t DROP COLUMN a",
        "CREATE TEMP TABLE t (a int); DROP TABLE t; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); DROP TABLE public.t",
        "BEGIN; SAVEPOINT s; CREATE TEMP TABLE t (a int); ROLLBACK TO s; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); COMMIT; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); DISCARD TEMP; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); SET search_path = public, pg_temp; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); SELECT set_config('search_path', $1, true); DROP TABLE t",
        "CREATE TEMP TABLE t (a int); EXECUTE p; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); DROP TABLE t, u",
        "CREATE TEMP TABLE t (a int); ALTER TABLE t RENAME TO u; DROP TABLE t"}) {
    INFO(sql);
    CHECK_FALSE(last_is_temporary(sql, true));
  }
}

TEST_CASE("positions point at the object or at the first word of the statement") {
  const auto positions = [](std::string_view sql) {
    const Reading reading = read_statements(sql, {});
    std::vector<std::int32_t> found;
    for (const Fact& fact : reading.facts) found.push_back(fact.position);
    return found;
  };
  using Positions = std::vector<std::int32_t>;
  CHECK(positions("  /* x */ DROP TABLE a") == Positions{10});
  CHECK(positions("SELECT 1;\n-- x\nDELETE FROM s.t") == Positions{0, 27});
  CHECK(positions("SELECT 'é', lo_unlink(1)") == Positions{13});
  const Reading reading = read_statements("SELECT 1 ; /* x */ SELECT 22 ;", {});
  REQUIRE(reading.statements.size() == 2);
  CHECK(reading.statements[1].offset == 19);
  CHECK(reading.statements[1].length == 10);
  CHECK(reading.facts[1].statement == 1);
}

TEST_CASE("what does not parse is unanalysable, with the parser's words and place") {
  const Reading reading = read_statements("DROP TABLE a; SELECT 'é' FROM FROM", {});
  REQUIRE(reading.facts.size() == 1);
  CHECK(reading.facts.front().cls == StatementClass::unanalysable);
  CHECK(reading.error == "syntax error at or near \"FROM\"");
  CHECK(reading.error_position == 31);
  CHECK(reading.may_change_lexing);
  for (const std::string_view sql : {"SELECT 'a", "SELECT \"a", "SELECT $$a", "/* a", "BASE_BACKUP",
                                     "\xff\xfe", "SELECT E'\\xff' \xff FROM", "DR\xd0\x9eP TABLE users"}) {
    INFO(sql);
    CHECK(is_unanalysable(sql));
  }
}

TEST_CASE("comments stand between words that the grammar takes together") {
  for (const std::string comment : {"/* c */", "-- c\n", "/* a /* b */ */\n-- c\n"}) {
    const auto with = [&](std::string sql) {
      sql.replace(sql.find('@'), 1, comment);
      return facts_of(sql);
    };
    CHECK(with("SELECT 1 NOT @ IN (2)") == Facts{"read: SELECT"});
    CHECK(with("SELECT 1 ORDER BY 1 NULLS @ FIRST") == Facts{"read: SELECT"});
    CHECK(with("SELECT now()::timestamp WITHOUT @ TIME ZONE") == Facts{"read: SELECT"});
    CHECK(with("DROP TABLE U&\"vict!0069m\" @ UESCAPE '!'") == Facts{"ddl_drop: DROP TABLE table victim"});
  }
  CHECK(is_unanalysable("SELECT 1 NOT /* c */ IN (2) /* c */ 'a'"));
  CHECK(is_unanalysable("SELECT 1 NOT /* c */ IN ('a' /* c */\n'b')"));
  const Reading reading = read_statements("/* \xC3\xA4 */ SELECT 1 NOT /* c */ FROM FROM", {});
  CHECK(reading.error_position == 35);
}

TEST_CASE("a string goes on behind a comment and a line break") {
  CHECK(facts_of("SELECT 'a' -- c\n 'b'") == Facts{"read: SELECT"});
  CHECK(facts_of("SELECT E'\\'' --c\r--';\n '\\'--' --; DROP TABLE t\n'', 1 NOT /* c */ IN (2)") ==
        Facts{"read: SELECT"});
  CHECK(facts_of("SELECT 'a' -- '\n'; --'; DROP TABLE victim") ==
        Facts{"read: SELECT", "ddl_drop: DROP TABLE table victim"});
  CHECK(facts_of("SELECT 'a' -- c\n'b'; DROP TABLE victim") ==
        Facts{"read: SELECT", "ddl_drop: DROP TABLE table victim"});
  CHECK(is_unanalysable("SELECT 'a' -- c\n /* c */ 'b'"));
}

TEST_CASE("the parser's words are bounded") {
  CHECK(
      read_statements("SELECT " + repeat("\xc3\xa9", 10'000) + " " + repeat("x", 10'000), {}).error.empty());
  CHECK(read_statements("DROP " + repeat("x", 10'000), {}).error.size() == 256);
}

TEST_CASE("standard_conforming_strings decides where a string ends") {
  const std::string_view sql = "SELECT '\\''; DROP TABLE victim; --'";
  CHECK(facts_of(sql) == Facts{"read: SELECT"});
  CHECK(facts_of(sql, {.standard_conforming_strings = false}) ==
        Facts{"read: SELECT", "ddl_drop: DROP TABLE table victim"});
  // And back: the setting is not left behind.
  CHECK(facts_of(sql) == Facts{"read: SELECT"});
}

TEST_CASE("it is said what may change how later texts are read") {
  for (const std::string_view sql : {"SET standard_conforming_strings = off",
                                     "SET \"STANDARD_CONFORMING_STRINGS\" = 0",
                                     "SET NAMES 'SJIS'",
                                     "RESET client_encoding",
                                     "RESET ALL",
                                     "DISCARD ALL",
                                     "ROLLBACK",
                                     "ROLLBACK TO s",
                                     "COMMIT",
                                     "END",
                                     "EXECUTE p",
                                     "FETCH c",
                                     "MOVE c",
                                     "DO ''",
                                     "CALL p()",
                                     "LOAD 'x'",
                                     "SELECT set_config($1, $2, false)",
                                     "UPDATE pg_settings SET setting = 'off' WHERE name = 'x'",
                                     "SELECT query_to_xml('x', true, true, '')",
                                     "SELECT 1; SET client_encoding = x; SELECT 2",
                                     "SELEC"}) {
    INFO(sql);
    CHECK(read_statements(sql, {}).may_change_lexing);
  }
  for (const std::string_view sql : {"SELECT 1", "INSERT INTO a VALUES (1)", "UPDATE a SET b = 1",
                                     "DELETE FROM a", "BEGIN", "SAVEPOINT s", "RELEASE s", "SET work_mem = 1",
                                     "SHOW client_encoding", "SELECT set_config('search_path', 'x', true)",
                                     "DROP TABLE a", "SET ROLE x", "ALTER ROLE a SET client_encoding = x"}) {
    INFO(sql);
    CHECK_FALSE(read_statements(sql, {}).may_change_lexing);
  }
}

TEST_CASE("calls by OID are those of the same functions") {
  std::vector<Fact> facts;
  const auto summaries_of = [&facts](std::uint32_t oid) {
    facts.clear();
    read_function_call(oid, facts);
    std::vector<std::string> summaries;
    for (const Fact& fact : facts) summaries.push_back(summary(fact));
    return summaries;
  };
  CHECK(summaries_of(952) == Facts{"read: function call", "read: call of function function lo_open"});
  CHECK(summaries_of(1299) == Facts{"read: function call", "read: call of function function now"});
  CHECK(summaries_of(964) == Facts{"call_sensitive: call of function function lo_unlink"});
  CHECK(summaries_of(2078) == Facts{"call_sensitive: call of function function set_config"});
  CHECK(summaries_of(2923) == Facts{"call_sensitive: call of function function table_to_xml"});
  CHECK(summaries_of(2924) == Facts{"call_sensitive: call of function function query_to_xml"});
  // Which of the overloads it is does not count, nor do constant arguments.
  CHECK(summaries_of(3684) == Facts{"call_sensitive: call of function function ts_rewrite"});
  CHECK(summaries_of(3685) == Facts{"call_sensitive: call of function function ts_rewrite"});
  // No server has it, or only some have.
  CHECK(summaries_of(0) == Facts{"call_sensitive: call of function function"});
  CHECK(summaries_of(9999) == Facts{"call_sensitive: call of function function"});
  CHECK(summaries_of(16384) == Facts{"call_sensitive: call of function function"});
  CHECK(summaries_of(4100) == Facts{"call_sensitive: call of function function pg_read_file_old"});
}

TEST_CASE("readings live side by side, move, and belong to their thread") {
  Reading first = read_statements("DROP TABLE first_one", {});
  {
    const Reading second = read_statements("DROP TABLE second_one", {});
    const Reading broken = read_statements("DROP TABLE", {});
    CHECK(first.facts.front().name == "first_one");
    CHECK(second.facts.front().name == "second_one");
  }
  Reading moved = std::move(first);
  CHECK(moved.facts.front().name == "first_one");
  moved = read_statements("DROP TABLE third_one", {});
  CHECK(moved.facts.front().name == "third_one");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([] {
      for (int k = 0; k < 200; ++k) {
        const Reading one = read_statements("SELECT * FROM a, b", {});
        const Reading bad = read_statements("SELECT * FROM", {});
        if (one.facts.size() != 2 || bad.error.empty()) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("large and deep texts end soon, either way") {
  const auto began = std::chrono::steady_clock::now();
  CHECK_FALSE(is_unanalysable("SELECT 'a'" + repeat("||'b'", 1'000)));
  CHECK_FALSE(is_unanalysable("SELECT 1 WHERE 1 IN (0" + repeat(",1", 100'000) + ")"));
  CHECK_FALSE(is_unanalysable("SELECT '" + repeat("x", 2'000'000) + "'"));
  CHECK_FALSE(is_unanalysable(repeat("SELECT 1;", 5'000)));
  CHECK_FALSE(is_unanalysable("/" + repeat("*", 100'000) + "/ SELECT 1"));
  CHECK_FALSE(is_unanalysable("SELECT 1 " + repeat("-", 100'000)));
  CHECK_FALSE(is_unanalysable("SELECT '" + repeat("+", 100'000) + "'"));
  CHECK_FALSE(is_unanalysable("SELECT " + repeat("NOT ", 3'000) + "true"));
  for (const std::string_view term :
       {"+1", "::int", " UNION SELECT 1", "||'a'", "[1]", " IS NULL", " AT TIME ZONE 'x'"}) {
    INFO(term);
    CHECK(is_unanalysable("SELECT 1" + repeat(term, 64'000)));
  }
  for (const std::string_view open :
       {"(", "- ", "NOT ", "f(", "ARRAY[", "(SELECT ", "CASE WHEN true THEN "}) {
    INFO(open);
    CHECK(is_unanalysable("SELECT " + repeat(open, 64'000) + "1"));
  }
  CHECK(is_unanalysable(repeat("/*", 20'000) + repeat("*/", 20'000) + "SELECT 1"));
  CHECK(is_unanalysable("SELECT 1 " + repeat("+", 64'000) + " 1"));
  CHECK(is_unanalysable("SELECT 1 " + repeat("+/*-*/", 20'000) + " 1"));
  CHECK(is_unanalysable("UPDATE t SET (a" + repeat(",a", 20'000) + ") = (SELECT " + repeat("NOT ", 20'000) +
                        "true)"));
  // A shared source is walked once, not once for each of its targets.
  CHECK_FALSE(is_unanalysable("UPDATE t SET (a" + repeat(",a", 20'000) + ") = (SELECT 1" +
                              repeat(",1", 20'000) + ")"));
  // As many names as there are to compare them with.
  CHECK_FALSE(
      is_unanalysable("WITH x AS (SELECT 1)" + repeat(", y AS (SELECT 1 FROM z)", 20'000) + "SELECT 1"));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
}

}  // namespace pgwarden::policy
