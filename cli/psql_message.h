// An error or a notice as psql shows it.
#pragma once

#include <string>
#include <string_view>

#include "policy/verdict.h"
#include "proxy/session/judgement.h"

namespace pgwarden::cli {

/// "ERROR", "FATAL" or "WARNING".
std::string_view severity(const session::Refusal& refusal, policy::Effect effect);

/// The lines that psql prints (verbosity `default`, UTF-8 text, English) when it has sent `sql` in one piece
/// and gets `refusal` for it: severity and message, the line with a caret below the place, DETAIL, HINT.
std::string psql_message(const session::Refusal& refusal, policy::Effect effect, std::string_view sql);

}  // namespace pgwarden::cli
