// Every labelled statement of tests/data/corpus, judged as preset `guarded` would.
#include <boost/json.hpp>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <string>

#include "policy/statement_reader.h"

namespace pgwarden::policy {
namespace {

namespace json = boost::json;

bool is_denied(const Fact& fact) {
  using enum StatementClass;
  switch (fact.cls) {
    case ddl_create:
    case ddl_alter:
    case ddl_drop:
    case truncate:
      return !fact.temporary;
    case dcl:
    case system:
    case code:
    case write_unbounded:
    case catalog_write:
    case copy_program:
    case copy_file:
    case replication:
    case call_sensitive:
    case unanalysable:
    case unknown:
      return true;
    default:
      return false;
  }
}

bool is_denied(std::string_view sql, LexerSettings settings) {
  const Reading reading = read_statements(sql, settings);
  for (const Fact& fact : reading.facts) {
    if (is_denied(fact)) return true;
  }
  return false;
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string text_of(const json::object& entry, std::string_view name) {
  const json::value* value = entry.if_contains(name);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

std::string sql_of(const json::object& entry) {
  if (entry.contains("hex")) return from_hex(text_of(entry, "hex"));
  if (!entry.contains("gen")) return text_of(entry, "sql");
  const json::object& gen = entry.at("gen").as_object();
  std::string sql = text_of(gen, "prefix");
  for (std::int64_t i = 0; i < gen.at("count").as_int64(); ++i) {
    if (i > 0) sql += text_of(gen, "sep");
    sql += text_of(gen, "repeat");
  }
  return sql + text_of(gen, "suffix");
}

/// What a session knows of the server's settings when the statement comes.
struct Session {
  LexerSettings settings{.standard_conforming_strings = true, .temporary_first = true};
  bool lexing_known = true;

  explicit Session(const json::object& entry) {
    settings.standard_conforming_strings = !entry.contains("standard_conforming_strings");
    const json::value* before = entry.if_contains("session");
    if (before == nullptr) return;
    for (const json::value& sql : before->as_array()) {
      const Reading reading = read_statements(std::string_view(sql.as_string()), settings);
      if (reading.may_change_lexing) lexing_known = false;
      if (reading.may_hide_temporary) settings.temporary_first = false;
    }
  }

  /// The stricter of both ways to read it when the setting is not known (D5).
  bool denies(std::string_view sql) const {
    if (is_denied(sql, settings)) return true;
    LexerSettings other = settings;
    other.standard_conforming_strings = !settings.standard_conforming_strings;
    return !lexing_known && is_denied(sql, other);
  }
};

}  // namespace

TEST_CASE("labelled statements are denied or allowed as they should be") {
  std::ifstream file(TEST_DATA_DIR "/corpus/statements.jsonl");
  REQUIRE(file);
  int denied = 0;
  int allowed = 0;
  for (std::string line; std::getline(file, line);) {
    const json::value parsed = json::parse(line);
    const json::object& entry = parsed.as_object();
    if (entry.contains("session_decides")) continue;
    const std::string sql = sql_of(entry);
    INFO(text_of(entry, "id") << ": " << sql.substr(0, 300));
    const bool denies = Session(entry).denies(sql);
    CHECK((denies ? "deny" : "allow") == text_of(entry, "expect"));
    (denies ? denied : allowed) += 1;
  }
  CHECK(denied + allowed > 1000);
  CHECK(allowed > 400);
}

}  // namespace pgwarden::policy
