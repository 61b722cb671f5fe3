#include "proxy/session/judgement.h"

#include <utility>

#include "policy/sql_lexer.h"
#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

using policy::LexerSettings;

constexpr std::string_view insufficient_privilege = "42501";
constexpr std::string_view warning = "01000";
constexpr std::string_view unreadable =
    "non-ASCII text in a client encoding that hides ASCII characters; use UTF8";

}  // namespace

Refusal plain_refusal(std::string sqlstate, std::string message) {
  Refusal refusal;
  refusal.sqlstate = std::move(sqlstate);
  refusal.explanation.message = std::move(message);
  return refusal;
}

Refusal refusal_of(const policy::Finding& finding, policy::Effect effect, const std::string& host,
                   const std::string& decision_id) {
  Refusal refusal;
  refusal.sqlstate = effect == policy::Effect::deny ? insufficient_privilege : warning;
  refusal.explanation = policy::explain(finding, effect, host, decision_id);
  refusal.position = finding.position;
  refusal.on_deny = finding.on_deny;
  return refusal;
}

policy::Verdict judge(const policy::Policy& policy, const policy::Principal& who, const JudgeRequest& request,
                      policy::Readings& readings) {
  if (request.tag == protocol::frontend::function_call) {
    return decide_function_call(policy, who, request.function_oid);
  }
  if (request.lexing == Lexing::unreadable) {
    return decide(policy, who, policy::unanalysable(unreadable));
  }
  if (request.lexing != Lexing::either) {
    const LexerSettings settings{request.lexing == Lexing::standard, request.temporary_first};
    if (const policy::Reading* known = readings.find(request.sql, settings)) {
      return decide(policy, who, *known);
    }
    const policy::Reading reading = policy::read_statements(request.sql, settings);
    readings.note(request.sql, settings, reading);
    return decide(policy, who, reading);
  }
  const auto read_as = [&](bool standard) {
    return policy::read_statements(request.sql, LexerSettings{standard, request.temporary_first});
  };
  const policy::Reading as_standard = read_as(true);
  const policy::Reading as_escapes = read_as(false);
  // A reading that every server fails on need not be feared.
  const auto cannot_run = [&](const policy::Reading& reading, bool standard) {
    return !reading.error.empty() && policy::is_beyond_any_grammar(request.sql, LexerSettings{standard});
  };
  if (cannot_run(as_escapes, false)) return decide(policy, who, as_standard);
  if (cannot_run(as_standard, true)) return decide(policy, who, as_escapes);
  policy::Verdict standard = decide(policy, who, as_standard);
  policy::Verdict escapes = decide(policy, who, as_escapes);
  policy::Verdict& strictest = standard.effect <= escapes.effect ? standard : escapes;
  strictest.may_change_lexing = standard.may_change_lexing || escapes.may_change_lexing;
  strictest.may_hide_temporary = standard.may_hide_temporary || escapes.may_hide_temporary;
  return std::move(strictest);
}

}  // namespace pgwarden::session
