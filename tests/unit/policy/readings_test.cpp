#include "policy/readings.h"

#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <string>
#include <tuple>

namespace pgwarden::policy {
namespace {

constexpr LexerSettings usual{};

void come(Readings& readings, const std::string& sql, LexerSettings settings = usual) {
  if (readings.find(sql, settings) == nullptr) readings.note(sql, settings, read_statements(sql, settings));
}

auto parts(const Fact& fact) {
  return std::tuple(fact.cls, fact.kind, fact.temporary, fact.cascade, fact.if_exists, fact.dynamic,
                    fact.inner, fact.statement, fact.position, fact.command, fact.schema, fact.name,
                    fact.argument);
}

void check_alike(const Reading& known, const Reading& wanted) {
  REQUIRE(known.facts.size() == wanted.facts.size());
  for (std::size_t i = 0; i < wanted.facts.size(); ++i)
    CHECK(parts(known.facts[i]) == parts(wanted.facts[i]));
  REQUIRE(known.statements.size() == wanted.statements.size());
  for (std::size_t i = 0; i < wanted.statements.size(); ++i) {
    CHECK(known.statements[i].offset == wanted.statements[i].offset);
    CHECK(known.statements[i].length == wanted.statements[i].length);
  }
  CHECK(known.may_change_lexing == wanted.may_change_lexing);
  CHECK(known.may_hide_temporary == wanted.may_hide_temporary);
}

}  // namespace

TEST_CASE("what is known of a text is what was read in it") {
  std::ifstream file(TEST_DATA_DIR "/corpus/statements.jsonl");
  REQUIRE(file);
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    const boost::json::value entry = boost::json::parse(line);
    const boost::json::value* text = entry.as_object().if_contains("sql");
    if (text == nullptr) continue;
    const std::string sql(text->as_string());
    INFO(sql.substr(0, 300));
    const Reading wanted = read_statements(sql, usual);
    Readings readings;
    for (int i = 0; i < 2; ++i) {
      CHECK(readings.find(sql, usual) == nullptr);
      come(readings, sql);
    }
    // What is remembered lies in no memory that the next text is read into.
    read_statements("SELECT " + std::string(sql.size(), 'x') + ", 'y'", usual);
    const Reading* known = readings.find(sql, usual);
    if (known == nullptr) {
      CHECK((sql.size() > 4096 || !wanted.error.empty()));
      continue;
    }
    check_alike(*known, wanted);
    ++count;
  }
  CHECK(count > 1000);
}

TEST_CASE("the same bytes under other settings are another text") {
  const std::string sql = "SELECT 'a\\'; DROP TABLE t; --'";
  constexpr LexerSettings escapes{.standard_conforming_strings = false};
  constexpr LexerSettings temporary{.temporary_first = true};
  Readings readings;
  for (int i = 0; i < 2; ++i) come(readings, sql, escapes);
  REQUIRE(readings.find(sql, escapes) != nullptr);
  CHECK(readings.find(sql, escapes)->statements.size() == 1);
  CHECK(readings.find(sql, usual) == nullptr);
  CHECK(readings.find(sql, temporary) == nullptr);
  for (int i = 0; i < 2; ++i) come(readings, sql, usual);
  REQUIRE(readings.find(sql, usual) != nullptr);
  CHECK(readings.find(sql, usual)->statements.size() == 2);
  CHECK(readings.find(sql, escapes) == nullptr);
}

TEST_CASE("what comes once, cannot be analysed or is large is not remembered") {
  Readings readings;
  const auto remembers = [&](const std::string& sql, int times) {
    for (int i = 0; i < times; ++i) come(readings, sql);
    return readings.find(sql, usual) != nullptr;
  };
  CHECK_FALSE(remembers("SELECT 1", 1));
  CHECK(remembers("SELECT 2", 2));
  CHECK_FALSE(remembers("SELEC 3", 3));
  std::string calls = "SELECT f0()";
  for (int i = 1; i < 150; ++i) calls += ", f" + std::to_string(i) + "()";
  CHECK(remembers(calls, 2));
  for (int i = 150; i < 300; ++i) calls += ", f" + std::to_string(i) + "()";
  CHECK(calls.size() < 4096);
  CHECK_FALSE(remembers(calls, 3));
  CHECK_FALSE(remembers("SELECT '" + std::string(4096, 'a') + "'", 3));
}

TEST_CASE("a text that is asked for is not driven out by those that come once") {
  Readings readings;
  for (int i = 0; i < 2; ++i) come(readings, "SELECT $1");
  for (int i = 0; i < 5000; ++i) {
    const std::string other = "SELECT " + std::to_string(i);
    come(readings, other);
    CHECK(readings.find("SELECT $1", usual) != nullptr);
    if (i % 2 == 0) come(readings, other);
  }
}

TEST_CASE("texts that come again drive out what nobody asks for") {
  Readings readings;
  const auto known = [&] {
    int count = 0;
    for (int i = 0; i < 5000; ++i) count += readings.find("SELECT " + std::to_string(i), usual) != nullptr;
    return count;
  };
  for (int i = 0; i < 5000; ++i) {
    for (int times = 0; times < 2; ++times) come(readings, "SELECT " + std::to_string(i));
  }
  CHECK(known() > 450);
  CHECK(known() <= 512);
  CHECK(readings.find("SELECT 4999", usual) != nullptr);
}

}  // namespace pgwarden::policy
