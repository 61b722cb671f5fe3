#include "cli/check/sql_script.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace pgwarden::cli {
namespace {

using Texts = std::vector<std::string>;

/// What psql would send, with "?" and why in place of what only psql knows. A COPY FROM STDIN has data.
Texts sent(std::string_view text) {
  Texts found;
  SqlScript script(text);
  ScriptStatement statement;
  while (script.next(statement)) {
    const std::string sql(statement.sql);
    found.push_back(statement.unanalysable.empty() ? sql : "?" + statement.unanalysable);
    const bool reads = sql.find("COPY") == 0 && sql.find("STDIN") != std::string::npos;
    if (statement.data_may_follow && reads) script.skip_copy_data();
  }
  return found;
}

std::string doubt_of(std::string_view text) {
  SqlScript script(text);
  ScriptStatement statement;
  REQUIRE(script.next(statement));
  return statement.unanalysable;
}

}  // namespace

TEST_CASE("statements end at semicolons outside of everything that hides them") {
  CHECK(sent("\xEF\xBB\xBFSELECT 1; ;; SELECT 2 -- ;\n;/* ; /* ; */ ; */ SELECT ';', \";\", $$;$$, "
             "$a$;$$;$a$; SELECT 3") ==
        Texts{"SELECT 1", "SELECT 2", "SELECT ';', \";\", $$;$$, $a$;$$;$a$", "SELECT 3"});
  CHECK(sent("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3;") ==
        Texts{"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "SELECT 3"});
  CHECK(sent(");SELECT 1;SELECT 2").size() == 3);
  CHECK(sent("").empty());
  CHECK(sent("-- nothing\n/* at all */ ;").empty());
}

TEST_CASE("a body between BEGIN ATOMIC and END belongs to its function") {
  constexpr std::string_view function =
      "create or replace function f() returns int begin atomic select case when true then 1 end; select 2; "
      "end";
  CHECK(sent(std::string(function) + "; SELECT 1;") == Texts{std::string(function), "SELECT 1"});
  CHECK(sent("CREATE PROCEDURE p() BEGIN ATOMIC SELECT 1; END; BEGIN; SELECT 1; END;").size() == 4);
  CHECK(sent("BEGIN; CREATE TABLE t (a int); END;").size() == 3);
}

TEST_CASE("what is joined with a backslash is sent together") {
  CHECK(sent("SELECT 1\\; SELECT 2; SELECT 3") == Texts{"SELECT 1 ; SELECT 2", "SELECT 3"});
  CHECK(sent("SELECT a[1\\:2];") == Texts{"SELECT a[1 :2]"});
}

TEST_CASE("commands of psql are no SQL") {
  CHECK(sent("\\set x 'it''s ; DROP'\n\\echo `date` \";\" \\\\\nSELECT 1;\n\\pset format csv\nSELECT 2;") ==
        Texts{"SELECT 1", "SELECT 2"});
  CHECK(sent("SELECT 1 \\g\nSELECT 2 \\g | cat ; '\nSELECT 3 \\gset p_\nSELECT 4 \\watch 1\nSELECT 5") ==
        Texts{"SELECT 1", "SELECT 2", "SELECT 3", "SELECT 4", "SELECT 5"});
  CHECK(sent("DROP TABLE t \\r\nSELECT 1;") == Texts{"SELECT 1"});
  CHECK(sent("SELECT 1\n\\echo between\n, 2;") == Texts{"SELECT 1              \n, 2"});
  CHECK(sent("SELECT (1 \\g\nSELECT 2;") == Texts{"SELECT (1", "SELECT 2"});
  CHECK(sent("\\if :x\nSELECT 1;\n\\elif :y\nSELECT 2;\n\\else\nSELECT 3;\n\\endif\n") ==
        Texts{"SELECT 1", "SELECT 2", "SELECT 3"});
  CHECK(sent("\\restrict abc\nSELECT 1;\n\\unrestrict abc\n") == Texts{"SELECT 1"});
  CHECK(sent("\\! echo '\n\\h select '\nSELECT 1;") == Texts{"SELECT 1"});
  CHECK(sent("\\d+ t\r\n\\dt \"x;y\"\r\nSELECT 1;\r\n") == Texts{"SELECT 1"});
}

TEST_CASE("what only psql can tell is said to be so") {
  for (const char* text : {"SELECT 'x' \\gexec",
                           "\\gexec",
                           "\\nonsense",
                           "\\e",
                           "\\password",
                           "\\lo_unlink 1",
                           "SELECT :x;",
                           "SELECT * FROM :\"t\";",
                           "SELECT a[i:j];",
                           "SELECT 1 \\if true\n;",
                           "SELECT 1 \\copy t to stdout\n;",
                           "\\copy nonsense",
                           "\\cd /x \\\\ SELECT 1;",
                           "\\cd /x \\g\nSELECT 1 \\echo x \\g\n",
                           "SELECT 1 \\echo x \\r\n; SELECT 2",
                           "\\set 1 x\nSELECT a[1:1];",
                           "\\set SINGLELINE on\nEXPLAIN\nDELETE FROM t\n;",
                           "\\set :x on\n",
                           "\\set 'SINGLELINE' on",
                           "\\cd /x \\copy t from stdin\nDROP TABLE t;\n\\.\n",
                           "\\restrict x\n\\copy t from stdin\nDROP TABLE t;\n\\.\n",
                           "\\restrict x\nSELECT 1 \\g\n",
                           "SELECT 1 AS x \\gset\nSELECT a[:1];"}) {
    INFO(text);
    const Texts found = sent(text);
    REQUIRE_FALSE(found.empty());
    CHECK((found.front().front() == '?' || found.back().front() == '?'));
  }
  CHECK(doubt_of("SELECT :x;").size() <= 63);  // what policy::explain shows
}

TEST_CASE("variables that are surely a literal or a truth value are read as such") {
  CHECK(sent("SELECT :'name', :{?name}, a::text, b[1:2], ':x', \":x\", $$:x$$ /* :x */;") ==
        Texts{"SELECT  $1    ,  TRUE   , a::text, b[1:2], ':x', \":x\", $$:x$$"});
  CHECK(sent("SELECT f(a := 1), x:::'y';") == Texts{"SELECT f(a := 1), x:: $1 "});
}

TEST_CASE("the data of a COPY are passed over") {
  CHECK(sent("COPY t FROM STDIN; -- now\na;b\nDROP TABLE t;\n\\.\nSELECT 1;") ==
        Texts{"COPY t FROM STDIN", "SELECT 1"});
  CHECK(sent("COPY t FROM STDIN; SELECT 1;\r\n'\r\n\\.\r\nSELECT 2;") ==
        Texts{"COPY t FROM STDIN", "SELECT 1", "SELECT 2"});
  CHECK(sent("COPY t FROM STDIN;\nto the end") == Texts{"COPY t FROM STDIN"});
  CHECK(sent("COPY t FROM STDIN;\n\\.\n\\.\nSELECT 1;") == Texts{"COPY t FROM STDIN", "SELECT 1"});
  CHECK(sent("COPY t FROM STDIN; SELECT 1\ndata\n\\.\n;SELECT 2;") ==
        Texts{"COPY t FROM STDIN", "?the data of a COPY stand in the middle of it", "SELECT 2"});
}

TEST_CASE("\\copy sends a COPY") {
  CHECK(sent("\\copy t from stdin\nDROP\n\\.\nSELECT 1;") == Texts{"COPY  t from STDIN", "SELECT 1"});
  CHECK(sent("\\copy t (a, b) from stdin;\nDROP\n\\.\nSELECT 1;") ==
        Texts{"COPY  t (a, b) from STDIN", "SELECT 1"});
  CHECK(sent("\\copy t FROM 'a b''c' csv header\nSELECT 1;") ==
        Texts{"COPY  t FROM STDIN csv header", "SELECT 1"});
  CHECK(sent("\\copy (select 1 from t) to program 'gzip' csv\n") ==
        Texts{"COPY  (select 1 from t) to STDOUT csv"});
}

TEST_CASE("strings end by standard_conforming_strings, from the next line on") {
  constexpr std::string_view text = "SELECT 1; SELECT 'x\\';\nSELECT 'a\\';b';SELECT 2;";
  SqlScript script(text);
  ScriptStatement statement;
  REQUIRE(script.next(statement));
  script.set_standard_strings(false);
  REQUIRE(script.next(statement));
  CHECK_FALSE(statement.unanalysable.empty());  // psql still reads this line as before
  SqlScript other("SELECT 1;\nSELECT 'a\\';b';SELECT 2;");
  REQUIRE(other.next(statement));
  other.set_standard_strings(false);
  REQUIRE(other.next(statement));
  CHECK(statement.sql == "SELECT 'a\\';b'");
  REQUIRE(other.next(statement));
  CHECK(statement.sql == "SELECT 2");
  other.set_standard_strings(std::nullopt);
  CHECK_FALSE(other.next(statement));
}

TEST_CASE("psql does not see that a string goes on in the next line") {
  CHECK(sent("SELECT e'a'\n'\\'; DROP TABLE x; --';") == Texts{"SELECT e'a'\n'\\'", "DROP TABLE x"});
  CHECK(sent("SELECT 'a' -- b\n'c;d', e'f\\';';") == Texts{"SELECT 'a' -- b\n'c;d', e'f\\';'"});
  CHECK(sent("SELECT 'a' -- it's b\n'c;d';") == Texts{"SELECT 'a' -- it's b\n'c;d'"});
  CHECK_FALSE(doubt_of("SELECT e'a'\r'\\';';").empty());
  CHECK_FALSE(doubt_of("SELECT e'a' -- b\r'\\\n';';").empty());
}

TEST_CASE("comments are given with the statement they stand at") {
  constexpr std::string_view text = "-- one\n/* no */ SELECT 1 -- two\n; -- three\n-- four\nSELECT 2;";
  SqlScript script(text);
  const auto comments = [&] {
    ScriptStatement statement;
    REQUIRE(script.next(statement));
    Texts found;
    for (const Span& span : statement.comments)
      found.emplace_back(text.substr(span.begin, span.end - span.begin));
    return found;
  };
  CHECK(comments() == Texts{"-- one", "-- two", "-- three"});
  CHECK(comments() == Texts{"-- four"});
}

}  // namespace pgwarden::cli
