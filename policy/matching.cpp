#include "policy/matching.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "policy/glob.h"

namespace pgwarden::policy {

namespace {

using Globs = std::vector<std::string>;

/// "schema.name", or a name in any schema.
struct ObjectPattern {
  std::string_view schema = "*";
  std::string_view name;

  explicit ObjectPattern(std::string_view pattern) : name(pattern) {
    const std::size_t dot = pattern.find('.');
    if (dot == std::string_view::npos) return;
    schema = pattern.substr(0, dot);
    name = pattern.substr(dot + 1);
  }
};

constexpr std::size_t bit(StatementClass cls) { return static_cast<std::size_t>(cls); }

bool lets_pass(const Rule& rule) noexcept { return rule.effect != Effect::deny; }

bool matches_class(const Rule& rule, StatementClass cls) noexcept {
  const auto& classes = rule.match.classes;
  if (classes.test(bit(cls))) return true;
  const bool may_be_anything = cls == StatementClass::unknown || cls == StatementClass::unanalysable;
  return classes.none() && !(may_be_anything && lets_pass(rule));
}

bool matches_any(const Globs& globs, std::string_view text, Case letters = Case::sensitive) noexcept {
  return globs.empty() || std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
           return glob_match(glob, text, letters);
         });
}

/// None of the globs, "*" neither, matches a client that has no name of the kind.
bool matches_names(const Globs& globs, std::span<const std::string> names) noexcept {
  return globs.empty() || std::any_of(names.begin(), names.end(),
                                      [&](const std::string& name) { return matches_any(globs, name); });
}

bool is_routine(const Fact& fact) noexcept {
  return fact.kind == ObjectKind::function || fact.kind == ObjectKind::procedure;
}

bool matches_object(const Globs& globs, const Fact& fact, Effect effect) noexcept {
  if (globs.empty()) return true;
  // A function that nobody knows by its OID may be any.
  if (fact.name.empty()) return effect != Effect::allow && is_routine(fact);
  return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
    const ObjectPattern pattern(glob);
    if (!glob_match(pattern.name, fact.name)) return false;
    if (!fact.schema.empty()) return glob_match(pattern.schema, fact.schema);
    return effect != Effect::allow || pattern.schema == "*";
  });
}

/// Whether each of `narrow` is covered by one of `wide`; an empty list matches everything.
template <typename Item, typename Covers>
bool covers_all(const std::vector<Item>& wide, const std::vector<Item>& narrow, Covers covers_one) {
  if (wide.empty()) return true;
  if (narrow.empty()) return false;
  return std::all_of(narrow.begin(), narrow.end(), [&](const Item& item) {
    return std::any_of(wide.begin(), wide.end(), [&](const Item& other) { return covers_one(other, item); });
  });
}

bool covers_flag(std::optional<bool> wide, std::optional<bool> narrow) { return !wide || wide == narrow; }

bool covers_classes(const Rule& earlier, const Rule& later) {
  for (std::size_t i = 0; i < statement_class_names.size(); ++i) {
    const auto cls = static_cast<StatementClass>(i);
    if (matches_class(later, cls) && !matches_class(earlier, cls)) return false;
  }
  return true;
}

bool covers_what(const Rule& earlier, const Rule& later) {
  const Match& wide = earlier.match;
  const Match& narrow = later.match;
  // A fact without a schema is matched by a rule that denies, but not by one that allows.
  const bool schema_counts = earlier.effect == Effect::allow && later.effect != Effect::allow;
  const auto object_covers = [&](const std::string& a, const std::string& b) {
    const ObjectPattern outer(a);
    const ObjectPattern inner(b);
    if (schema_counts && outer.schema != "*") return false;
    return glob_covers(outer.schema, inner.schema) && glob_covers(outer.name, inner.name);
  };
  const auto command_covers = [](const std::string& a, const std::string& b) {
    return glob_covers(a, b, Case::ignored);
  };
  const bool kinds = wide.kinds.none() || (narrow.kinds.any() && (narrow.kinds & ~wide.kinds).none());
  return kinds && covers_flag(wide.temporary, narrow.temporary) &&
         covers_flag(wide.cascade, narrow.cascade) && covers_flag(wide.dynamic, narrow.dynamic) &&
         covers_all(wide.commands, narrow.commands, command_covers) &&
         covers_all(wide.objects, narrow.objects, object_covers) &&
         covers_all(wide.functions, narrow.functions, object_covers);
}

