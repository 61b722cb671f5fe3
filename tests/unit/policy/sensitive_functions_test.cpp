#include "policy/sensitive_functions.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "policy/built_in_functions.h"
#include "policy/settings.h"

namespace pgwarden::policy {

TEST_CASE("a built-in function is found by its bare name and in pg_catalog only") {
  CHECK(find_sensitive_function("", "lo_unlink", 1) != nullptr);
  CHECK(find_sensitive_function("pg_catalog", "lo_unlink", 1) != nullptr);
  CHECK(find_sensitive_function("app", "lo_unlink", 1) == nullptr);
  CHECK(find_sensitive_function("", "lo_unlink_it", 1) == nullptr);
  CHECK(find_sensitive_function("", "lo_unlin", 1) == nullptr);
}

TEST_CASE("an extension's function is found in any schema") {
  CHECK(find_sensitive_function("", "dblink_exec", 2) != nullptr);
  CHECK(find_sensitive_function("extensions", "dblink_exec", 2) != nullptr);
  CHECK(find_sensitive_function("extensions", "dropgeometrytable", 2) != nullptr);
}

TEST_CASE("some names are meant in their extension's schema only") {
  CHECK(find_sensitive_function("cron", "schedule", 3) != nullptr);
  CHECK(find_sensitive_function("", "schedule", 3) == nullptr);
  CHECK(find_sensitive_function("app", "schedule", 3) == nullptr);
  CHECK(find_sensitive_function("pgmq", "drop_queue", 1) != nullptr);
  CHECK(find_sensitive_function("pgmq", "send", 2) == nullptr);
}

TEST_CASE("some are meant by how their names begin, some by how many arguments they have") {
  CHECK(find_sensitive_function("", "binary_upgrade_set_next_pg_type_oid", 1) != nullptr);
  CHECK(find_sensitive_function("", "pg_stat_reset", 0) != nullptr);
  CHECK(find_sensitive_function("", "pg_stat_get_activity", 1) == nullptr);
  CHECK(find_sensitive_function("", "ts_rewrite", 2) != nullptr);
  CHECK(find_sensitive_function("", "ts_rewrite", 3) == nullptr);
}

TEST_CASE("what applications and poolers do all day is not in the table") {
  for (const char* name : {"nextval",
                           "setval",
                           "currval",
                           "current_setting",
                           "pg_advisory_lock",
                           "pg_advisory_unlock_all",
                           "pg_try_advisory_xact_lock",
                           "pg_notify",
                           "pg_sleep",
                           "pg_export_snapshot",
                           "pg_prewarm",
                           "lo_open",
                           "loread",
                           "lo_get",
                           "pg_backend_pid",
                           "pg_is_in_recovery",
                           "pg_get_viewdef",
                           "pg_database_size",
                           "txid_current",
                           "pg_stat_get_wal"}) {
    INFO(name);
    CHECK(find_sensitive_function("", name, 1) == nullptr);
  }
}

TEST_CASE("every entry can be found and says what it can do") {
  CHECK(sensitive_functions().size() > 200);
  for (const SensitiveFunction& entry : sensitive_functions()) {
    INFO(entry.schema << "." << entry.name);
    CHECK_FALSE(entry.effect.empty());
    CHECK_FALSE(entry.versions.empty());
    CHECK_FALSE(entry.source.empty());
    CHECK(std::none_of(entry.name.begin(), entry.name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    const std::string_view schema = entry.schema == "*" ? "anywhere" : entry.schema;
    const std::string name = std::string(entry.name) + (entry.is_prefix ? "zz" : "");
    CHECK(find_sensitive_function(schema, name, entry.arguments) == &entry);
  }
}

TEST_CASE("the number of arguments may be unknown") {
  CHECK(find_sensitive_function("", "ts_rewrite", unknown_arguments) != nullptr);
  CHECK(find_sensitive_function("", "lo_unlink", unknown_arguments) != nullptr);
  CHECK(find_sensitive_function("", "now", unknown_arguments) == nullptr);
}

TEST_CASE("one schema's function comes before that of the same name in any") {
  CHECK(find_sensitive_function("cron", "alter_job", 2)->source == "pg_cron");
  CHECK(find_sensitive_function("", "alter_job", 2)->source == "TimescaleDB");
}

/// The page's table, from the program's.
std::string documented_table() {
  std::string table =
      "| Function | What it can do | PostgreSQL | Source | Constant SQL text |\n|---|---|---|---|---|\n";
  for (const SensitiveFunction& entry : sensitive_functions()) {
    table += "| `";
    if (entry.schema != "*" && entry.schema != "pg_catalog") table.append(entry.schema).append(".");
    table.append(entry.name).append(entry.is_prefix ? "*`" : "`");
    if (entry.arguments != 0) table += " with " + std::to_string(entry.arguments) + " arguments";
    table.append(" | ").append(entry.effect).append(" | ").append(entry.versions);
    table.append(" | ").append(entry.source).append(" | ");
    if (entry.text.place != SqlText::Place::none) {
      table += entry.text.call == SqlText::Call::is_its_text ? "judged instead " : "judged too ";
    }
    table += "|\n";
  }
  return table;
}

TEST_CASE("the documentation has the same table") {
  std::ifstream file(REPOSITORY_DIR "/docs/functions.md");
  REQUIRE(file);
  const std::string page(std::istreambuf_iterator<char>(file), {});
  const std::size_t begin = page.find("| Function |");
  REQUIRE(begin != std::string::npos);
  CHECK(page.substr(begin) == documented_table());
}

TEST_CASE("built-in functions have their OIDs") {
  CHECK(built_in_function(964) == "lo_unlink");
  CHECK(built_in_function(3) == "heap_tableam_handler");
  CHECK(built_in_function(8888).size() > 0);
  CHECK(built_in_function(0).empty());
  CHECK(built_in_function(9999).empty());
  CHECK(built_in_function(4'000'000'000).empty());
}

TEST_CASE("settings are compared as the server does") {
  CHECK(is_lexing_setting("standard_conforming_strings"));
  CHECK(is_lexing_setting("Client_Encoding"));
  CHECK_FALSE(is_lexing_setting("client_encodin"));
  CHECK(is_privileged_setting("SESSION_REPLICATION_ROLE"));
  CHECK(is_privileged_setting("plperl.on_plperlu_init"));
  CHECK_FALSE(is_privileged_setting("search_path"));
  CHECK_FALSE(is_privileged_setting("role"));
}

}  // namespace pgwarden::policy
