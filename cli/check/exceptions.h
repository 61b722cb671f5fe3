// Exceptions that stand in a script: `-- pgwarden: allow drop-table the table was emptied in 0041`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgwarden::cli {

/// One comment that begins with "pgwarden".
struct ExceptionComment {
  std::string kind;    ///< what is allowed, as kind_of() says it
  std::string reason;  ///< why
  std::string error;   ///< what is wrong with it; empty: nothing
};

/// Reads a `--` comment; nullopt when it is none of ours.
std::optional<ExceptionComment> read_exception(std::string_view comment);

}  // namespace pgwarden::cli
