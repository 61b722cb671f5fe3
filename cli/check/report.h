// What was found in all scripts, for people and for programs.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "cli/check/check_script.h"

namespace pgwarden::cli {

using Reports = std::vector<ScriptReport>;

/// Numbers of all scripts together.
struct Summary {
  std::size_t files = 0;  ///< that could be read
  std::size_t statements = 0;
  std::size_t denied = 0;
  std::size_t warnings = 0;
  std::size_t exceptions = 0;  ///< that were used
  std::size_t malformed = 0;   ///< exceptions that could not be read
  std::size_t unreadable = 0;
};

Summary summary_of(const Reports& reports);

/// "3 files, 41 statements: 2 denied, 1 warning, 1 exception".
std::string text_of(const Summary& summary);

/// A finding as compilers print it: what, where, the line with the place underlined, why, what to do.
void write_human(std::ostream& out, const Reports& reports, bool coloured);
/// One JSON document (docs/check.md).
void write_json(std::ostream& out, const Reports& reports);
/// SARIF 2.1.0 (OASIS). Exceptions are suppressions.
void write_sarif(std::ostream& out, const Reports& reports, const std::string& version);
/// Workflow commands of GitHub Actions.
void write_github(std::ostream& out, const Reports& reports);

}  // namespace pgwarden::cli
