// Whether a rule matches, and if not why: shared by decide(), by those who explain its answers, and by the
// checks for rules that can never be reached.
#pragma once

#include <optional>
#include <string_view>

#include "policy/facts.h"
#include "policy/policy.h"

namespace pgwarden::policy {

/// The first key that keeps `rule` from matching what `fact` says: class, kind, command, names, flags.
/// nullopt: it matches.
std::optional<MatchKey> fact_mismatch(const Rule& rule, const Fact& fact) noexcept;

/// The first key that keeps `rule` from looking at what this principal does; nullopt: it matches.
std::optional<MatchKey> principal_mismatch(const Rule& rule, const Principal& who) noexcept;

/// Whether every fact and principal that `later` matches is matched by `earlier` too, so that `later` has
/// never a say when it stands behind `earlier`. May answer no for want of a proof.
bool covers(const Rule& earlier, const Rule& later);

/// Whether an object pattern that names a schema matches every name without one, because search_path decides:
/// "scratch.*" in a rule that denies or warns.
bool matches_every_bare_name(std::string_view pattern, Effect effect);

}  // namespace pgwarden::policy
