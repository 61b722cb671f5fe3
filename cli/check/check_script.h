// Judges the statements of a script as the proxy would judge them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check/source_text.h"
#include "policy/verdict.h"

namespace pgwarden::cli {

enum class Level : std::uint8_t { error, warning, note };

/// One thing to say of a script.
struct Remark {
  Level level = Level::error;
  std::string kind;  ///< "drop-table": what an exception has to name; "exception" and "psql" for what is no
                     ///< statement
  std::string message;
  std::string reason;
  std::string hint;
  std::string rule;       ///< of the policy
  std::string rule_file;  ///< where it is written; the name of a preset
  int rule_line = 0;
  Place place;
  std::optional<Span> statement;        ///< the text that psql would send; not for what is no statement
  std::optional<std::string> excepted;  ///< the reason of the exception that allows it
};

/// What came of one script.
struct ScriptReport {
  std::string name;
  std::size_t statements = 0;   ///< texts that psql would send
  std::vector<Remark> remarks;  ///< in the order of their places
  std::string unreadable;       ///< why it was not checked at all; empty: it was
};

/// What to hold scripts against.
struct CheckContext {
  const policy::Policy& policy;
  policy::Principal who;
};

/// Reads `text` as psql would (SqlScript) and takes each text that it sends through the proxy's own
/// read_statements, decide and explain.
ScriptReport check_script(const CheckContext& context, std::string name, std::string_view text);

/// The word for a command: "ALTER TABLE ... DROP COLUMN" is "alter-table-drop-column". `unanalysable` for
/// what cannot be analysed.
std::string kind_of(policy::StatementClass cls, std::string_view command);

}  // namespace pgwarden::cli
