// What the policy says of one fact, and how it came to say so.
#pragma once

#include <vector>

#include "policy/facts.h"
#include "policy/policy.h"
#include "policy/verdict.h"

namespace pgwarden::policy {

struct Answer {
  Effect effect = Effect::deny;
  const Rule* rule = nullptr;  ///< of the policy; nullptr: its default
  /// `rule` does not match the fact, but denies something, and the fact may be anything.
  bool may_be_denied = false;
};

/// The answer of the first rule that matches `fact`.
Answer answer_for(const Policy& policy, const Principal& who, const Fact& fact) noexcept;

/// `answer` to `fact` with everything that can be said of it, but for what only the whole text tells: the
/// other objects, the parser's words.
Finding finding_of(const Fact& fact, const Answer& answer, const Policy& policy);

/// A rule that does not match a fact, and the first key that keeps it from matching.
struct PassedOver {
  const Rule* rule = nullptr;
  MatchKey key = MatchKey::classes;
};

/// The rules before the first that matches `fact`, in order; all of them when none does.
std::vector<PassedOver> rules_passed_over(const Policy& policy, const Principal& who, const Fact& fact);

}  // namespace pgwarden::policy
