#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "policy/statement_nodes.h"

namespace pgwarden::policy {

TEST_CASE("every statement node of the grammar is in the table") {
  const auto nodes = statement_nodes();
  CHECK(nodes.size() > 110);
  for (const StatementNode& node : nodes) {
    INFO(node.name);
    CHECK((node.never_whole || node.cls != StatementClass::unknown));
    CHECK((node.never_whole || !node.command.empty()));
  }
}

TEST_CASE("only parts of statements are not in the table") {
  std::set<std::string_view> parts;
  for (const StatementNode& node : statement_nodes()) {
    if (node.never_whole) parts.insert(node.name);
  }
  CHECK(parts == std::set<std::string_view>{"PLAssignStmt", "PlannedStmt", "RawStmt", "ReplicaIdentityStmt",
                                            "ReturnStmt", "SetOperationStmt"});
}

TEST_CASE("no statement of PostgreSQL's own list of nodes is missed") {
  const std::filesystem::path list = "/usr/include/pg_query/postgres/nodes/nodetags.h";
  if (!std::filesystem::exists(list)) SKIP("PostgreSQL's nodetags.h is elsewhere");
  std::set<std::string> known;
  for (const StatementNode& node : statement_nodes()) known.insert(std::string(node.name));
  std::ifstream file(list);
  for (std::string line; std::getline(file, line);) {
    const std::size_t begin = line.find("T_");
    const std::size_t end = line.find("Stmt = ");
    if (begin == std::string::npos || end == std::string::npos) continue;
    const std::string name = line.substr(begin + 2, end + 4 - (begin + 2));
    INFO(name);
    CHECK(known.contains(name));
  }
}

TEST_CASE("statements are classed as design decision D6 says") {
  std::map<std::string_view, StatementClass> classes;
  for (const StatementNode& node : statement_nodes()) classes[node.name] = node.cls;
  using enum StatementClass;
  CHECK(classes["DropStmt"] == ddl_drop);
  CHECK(classes["AlterTableStmt"] == ddl_alter);
  CHECK(classes["CreateStmt"] == ddl_create);
  CHECK(classes["DropdbStmt"] == system);
  CHECK(classes["DropTableSpaceStmt"] == system);
  CHECK(classes["AlterSubscriptionStmt"] == system);
  CHECK(classes["AlterSystemStmt"] == system);
  CHECK(classes["AlterOwnerStmt"] == dcl);
  CHECK(classes["SecLabelStmt"] == dcl);
  CHECK(classes["DoStmt"] == code);
  CHECK(classes["LockStmt"] == lock);
  CHECK(classes["RefreshMatViewStmt"] == maintenance);
  CHECK(classes["CreateExtensionStmt"] == ddl_create);
}

}  // namespace pgwarden::policy
