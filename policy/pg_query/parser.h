// One call of PostgreSQL's parser.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/pg_query/pg_tree.h"
#include "policy/statement_reader.h"

namespace pgwarden::policy::pg {

/// The raw statements of one text, or why there are none.
struct Parsed {
  const List* statements = nullptr;  ///< null for an empty text as well
  std::string error;                 ///< the parser's own words, shortened; empty: it parsed
  std::int32_t error_position = -1;  ///< byte offset, -1 when unknown
};

/// Parses `sql` into `memory`, where the tree lives: statements, or with another `mode` what stands for an
/// expression or an assignment in PL/pgSQL (see PostgreSQL's parser/parser.h). Texts whose scanning would
/// take time out of all proportion, or that are too long for PostgreSQL's positions, are an error. `sql` need
/// not outlive the call.
Parsed parse(std::string_view sql, LexerSettings settings, MemoryContext memory,
             RawParseMode mode = RAW_PARSE_DEFAULT);

}  // namespace pgwarden::policy::pg
