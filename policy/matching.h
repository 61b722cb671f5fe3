// Whether a rule matches: shared by decide() and by the check for rules that can never be reached.
#pragma once

#include <string_view>

#include "policy/facts.h"
#include "policy/policy.h"

namespace pgwarden::policy {

/// Whether `rule` looks at what `fact` says: class, kind, command, names, flags.
bool matches_fact(const Rule& rule, const Fact& fact) noexcept;

/// Whether `rule` looks at what this principal does.
bool matches_principal(const Rule& rule, const Principal& who) noexcept;

/// Whether every fact and principal that `later` matches is matched by `earlier` too, so that `later` has
/// never a say when it stands behind `earlier`. May answer no for want of a proof.
bool covers(const Rule& earlier, const Rule& later);

}  // namespace pgwarden::policy
