// Tests of a policy: statements, who sends them, and what is expected.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "policy/policy.h"

namespace pgwarden::config {

/// Who sends a statement, as far as a test or a command line says; nullopt: see principal().
struct Sender {
  std::optional<std::string> user;
  std::optional<std::string> label;
  std::optional<std::string> certificate;  ///< a name of the client's
  std::optional<std::string> database;
  std::optional<std::string> application;
  std::optional<std::string> client;  ///< an IP address or "unix"
  std::optional<std::string> host;    ///< upstream
};

struct Expectation {
  Position at;
  std::string statement;
  Sender who;
  policy::Effect effect = policy::Effect::deny;
  std::optional<std::string> rule;
};

struct TestFile {
  std::string config;  ///< as written: relative to the test file; may be empty
  std::vector<Expectation> tests;
};

/// The tests when there is nothing wrong with the file, else all problems.
struct LoadedTests {
  std::optional<TestFile> file;
  std::vector<Diagnostic> diagnostics;
};

LoadedTests load_tests(std::string_view text, const std::string& file_name);

}  // namespace pgwarden::config
