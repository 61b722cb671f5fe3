// PL/pgSQL code as PostgreSQL's own compiler understands it.
#pragma once

#include <string_view>
#include <vector>

#include "policy/pg_query/pg_tree.h"

namespace pgwarden::policy::pg {

/// SQL text in code.
struct CodeText {
  const char* sql;
  RawParseMode mode;
  bool result_runs;  ///< an expression whose value is SQL text that is run (EXECUTE)
};

/// What a body of code may run.
struct PlpgsqlCode {
  std::vector<CodeText> texts;  ///< statements and expressions, roughly in the order of the body
  bool commits = false;
  bool rolls_back = false;
  bool complete = false;  ///< there is nothing else in it; false as well when it cannot be compiled
};

/// Compiles a body into `memory`, where the texts live. `routine` is null for DO. Fails closed: bodies that
/// PostgreSQL's compiler refuses, that a server with other settings would read differently, or that would
/// take time out of all proportion to scan are incomplete. So are those that need the catalogs to be
/// understood (fields of variables of a composite type, for one). The caller sees to it that bodies are not
/// too large.
PlpgsqlCode read_plpgsql(const char* body, const CreateFunctionStmt* routine, MemoryContext memory);

}  // namespace pgwarden::policy::pg
