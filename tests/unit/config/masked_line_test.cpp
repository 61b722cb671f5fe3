#include "config/masked_line.h"

#include <catch2/catch_test_macros.hpp>

namespace pgwarden::config {
namespace {

/// The last line, masked.
std::string last(std::string_view text) {
  int line = 1;
  for (const char c : text) line += c == '\n' ? 1 : 0;
  return masked_line(text, line);
}

TEST_CASE("lines without a secret are shown as they are", "[masked_line]") {
  CHECK(last("a: b") == "a: b");
  CHECK(last("- {name: app, label: agent}") == "- {name: app, label: agent}");
  CHECK(last("auth: key_passthrough") == "auth: key_passthrough");
  CHECK(last("x:\n  - password: x\n    label: y") == "    label: y");
  CHECK(last("upstream:\n  password: x\nlabel: y") == "label: y");
  CHECK(masked_line("a\nb", 3) == "");
  CHECK(masked_line("a\nb", 0) == "");
  CHECK(masked_line("a\r\nb", 1) == "a");
}

TEST_CASE("what follows a key that speaks of a password is hidden", "[masked_line]") {
  CHECK(last("  password: hunter2") == "  password: ***");
  CHECK(last("  password:hunter2") == "  password: ***");
  CHECK(last("- {name: a, password: hunter2, label: x}") == "- {name: a, password: ***");
  CHECK(last(R"({"name": "a", "password":"hunter2"})") == R"({"name": "a", "password": ***)");
  CHECK(last("'password' : hunter2") == "'password' : ***");
  CHECK(last("password_file: /run/secrets/db") == "password_file: ***");
  CHECK(last("pasword: hunter2") == "pasword: ***");
  CHECK(last("passwrod: hunter2") == "passwrod: ***");
  CHECK(last("pwd: hunter2") == "pwd: ***");
  CHECK(last("PGPASSWORD: hunter2") == "PGPASSWORD: ***");
  CHECK(last("client_secret: hunter2") == "client_secret: ***");
  CHECK(last("  password:") == "  password:");
}

TEST_CASE("of what is below such a key nothing is shown", "[masked_line]") {
  CHECK(last("password:\n  hunter2") == "");
  CHECK(last("password:\n\n  hunter2") == "");
  CHECK(last("password:\n hunter2:\n   more") == "");
  CHECK(last("password: |\n  one\n    two") == "");
  CHECK(last("- name: a\n  password: >-\n    hunter2") == "");
  CHECK(last("- password: x\n  label:\n    - y") == "    - y");
}

TEST_CASE("of users nothing is shown", "[masked_line]") {
  CHECK(last("users: {app: hunter2}") == "users: ***");
  CHECK(last("\"users\" : [hunter2]") == "\"users\" : ***");
  CHECK(last("users:\n  app: hunter2") == "");
  CHECK(last("users:\n- hunter2") == "");
  CHECK(last("users:\n  - name: a\n    verifier: hunter2") == "");
  CHECK(last("{\n  \"users\": [\n    \"hunter2\"") == "");
  CHECK(last("{listeners: [], users: [hunter2") == "{listeners: [], users: ***");
  CHECK(last("users:\n  - hunter2\nprotect: []") == "protect: []");
  CHECK(last("rules:\n  - match: {users: [app]}") == "  - match: {users: [app]}");
  CHECK(last("rules:\n  - match:\n      users: [app]\n      x: y") == "      x: y");
}

TEST_CASE("URLs and verifiers are hidden wherever they stand", "[masked_line]") {
  CHECK(last("upstream: postgres://u:hunter2@h") == "upstream: postgres://u:***@h");
  CHECK(last("- {x: 'postgres://u:hunt er\"2/@h?x=1'}") == "- {x: 'postgres://u:***@h?x=1'}");
  CHECK(last("upstream: postgres://u:hunter2") == "upstream: postgres://u:***");
  CHECK(last("upstream: postgres://h:5432/d?x=@") == "upstream: postgres://h:***@");
  CHECK(last("- {x: \"postgres://h:5432\"}") == "- {x: \"postgres://h:5432\"}");
  CHECK(last("verifier: SCRAM-SHA-256$4096:c2FsdA==$a:b") == "verifier: SCRAM-SHA-256$***");
  CHECK(last("- {x: SCRAM-SHA-256$4096:c2FsdA==$a:b, label: y}") == "- {x: SCRAM-SHA-256$***, label: y}");
}

TEST_CASE("parameters that speak of a password are hidden", "[masked_line]") {
  CHECK(last("x: postgres://u@h/d?password=hunter2&x=y") == "x: postgres://u@h/d?password=***&x=y");
  CHECK(last("x: postgres://u@h/d?pasword=hunter2") == "x: postgres://u@h/d?pasword=***");
  CHECK(last("x: postgres://u@h/d?passwor%64=hunter2") == "x: postgres://u@h/d?passwor%64=***");
  CHECK(last("x: postgres://u@h/d?PWD=hunter2") == "x: postgres://u@h/d?PWD=***");
  CHECK(last("x: host=h password = hunter2 user=u") == "x: host=h password = *** user=u");
  CHECK(last("x: host=h password='hunter 2'") == "x: host=h password=***");
  CHECK(last("x: host=h sslmode=require") == "x: host=h sslmode=require");
}

}  // namespace
}  // namespace pgwarden::config
