#include "config/test_file.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::config {
namespace {

TEST_CASE("who sends a statement, and what a test says otherwise", "[test_file]") {
  const LoadedTests loaded = load_tests(R"(
who: {user: app, label: service, certificate: app.example.com, database: d, application: a, host: h}
tests:
  - {statement: SELECT 1, expect: allow}
  - {statement: SELECT 1, expect: deny, who: {user: bot, label: agent, certificate: bot.example.com}}
)",
                                        "t.yaml");
  REQUIRE(loaded.file);
  REQUIRE(loaded.file->tests.size() == 2);
  const Sender& first = loaded.file->tests[0].who;
  CHECK(first.user == "app");
  CHECK(first.label == "service");
  CHECK(first.certificate == "app.example.com");
  const Sender& second = loaded.file->tests[1].who;
  CHECK(second.user == "bot");
  CHECK(second.label == "agent");
  CHECK(second.certificate == "bot.example.com");
  CHECK(second.database == "d");
}

}  // namespace
}  // namespace pgwarden::config
