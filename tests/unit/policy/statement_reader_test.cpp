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

std::vector<std::string> facts_of(std::string_view sql, LexerSettings settings = {}) {
  const Reading reading = read_statements(sql, settings);
  std::vector<std::string> summaries;
  for (const Fact& fact : reading.facts) summaries.push_back(summary(fact));
  return summaries;
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
  for (const std::string_view condition :
       {"id = 1", "id = $1 AND 1=1", "1 = 0", "false", "active", "EXISTS (SELECT 1 FROM u WHERE u.id = t.id)",
        "id IS NOT NULL", "1=0 OR id = 3", "NULL", "id = 3 AND 1 IN (1)", "id = other", "NOT (id = 3)",
        "NOT (id = 3 OR true)", "name NOT LIKE '%'", "name LIKE 'a%'", "id < id"}) {
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

TEST_CASE("EXPLAIN runs its statement with ANALYZE only") {
  check({{"EXPLAIN DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN CREATE TABLE n AS SELECT 1", {"read: EXPLAIN"}},
         {"EXPLAIN SELECT * INTO n FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN (ANALYZE off) DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN (ANALYZE, ANALYZE 0) DELETE FROM a", {"read: EXPLAIN table a"}},
         {"EXPLAIN SELECT lo_unlink(1)", {"call_sensitive: call of function function lo_unlink"}},
         {"EXPLAIN ANALYZE DELETE FROM a", {"write_unbounded: DELETE table a"}},
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
         {"DROP OWNED BY a CASCADE", {"ddl_drop: DROP OWNED role a cascade", "dcl: DROP OWNED role a"}}});
}

TEST_CASE("ALTER is told by its parts") {
  check({{"ALTER TABLE s.t ADD COLUMN a int, ALTER b SET DEFAULT 1", {"ddl_alter: ALTER TABLE table s.t"}},
         {"ALTER TABLE t DROP COLUMN IF EXISTS a CASCADE",
          {"ddl_drop: ALTER TABLE ... DROP COLUMN column t (a) cascade if exists"}},
         {"ALTER TABLE t ADD a int, DROP b",
          {"ddl_drop: ALTER TABLE ... DROP COLUMN column t (b)", "ddl_alter: ALTER TABLE table t"}},
         {"ALTER TABLE t DROP CONSTRAINT c", {"ddl_drop: ALTER TABLE ... DROP CONSTRAINT table t (c)"}},
         {"ALTER TABLE t DETACH PARTITION p",
          {"ddl_drop: ALTER TABLE ... DETACH PARTITION table t",
           "ddl_alter: ALTER TABLE ... DETACH PARTITION table p"}},
         {"ALTER TABLE t OWNER TO a", {"dcl: ALTER TABLE ... OWNER TO table t"}},
         {"ALTER FUNCTION f() OWNER TO a", {"dcl: ALTER FUNCTION function f"}},
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
         {"ALTER EXTENSION e ADD TABLE public.t",
          {"ddl_alter: ALTER EXTENSION extension e", "ddl_alter: ALTER EXTENSION table public.t"}},
         // A temporary table can refer to temporary ones only, but be attached to others.
         {"CREATE TEMP TABLE c (p int REFERENCES p)",
          {"ddl_create: CREATE TABLE table c temporary",
           "ddl_create: FOREIGN KEY ... REFERENCES table p temporary"}},
         {"ALTER TABLE pg_temp.c INHERIT public.p",
          {"ddl_alter: ALTER TABLE table pg_temp.c", "ddl_alter: ALTER TABLE ... INHERIT table public.p"}}});
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
       {"SELECT x.dblink_exec('c', 'DROP TABLE a')",
        {"call_sensitive: call of function function x.dblink_exec (c)"}},
       {"SELECT nextval('s'), setval('s', 1), pg_advisory_lock(1)", {"read: SELECT"}},
       {"SELECT ts_rewrite('a', 'SELECT 1')", {"call_sensitive: call of function function ts_rewrite (a)"}},
       {"SELECT ts_rewrite('a', 'b', 'c')", {"read: SELECT"}}});
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
        "ALTER TABLE pg_temp.t ADD a int", "CREATE INDEX ON pg_temp.t (a)", "CREATE TEMP TABLE t (LIKE a)"}) {
    INFO(sql);
    const Reading reading = read_statements(sql, {});
    CHECK(reading.facts.front().temporary);
  }
  for (const std::string_view sql :
       {"CREATE TABLE t (a int)", "CREATE TEMP TABLE public.t (a int)", "CREATE TEMP TABLE t () INHERITS (a)",
        "CREATE TEMP TABLE t AS SELECT app.f()", "CREATE TEMP TABLE t (a int DEFAULT app.f())",
        "CREATE TEMP SEQUENCE s OWNED BY a.b",
        "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE TRIGGER x AFTER INSERT ON pg_temp.t EXECUTE FUNCTION f()", "DROP TABLE t",
        "DROP TABLE pg_temp_3.t", "ALTER TABLE pg_temp.t INHERIT a", "CREATE INDEX ON pg_temp.t (app.f(a))",
        "CREATE TEMP VIEW v AS SELECT app.f()", "ALTER TABLE pg_temp.t SET SCHEMA public",
        "DROP SCHEMA pg_temp"}) {
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
        "CREATE TEMP TABLE t (a int); CREATE TEMP TABLE u () INHERITS (t)"}) {
    INFO(sql);
    CHECK(last_is_temporary(sql, true));
  }
  CHECK_FALSE(last_is_temporary("CREATE TEMP TABLE t (a int); CREATE INDEX ON t (a)", false));
  for (const std::string_view sql :
       {"CREATE TEMP TABLE t (a int); DROP TABLE t", "CREATE TEMP TABLE t (a int); TRUNCATE t",
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
        "CREATE TEMP TABLE t (a int); ALTER TABLE t RENAME TO u; DROP TABLE t",
        "CREATE TEMP TABLE t (a int); CREATE INDEX ON t (app.f(a))"}) {
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
  read_function_call(952, facts);   // lo_open
  read_function_call(964, facts);   // lo_unlink
  read_function_call(2078, facts);  // set_config
  read_function_call(4711, facts);
  REQUIRE(facts.size() == 4);
  CHECK(summary(facts[0]) == "read: call of function function lo_open");
  CHECK(summary(facts[1]) == "call_sensitive: call of function function lo_unlink");
  CHECK(summary(facts[2]) == "call_sensitive: call of function function set_config");
  CHECK(summary(facts[3]) == "call_sensitive: call of function function");
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
