// A finding in PostgreSQL's own message style (D4): what a person or an agent reads when a statement is
// denied.
#pragma once

#include <string>

#include "policy/verdict.h"

namespace pgwarden::policy {

/// The fields of an ErrorResponse or NoticeResponse, without the protocol.
struct Explanation {
  std::string message;
  std::string detail;
  std::string hint;
  std::string schema;
  std::string table;  ///< only for tables, their kin and their parts
  std::string column;
  std::string routine;  ///< the rule
  std::string file;
  int line = 0;
};

/// What was to be done: `DROP TABLE on table "public.Product"`.
std::string action(const Finding& finding);

/// Words for a denial (or, with effect `warn`, for a warning). `decision_id` is the six characters that a
/// log record of the same decision carries; empty where nothing is logged. Identifiers are escaped and cut at
/// 63 bytes; literals and comments of the statement are never echoed; no way round the rule is printed.
Explanation explain(const Finding& finding, Effect effect, const std::string& host,
                    const std::string& decision_id);

}  // namespace pgwarden::policy
