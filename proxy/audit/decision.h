// From a verdict to what the client reads and what the log keeps: both carry the same decision id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/verdict.h"
#include "proxy/audit/log.h"
#include "proxy/audit/repeats.h"
#include "proxy/session/judgement.h"

namespace pgwarden::audit {

/// What a record says of the session and of how it was judged.
struct Context {
  const policy::Principal& who;
  std::uint64_t session = 0;
  std::uint64_t policy_version = 0;
  bool protected_host = true;
  bool log_literals = false;
};

/// Turns `verdict` on `sql` into the session's answer and records it unless it is a plain allow, or a repeat,
/// which is counted. On a host that is not protected the answer is always allow.
session::Answer decide_and_record(const Log& log, const Context& context, policy::Verdict verdict,
                                  std::string_view sql, Repeats& repeats);

/// Records what has been counted.
void record_repeats(const Log& log, const Context& context, Repeats& repeats);

}  // namespace pgwarden::audit
