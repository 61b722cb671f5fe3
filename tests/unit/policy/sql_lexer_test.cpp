#include "policy/sql_lexer.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <vector>

namespace pgwarden::policy {
namespace {

/// The tokens with a letter for their kind; blanks and comments are left out.
std::vector<std::string> tokens(std::string_view sql, LexerSettings settings = {}) {
  std::vector<std::string> found;
  SqlLexer lexer(sql, settings);
  std::size_t end = 0;
  for (Token token; lexer.next(token); end = token.end) {
    CHECK(token.begin == end);
    if (token.kind == TokenKind::blank || token.kind == TokenKind::comment) continue;
    found.push_back("bcwqlps"[static_cast<std::size_t>(token.kind)] +
                    (":" + std::string(sql.substr(token.begin, token.end - token.begin))));
  }
  CHECK(end == sql.size());
  return found;
}

using Tokens = std::vector<std::string>;

}  // namespace

TEST_CASE("tokens end where PostgreSQL's scanner ends them") {
  CHECK(tokens("SELECT a1$b,\"x\"\"y\" FROM b") ==
        Tokens{"w:SELECT", "w:a1$b", "s:,", "q:\"x\"\"y\"", "w:FROM", "w:b"});
  CHECK(tokens("a$b$c; $b$ ; $b$;$1") == Tokens{"w:a$b$c", "s:;", "l:$b$ ; $b$", "s:;", "p:$1"});
  CHECK(tokens("'a''b' E'a\\'b' U&'x' U&\"y\" u && x") ==
        Tokens{"l:'a''b'", "l:E'a\\'b'", "l:U&'x'", "q:U&\"y\"", "w:u", "s:&", "s:&", "w:x"});
  CHECK(tokens("E'a'\n '\\''") == Tokens{"l:E'a'\n '\\''"});
  CHECK(tokens("1.5e-3 .5 0xff 1_000 1-2") ==
        Tokens{"l:1.5e-3", "l:.5", "l:0xff", "l:1_000", "l:1", "s:-", "l:2"});
  CHECK(tokens("1..2") == Tokens{"l:1", "s:.", "l:.2"});
  CHECK(tokens("1/* /* */ ' */-- '\r'a'") == Tokens{"l:1", "l:'a'"});
  CHECK(tokens("\xc3\xa9t\xc3\xa9 \xff") == Tokens{"w:\xc3\xa9t\xc3\xa9", "w:\xff"});
}

TEST_CASE("strings end by the setting") {
  CHECK(tokens("'\\'';'") == Tokens{"l:'\\'';'"});
  CHECK(tokens("'\\'';", {.standard_conforming_strings = false}) == Tokens{"l:'\\''", "s:;"});
}

TEST_CASE("the first token of a statement is found behind blanks and comments") {
  CHECK(first_token("SELECT", 0) == 0);
  CHECK(first_token("; -- x\n /* ; */ a", 1) == 16);
  CHECK(first_token("  ", 0) == 2);
}

TEST_CASE("only long runs of operators and comments are slow to scan") {
  const std::string run(10'000, '+');
  CHECK(is_slow_to_scan("SELECT 1 " + run + " 1", {}));
  CHECK_FALSE(is_slow_to_scan("SELECT '" + run + "'", {}));
  CHECK_FALSE(is_slow_to_scan("/*" + run + "*/ SELECT 1", {}));
  CHECK_FALSE(is_slow_to_scan("SELECT 1 --" + run, {}));
  CHECK_FALSE(is_slow_to_scan("SELECT \"" + run + "\"", {}));
  CHECK(is_slow_to_scan("SELECT '\\'" + run + "'", {}));
  CHECK_FALSE(is_slow_to_scan("SELECT '\\'" + run + "'", {.standard_conforming_strings = false}));
}

TEST_CASE("dollar quotes with tags that are not ASCII are known") {
  const auto foreign = [](std::string_view sql) { return has_foreign_tag(sql, {}); };
  CHECK(foreign("SELECT $\xA2\xE8$x$\xAD\xFA$; DROP TABLE t; --$\xA2\xE8$"));
  CHECK(foreign("SELECT $größe$ x $größe$"));
  CHECK(foreign("SELECT 1, $a\xA2$ never ended"));
  CHECK_FALSE(foreign("SELECT $a$ größe $a$, $$é$$, $1, 'é'"));
  CHECK_FALSE(foreign("SELECT 'costs $é$', $a$ $é$ $a$ /* $é$ */ -- $é$"));
  CHECK_FALSE(foreign("SELECT a$é$b"));
}

TEST_CASE("tokens are counted as far as it matters") {
  CHECK_FALSE(has_more_tokens("SELECT a, 'b c' /* d e */ -- f", {}, 4));
  CHECK(has_more_tokens("SELECT a, 'b c' /* d e */ -- f", {}, 3));
  CHECK_FALSE(has_more_tokens("", {}, 0));
}

}  // namespace pgwarden::policy
