#include "proxy/session/judgement.h"

#include <utility>

#include "protocol/tags.h"

namespace pgwarden::session {

namespace {

using policy::LexerSettings;

policy::Reading unreadable() {
  policy::Reading reading;
  policy::Fact fact;
  fact.cls = policy::StatementClass::unanalysable;
  fact.command = "statement";
  reading.facts.push_back(fact);
  reading.may_change_lexing = true;
  reading.may_hide_temporary = true;
  reading.error = "non-ASCII text in a client encoding that hides ASCII characters; use UTF8";
  return reading;
}

}  // namespace

policy::Verdict judge(const policy::Policy& policy, const policy::Principal& who,
                      const JudgeRequest& request) {
  if (request.tag == protocol::frontend::function_call) {
    return decide_function_call(policy, who, request.function_oid);
  }
  if (request.lexing == Lexing::unreadable) return decide(policy, who, unreadable());
  const auto decide_as = [&](bool standard) {
    return decide(policy, who,
                  policy::read_statements(request.sql, LexerSettings{standard, request.temporary_first}));
  };
  if (request.lexing != Lexing::either) return decide_as(request.lexing == Lexing::standard);
  policy::Verdict standard = decide_as(true);
  policy::Verdict escapes = decide_as(false);
  const bool may_change_lexing = standard.may_change_lexing || escapes.may_change_lexing;
  const bool may_hide_temporary = standard.may_hide_temporary || escapes.may_hide_temporary;
  policy::Verdict strictest = std::move(standard.effect <= escapes.effect ? standard : escapes);
  strictest.may_change_lexing = may_change_lexing;
  strictest.may_hide_temporary = may_hide_temporary;
  return strictest;
}

}  // namespace pgwarden::session
