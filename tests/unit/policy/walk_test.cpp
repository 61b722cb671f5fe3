// The walk over a parse tree visits every node of it (design decision D16): statements made at random.
#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/agreement/walk_check.h"

namespace pgwarden::policy {
namespace {

using Alternatives = std::vector<std::string_view>;

/// What may stand for a word in braces. The first alternative ends it.
const std::map<std::string_view, Alternatives>& grammar() {
  static const std::map<std::string_view, Alternatives> rules{
      {"statement",
       {"{dml}",
        "EXPLAIN (ANALYZE, FORMAT json) {dml}",
        "EXPLAIN CREATE TABLE n AS {query}",
        "PREPARE p (int, {type}) AS {dml}",
        "EXECUTE p ({expr}, {expr})",
        "CREATE TABLE n (a) AS EXECUTE p ({expr})",
        "DECLARE c SCROLL CURSOR WITH HOLD FOR {query}",
        "COPY ({dml}) TO STDOUT (FORMAT csv, FORCE_QUOTE (a, b))",
        "COPY t (a) FROM STDIN WHERE {expr}",
        "CREATE TEMP TABLE n (a, b) WITH (fillfactor = 70) AS {query}",
        "CREATE MATERIALIZED VIEW m AS {query}",
        "CREATE OR REPLACE VIEW v (a) AS {query} WITH CHECK OPTION",
        "CREATE RECURSIVE VIEW v (a) AS {query}",
        "CREATE RULE r AS ON UPDATE TO t WHERE {expr} DO INSTEAD ({dml_but_merge}; {dml_but_merge})",
        "CREATE FUNCTION f(a int DEFAULT {expr}, OUT b {type}) LANGUAGE sql BEGIN ATOMIC {dml}; {dml}; END",
        "CREATE PROCEDURE f() SET x = 1 BEGIN ATOMIC {dml}; END",
        "CREATE FUNCTION f() RETURNS int RETURN {expr}",
        "CREATE FUNCTION f() RETURNS TABLE (a {type}, b {type}) LANGUAGE plpgsql AS 'x'",
        "CREATE SCHEMA s {element} {element} {element}",
        "{element}",
        "CREATE TABLE p PARTITION OF t (a DEFAULT {atom}, CHECK ({expr})) FOR VALUES FROM ({expr}, MINVALUE) "
        "TO (MAXVALUE, {expr})",
        "CREATE FOREIGN TABLE t ({column}) INHERITS (u) SERVER x OPTIONS (a 'b')",
        "ALTER TABLE t ADD COLUMN b {type} DEFAULT {expr}, ALTER a TYPE {type} USING {expr}, ALTER b SET "
        "DEFAULT "
        "{expr}, ADD CONSTRAINT k CHECK ({expr}) NOT VALID, ALTER c SET STATISTICS 3, DROP d",
        "ALTER TABLE t ATTACH PARTITION p FOR VALUES IN ({expr}, {expr})",
        "ALTER TABLE t DETACH PARTITION p",
        "CREATE POLICY p ON t TO r USING ({expr}) WITH CHECK ({expr})",
        "ALTER POLICY p ON t USING ({expr})",
        "CREATE STATISTICS s ON a, ({expr}) FROM {from}",
        "CREATE TYPE y AS (a {type}, b {type} COLLATE \"C\")",
        "CREATE DOMAIN d AS {type} DEFAULT {atom} CHECK ({expr})",
        "ALTER DOMAIN d ADD CHECK ({expr})",
        "CREATE PUBLICATION p FOR TABLE t (a) WHERE ({expr}), TABLES IN SCHEMA s",
        "CALL f({expr}, b => {expr})",
        "CREATE AGGREGATE g(int, {type} ORDER BY {type}) (sfunc = f, stype = {type})",
        "CREATE OPERATOR CLASS o FOR TYPE {type} USING btree AS OPERATOR 1 < ({type}, {type})",
        "CREATE CAST ({type} AS {type}) WITH FUNCTION f({type}) AS IMPLICIT",
        "DROP FUNCTION f({type}), s.g(int)",
        "CREATE EVENT TRIGGER e ON ddl_command_end WHEN tag IN ('a', 'b') EXECUTE FUNCTION f()",
        "IMPORT FOREIGN SCHEMA a LIMIT TO (t, u) FROM SERVER x INTO s",
        "DROP OWNED BY r, CURRENT_USER",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r",
        "REFRESH MATERIALIZED VIEW s.m",
        "VACUUM (ANALYZE) t (a, b), u",
        "COMMENT ON CAST ({type} AS {type}) IS 'x'",
        "SET x = 1, 'y', z"}},
      {"dml", {"SELECT f(1) FROM t", "{query}", "{insert}", "{update}", "{delete}", "{merge}"}},
      {"dml_but_merge", {"DELETE FROM t", "{query}", "{insert}", "{update}", "{delete}"}},
      {"query",
       {"SELECT 1 FROM t", "VALUES ({expr}, {expr}), ({expr}, DEFAULT)", "TABLE ONLY s.t",
        "({query}) UNION ALL ({query})", "{with} ({query}) EXCEPT ({query}) ORDER BY {expr} LIMIT {expr}",
        "SELECT {expr} AS x, t.*, * INTO n FROM {from}, {from}",
        "SELECT DISTINCT ON ({expr}) {expr} FROM {from} WHERE {expr} FOR NO KEY UPDATE OF t SKIP LOCKED",
        "{with} SELECT {expr}, {expr} FROM {from} WHERE {expr} GROUP BY {group}, {group} HAVING {expr} "
        "WINDOW w AS "
        "({window}) ORDER BY {expr} DESC NULLS LAST LIMIT {expr} OFFSET {expr}",
        "SELECT {expr} FROM {from} ORDER BY {expr} FETCH FIRST {atom} ROWS WITH TIES"}},
      {"with",
       {"WITH c AS (SELECT 1)", "WITH c AS NOT MATERIALIZED ({dml}), d (a) AS ({dml})",
        "WITH RECURSIVE c (a) AS ({query}) SEARCH DEPTH FIRST BY a SET o CYCLE a SET k TO {literal} DEFAULT "
        "{literal} USING p"}},
      {"literal", {"'x'", "1", "true"}},
      {"from",
       {"t", "s.t AS x (a, b)", "ONLY t", "({from} JOIN {from} ON {expr})", "{from} NATURAL LEFT JOIN {from}",
        "({from} FULL JOIN {from} USING (a) AS j) AS k", "({query}) AS q (a)", "LATERAL ({query}) AS q",
        "LATERAL f({expr}) WITH ORDINALITY AS y (a, b)", "f({expr}) AS y (a {type}, b {type})",
        "ROWS FROM (f({expr}) AS (a {type}), g({expr})) AS z",
        "t TABLESAMPLE s.m ({expr}) REPEATABLE ({expr})",
        "XMLTABLE(XMLNAMESPACES({atom} AS n), {atom} PASSING {atom} COLUMNS a {type} PATH {atom} DEFAULT "
        "{atom} NOT "
        "NULL, b FOR ORDINALITY) AS x",
        "JSON_TABLE({expr}, '$' PASSING {expr} AS p COLUMNS (a {type} PATH '$.a' DEFAULT {expr} ON EMPTY, "
        "NESTED "
        "PATH '$.b' COLUMNS (c int, d {type} EXISTS))) AS j"}},
      {"group",
       {"a", "{expr}", "GROUPING SETS (({expr}, {expr}), (), {group})", "ROLLUP ({expr})",
        "CUBE ({expr}, a)"}},
      {"window",
       {"", "w ORDER BY {expr}",
        "PARTITION BY {expr} ORDER BY {expr} USING < ROWS BETWEEN {expr} PRECEDING AND {expr} FOLLOWING "
        "EXCLUDE TIES"}},
      {"atom", {"(1)", "({expr})"}},
      {"type",
       {"int", "numeric(10, 2)", "text[][3]", "s.y", "interval day to second (3)", "varchar(3)", "bit(3)"}},
      {"expr",
       {"f(1)",
        "a",
        "t.a",
        "$1",
        "NULL",
        "B'1'",
        "1.5",
        "{literal}::{type}",
        "s.y '1'",
        "interval '1' year",
        "({expr} + {expr})",
        "(- {expr})",
        "({expr} OPERATOR(s.+) {expr})",
        "({expr} AND NOT {expr} OR {expr})",
        "({expr} IN ({query}))",
        "({expr} NOT IN ({expr}, {expr}))",
        "({expr} = ANY ({query}))",
        "({expr} < ALL ({expr}))",
        "(ROW({expr}, {expr}) >= ({query}))",
        "EXISTS ({query})",
        "ARRAY({query})",
        "ARRAY[{expr}, {expr}]",
        "ARRAY[[{expr}], [{expr}]]",
        "({query})",
        "({expr}, {expr})",
        "CASE {expr} WHEN {expr} THEN {expr} ELSE {expr} END",
        "CASE WHEN {expr} THEN {expr} END",
        "COALESCE({expr}, {expr})",
        "GREATEST({expr}, {expr})",
        "NULLIF({expr}, {expr})",
        "s.f({expr}, b => {expr})",
        "f({expr}, VARIADIC {expr})",
        "count(DISTINCT {expr} ORDER BY {expr}) FILTER (WHERE {expr})",
        "sum({expr}) OVER ({window})",
        "rank() OVER w",
        "pc({expr}) WITHIN GROUP (ORDER BY {expr})",
        "({expr}).x",
        "({expr})[{expr}:{expr}]",
        "({expr}).y[{expr}].*",
        "({expr} BETWEEN SYMMETRIC {expr} AND {expr})",
        "({expr} LIKE {expr} ESCAPE {expr})",
        "({expr} IS DISTINCT FROM {expr})",
        "({expr} IS NOT NULL)",
        "({expr} IS NOT TRUE)",
        "({expr} COLLATE s.\"C\")",
        "({expr} AT TIME ZONE {expr})",
        "CAST({expr} AS {type})",
        "EXTRACT(year FROM {expr})",
        "SUBSTRING({expr} FROM {expr} FOR {expr})",
        "TRIM(BOTH {expr} FROM {expr})",
        "OVERLAY({expr} PLACING {expr} FROM {expr})",
        "POSITION({atom} IN {atom})",
        "COLLATION FOR ({expr})",
        "GROUPING({expr}, {expr})",
        "CURRENT_DATE",
        "LOCALTIME(3)",
        "NORMALIZE({expr}, NFC)",
        "TREAT({expr} AS {type})",
        "(({expr}, {expr}) OVERLAPS ({expr}, {expr}))",
        "({expr} IS DOCUMENT)",
        "XMLELEMENT(NAME x, XMLATTRIBUTES({expr} AS y), {expr})",
        "XMLFOREST({expr} AS x)",
        "XMLCONCAT({expr}, {expr})",
        "XMLPARSE(DOCUMENT {expr})",
        "XMLPI(NAME x, {expr})",
        "XMLSERIALIZE(CONTENT {expr} AS s.y)",
        "XMLROOT({expr}, VERSION {expr}, STANDALONE YES)",
        "XMLEXISTS({atom} PASSING {atom})",
        "JSON_OBJECT(KEY {atom} VALUE {expr} NULL ON NULL)",
        "JSON_OBJECT({atom}: {expr} FORMAT JSON)",
        "JSON_ARRAY({expr}, {expr} FORMAT JSON RETURNING {type})",
        "JSON_ARRAY({query})",
        "JSON_OBJECTAGG({atom}: {expr}) FILTER (WHERE {expr})",
        "JSON_ARRAYAGG({expr} ORDER BY {expr} RETURNING {type}) OVER ({window})",
        "JSON({expr} WITH UNIQUE KEYS)",
        "JSON_SCALAR({expr})",
        "JSON_SERIALIZE({expr} RETURNING {type})",
        "({expr} IS JSON OBJECT)",
        "JSON_VALUE({expr}, {expr} PASSING {expr} AS p RETURNING {type} DEFAULT {expr} ON EMPTY)",
        "JSON_QUERY({expr}, {expr} WITH WRAPPER DEFAULT {expr} ON ERROR)",
        "JSON_EXISTS({expr}, {expr})",
        "MERGE_ACTION()"}},
      {"insert",
       {"INSERT INTO t DEFAULT VALUES", "INSERT INTO t {query}",
        "{with} INSERT INTO s.t AS x (a, b[{expr}].c) OVERRIDING USER VALUE ({query}) ON CONFLICT (({expr}) "
        "o, b) WHERE "
        "{expr} DO UPDATE SET (a, b) = ({query}), c[{expr}] = {expr} WHERE {expr} RETURNING {expr} AS y, *",
        "INSERT INTO t ({query}) ON CONFLICT ON CONSTRAINT k DO NOTHING"}},
      {"update",
       {"UPDATE t SET a = 1", "UPDATE t SET a = DEFAULT WHERE CURRENT OF c",
        "{with} UPDATE ONLY t AS x SET a = {expr}, (b, c) = ROW({expr}, DEFAULT), (d, e) = ({query}) FROM "
        "{from} WHERE "
        "{expr} RETURNING {expr}"}},
      {"delete",
       {"DELETE FROM t", "{with} DELETE FROM t AS x USING {from}, {from} WHERE {expr} RETURNING {expr}"}},
      {"merge",
       {"MERGE INTO t USING u ON f(1) WHEN MATCHED THEN DELETE",
        "{with} MERGE INTO ONLY t AS x USING {from} ON {expr} WHEN MATCHED AND {expr} THEN UPDATE SET a = "
        "{expr} WHEN NOT "
        "MATCHED BY SOURCE THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (a) VALUES ({expr}) RETURNING "
        "{expr}"}},
      {"element",
       {"CREATE TABLE e ({column}, {column}) PARTITION BY RANGE (({expr}) COLLATE \"C\" o, b)",
        "CREATE VIEW v AS {query}", "CREATE SEQUENCE q AS int OWNED BY s.t.a", "GRANT SELECT (a) ON e TO r",
        "CREATE UNIQUE INDEX ON t USING gist (({expr}) o (p = 1) DESC, f({expr})) INCLUDE (b) WHERE {expr}",
        "CREATE TRIGGER g AFTER UPDATE OF a ON t REFERENCING OLD TABLE AS o FOR EACH ROW WHEN ({expr}) "
        "EXECUTE "
        "FUNCTION f('x')"}},
      {"column",
       {"a int",
        "b {type} COLLATE \"C\" DEFAULT {atom} NOT NULL CHECK ({expr}) REFERENCES u (x) ON DELETE CASCADE",
        "c int GENERATED ALWAYS AS ({expr}) STORED", "d int GENERATED BY DEFAULT AS IDENTITY (START 3)",
        "EXCLUDE USING gist (({expr}) WITH OPERATOR(s.&&)) WHERE ({expr})", "CONSTRAINT k CHECK ({expr})",
        "FOREIGN KEY (a) REFERENCES s.u (x) DEFERRABLE", "PRIMARY KEY (a) INCLUDE (b)"}}};
  return rules;
}

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string make(std::string_view word, int depth = 0) {
    const Alternatives& alternatives = grammar().at(word);
    std::string_view rest =
        depth > max_depth ? alternatives.front() : alternatives[random_() % alternatives.size()];
    std::string text;
    for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      const std::size_t close = rest.find('}', open);
      text.append(rest.substr(0, open)).append(make(rest.substr(open + 1, close - open - 1), depth + 1));
      rest.remove_prefix(close + 1);
    }
    return text.append(rest);
  }

 private:
  static constexpr int max_depth = 5;
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("every node of a random statement is visited") {
  Generator generator(Catch::getSeed());
  std::size_t bytes = 0;
  for (int i = 0; i < 3'000; ++i) {
    const std::string sql = generator.make("statement");
    bytes += sql.size();
    INFO(sql);
    CHECK(walk_differences(sql) == std::vector<std::string>{});
  }
  CHECK(bytes > 300'000);
}

}  // namespace pgwarden::policy
