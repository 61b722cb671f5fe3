#include "policy/sensitive_functions.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

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
                           "set_config",
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
    CHECK(std::none_of(entry.name.begin(), entry.name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    const std::string_view schema = entry.schema == "*" ? "anywhere" : entry.schema;
    CHECK(find_sensitive_function(schema, entry.name, entry.arguments) != nullptr);
  }
}

TEST_CASE("settings are compared as the server does") {
  CHECK(is_lexing_setting("standard_conforming_strings"));
  CHECK(is_lexing_setting("Client_Encoding"));
  CHECK_FALSE(is_lexing_setting("client_encodin"));
  CHECK(is_privileged_setting("SESSION_REPLICATION_ROLE"));
  CHECK_FALSE(is_privileged_setting("search_path"));
  CHECK_FALSE(is_privileged_setting("role"));
}

}  // namespace pgwarden::policy
