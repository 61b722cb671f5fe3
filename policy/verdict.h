// The answer for one text, with its reason.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "policy/statement_reader.h"

namespace pgwarden::policy {

/// Why a text is not simply allowed: everything an error message or a log record needs, owned.
struct Finding {
  StatementClass cls = StatementClass::unknown;
  ObjectKind kind = ObjectKind::none;
  std::string command;  ///< "DROP TABLE"
  std::string schema;
  std::string name;
  std::string part;  ///< the column, trigger, rule, policy or index of the table `name` that it is about
  std::int32_t position = -1;        ///< byte offset in the text, -1 when unknown
  std::vector<std::string> objects;  ///< every object with the same answer, "schema.name", at most 20
  std::string parse_error;           ///< the parser's own words, for `unanalysable`
  std::string rule;
  std::string file;
  int line = 0;
  std::string reason;
  std::string hint;
  OnDeny on_deny = OnDeny::error;
};

/// Allow carries no finding; warn and deny always do. The zero value denies.
struct Verdict {
  Effect effect = Effect::deny;
  bool may_change_lexing = true;
  bool may_hide_temporary = true;
  std::unique_ptr<const Finding> finding;
};

/// The strictest answer that the policy has for the facts of one text (D7). Pure, thread-safe; allocates
/// nothing when the answer is allow. An empty reading (no statement at all) is allowed.
///
/// A fact of class `unknown` or `unanalysable` may stand for anything. Therefore only a rule that names the
/// class lets it pass, and where no rule names it, any rule that denies something to this principal denies
/// it. A fact without a schema (search_path decides) is matched by "schema.name" in a rule that denies or
/// warns, but not in one that allows.
Verdict decide(const Policy& policy, const Principal& who, const Reading& reading);

/// The same for a FunctionCall message.
Verdict decide_function_call(const Policy& policy, const Principal& who, std::uint32_t function_oid);

/// The same for a connection that asks for replication (startup parameter `replication`).
Verdict decide_replication(const Policy& policy, const Principal& who);

}  // namespace pgwarden::policy