bool covers_who(const Match& wide, const Match& narrow) {
  const auto glob = [](const std::string& a, const std::string& b) { return glob_covers(a, b); };
  const auto host = [](const std::string& a, const std::string& b) {
    return glob_covers(a, b, Case::ignored);
  };
  const auto network = [](const Network& a, const Network& b) { return a.contains(b); };
  return covers_all(wide.users, narrow.users, glob) && covers_all(wide.labels, narrow.labels, glob) &&
         covers_all(wide.certificates, narrow.certificates, glob) &&
         covers_all(wide.databases, narrow.databases, glob) &&
         covers_all(wide.applications, narrow.applications, glob) &&
         covers_all(wide.hosts, narrow.hosts, host) && covers_all(wide.networks, narrow.networks, network);
}

/// Harmless calls are in most statements. Rules that deny or warn mean them only where they speak of
/// functions; one that names objects does not mean them, for a bare name would match in any schema.
bool matches_harmless_calls(const Rule& rule) noexcept {
  const Match& match = rule.match;
  if (!match.functions.empty()) return true;
  const bool names_kind = match.kinds.test(static_cast<std::size_t>(ObjectKind::function));
  return match.objects.empty() && (names_kind || rule.effect == Effect::allow);
}

}  // namespace

std::optional<MatchKey> fact_mismatch(const Rule& rule, const Fact& fact) noexcept {
  const Match& match = rule.match;
  if (!matches_class(rule, fact.cls)) return MatchKey::classes;
  if (is_harmless_call(fact) && !matches_harmless_calls(rule)) return MatchKey::functions;
  if (match.temporary && *match.temporary != fact.temporary) return MatchKey::temporary;
  if (match.cascade && *match.cascade != fact.cascade) return MatchKey::cascade;
  if (match.dynamic && *match.dynamic != fact.dynamic) return MatchKey::dynamic;
  if (match.kinds.any() && !match.kinds.test(static_cast<std::size_t>(fact.kind))) return MatchKey::kinds;
  if (!match.functions.empty() && !is_routine(fact)) return MatchKey::functions;
  if (!matches_any(match.commands, fact.command, Case::ignored)) return MatchKey::commands;
  if (!matches_object(match.objects, fact, rule.effect)) return MatchKey::objects;
  if (!matches_object(match.functions, fact, rule.effect)) return MatchKey::functions;
  return std::nullopt;
}

std::optional<MatchKey> principal_mismatch(const Rule& rule, const Principal& who) noexcept {
  const Match& match = rule.match;
  if (!matches_any(match.users, who.user)) return MatchKey::users;
  const std::span<const std::string> label(&who.label, who.label.empty() ? 0 : 1);
  if (!matches_names(match.labels, label)) return MatchKey::labels;
  if (!matches_names(match.certificates, who.certificates)) return MatchKey::certificates;
  if (!matches_any(match.databases, who.database)) return MatchKey::databases;
  if (!matches_any(match.applications, who.application_name)) return MatchKey::applications;
  if (!matches_any(match.hosts, who.host, Case::ignored)) return MatchKey::hosts;
  const auto& networks = match.networks;
  const auto has_client = [&](const Network& network) { return network.contains(who.address); };
  if (!networks.empty() && std::none_of(networks.begin(), networks.end(), has_client)) {
    return MatchKey::networks;
  }
  return std::nullopt;
}

bool covers(const Rule& earlier, const Rule& later) {
  // A later rule about functions is reached by the harmless calls that the earlier one does not mean. They
  // pass without a rule, too: one that allows them is not what was meant.
  if (later.effect != Effect::allow && matches_class(later, StatementClass::read) &&
      matches_harmless_calls(later) && !matches_harmless_calls(earlier)) {
    return false;
  }
  return covers_classes(earlier, later) && covers_what(earlier, later) &&
         covers_who(earlier.match, later.match);
}

bool matches_every_bare_name(std::string_view pattern, Effect effect) {
  const ObjectPattern object(pattern);
  return effect != Effect::allow && object.schema != "*" && glob_covers(object.name, "*");
}

}  // namespace pgwarden::policy
