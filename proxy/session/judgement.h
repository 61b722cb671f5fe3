// One question to the policy about one message, and its answer. Pure: safe on any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/explanation.h"
#include "policy/readings.h"
#include "policy/verdict.h"

namespace pgwarden::session {

/// How the server's lexer will read the text (D5).
enum class Lexing : std::uint8_t {
  standard,    ///< standard_conforming_strings = on
  escapes,     ///< standard_conforming_strings = off
  either,      ///< not known: the stricter verdict of both counts
  unreadable,  ///< bytes above 127 under an encoding in which they may hide a backslash or a quote
};

/// A Query, Parse or FunctionCall that waits for its verdict. `sql` dies with the session's next event.
struct JudgeRequest {
  char tag = '\0';
  std::string_view sql;
  std::uint32_t function_oid = 0;
  Lexing lexing = Lexing::either;
  bool temporary_first = false;  ///< see policy::LexerSettings
};

/// What the policy says of `request`. `readings` are this thread's.
policy::Verdict judge(const policy::Policy& policy, const policy::Principal& who, const JudgeRequest& request,
                      policy::Readings& readings);

/// A denial in the words that the client will see.
struct Refusal {
  std::string sqlstate;
  policy::Explanation explanation;
  std::int32_t position = -1;  ///< byte offset in the client's text, -1 for none
  policy::OnDeny on_deny = policy::OnDeny::error;
};

/// For a denial of which nothing more is known.
Refusal plain_refusal(std::string sqlstate = "42501", std::string message = "statement denied");

/// The words for a verdict that denies or warns, under the id that the log has.
Refusal refusal_of(const policy::Finding& finding, policy::Effect effect, const std::string& host,
                   const std::string& decision_id);

/// A verdict as the session needs it. Deny and warn carry a refusal.
struct Answer {
  policy::Effect effect = policy::Effect::deny;
  bool may_change_lexing = true;
  bool may_hide_temporary = true;
  std::optional<Refusal> refusal;
};

}  // namespace pgwarden::session
