#include <algorithm>
#include <string>
#include <vector>

#include "policy/answer.h"
#include "policy/glob.h"
#include "policy/matching.h"
#include "policy/verdict.h"

namespace pgwarden::policy {

namespace {

constexpr std::size_t listed_objects_max = 20;

bool may_be_anything(const Fact& fact) noexcept {
  return fact.cls == StatementClass::unknown || fact.cls == StatementClass::unanalysable;
}

std::optional<MatchKey> mismatch(const Rule& rule, const Fact& fact, const Principal& who) noexcept {
  const auto key = fact_mismatch(rule, fact);
  return key ? key : principal_mismatch(rule, who);
}

/// Kinds whose facts carry the table's name, and their own as the argument. (Other arguments are literals.)
bool is_part_of_table(ObjectKind kind) noexcept {
  return kind == ObjectKind::column || kind == ObjectKind::trigger || kind == ObjectKind::rule ||
         kind == ObjectKind::policy || kind == ObjectKind::index;
}

std::string qualified_name(const Fact& fact) {
  std::string name(fact.schema);
  if (!name.empty()) name += '.';
  return name.append(fact.name);
}

/// Every object with the same answer, each once.
std::vector<std::string> objects_with(Effect effect, const Policy& policy, const Principal& who,
                                      const std::vector<Fact>& facts) {
  std::vector<std::string> objects;
  for (const Fact& fact : facts) {
    if (objects.size() == listed_objects_max) break;
    if (fact.name.empty() || answer_for(policy, who, fact).effect != effect) continue;
    std::string name = qualified_name(fact);
    if (std::find(objects.begin(), objects.end(), name) == objects.end()) objects.push_back(std::move(name));
  }
  return objects;
}

Verdict decide_facts(const Policy& policy, const Principal& who, const std::vector<Fact>& facts,
                     const std::string& parse_error) {
  Verdict verdict;
  Answer strictest{Effect::allow, nullptr, false};
  const Fact* main_fact = nullptr;
  for (const Fact& fact : facts) {
    const Answer answer = answer_for(policy, who, fact);
    if (answer.effect >= strictest.effect) continue;
    strictest = answer;
    main_fact = &fact;
    if (answer.effect == Effect::deny) break;  // nothing is stricter
  }
  verdict.effect = strictest.effect;
  if (main_fact == nullptr) return verdict;
  auto finding = std::make_unique<Finding>(finding_of(*main_fact, strictest, policy));
  finding->objects = objects_with(strictest.effect, policy, who, facts);
  if (main_fact->cls == StatementClass::unanalysable) finding->parse_error = parse_error;
  verdict.finding = std::move(finding);
  return verdict;
}

}  // namespace

Answer answer_for(const Policy& policy, const Principal& who, const Fact& fact) noexcept {
  const auto matches = [&](const Rule& rule) { return !mismatch(rule, fact, who); };
  if (const Rule* rule = policy.rules.first(fact, matches)) return {rule->effect, rule, false};
  if (may_be_anything(fact)) {  // no rule names it: it is denied wherever something is, which it may be
    for (const Rule& rule : policy.rules) {
      if (rule.effect == Effect::deny && !principal_mismatch(rule, who)) return {Effect::deny, &rule, true};
    }
  }
  // The statement that it is a part of has a fact of its own.
  if (is_harmless_call(fact)) return {Effect::allow, nullptr, false};
  return {policy.default_effect, nullptr, false};
}

Finding finding_of(const Fact& fact, const Answer& answer, const Policy& policy) {
  const Rule* rule = answer.rule;
  Finding finding;
  finding.cls = fact.cls;
  finding.kind = fact.kind;
  finding.command = fact.command;
  finding.schema = fact.schema;
  finding.name = fact.name;
  if (is_part_of_table(fact.kind)) finding.part = fact.argument;
  finding.position = fact.position;
  if (rule != nullptr) {
    finding.rule = rule->name;
    finding.file = rule->file;
    finding.line = rule->line;
    finding.reason = rule->reason;
    finding.hint = rule->hint;
    finding.on_deny = rule->on_deny;
  } else {
    finding.rule = "default";
    finding.file = policy.preset;
    finding.reason = "No rule of the policy allows it.";
  }
  return finding;
}

std::vector<PassedOver> rules_passed_over(const Policy& policy, const Principal& who, const Fact& fact) {
  std::vector<PassedOver> passed;
  for (const Rule& rule : policy.rules) {
    const auto key = mismatch(rule, fact, who);
    if (!key) break;
    passed.push_back({&rule, *key});
  }
  return passed;
}

bool Policy::protects(const std::string& host) const {
  Address address;
  const bool is_socket = host.starts_with('/');
  const auto parsed = parse_address(host);
  if (parsed) address = *parsed;
  const auto in_network = [&](const Network& network) { return network.contains(address); };
  const auto named = [&](const std::string& glob) { return glob_match(glob, host, Case::ignored); };
  return std::any_of(protect.hosts.begin(), protect.hosts.end(), named) ||
         ((is_socket || parsed) && std::any_of(protect.networks.begin(), protect.networks.end(), in_network));
}

Verdict decide(const Policy& policy, const Principal& who, const Reading& reading) {
  Verdict verdict = decide_facts(policy, who, reading.facts, reading.error);
  verdict.may_change_lexing = reading.may_change_lexing;
  verdict.may_hide_temporary = reading.may_hide_temporary;
  return verdict;
}

Verdict decide_function_call(const Policy& policy, const Principal& who, std::uint32_t function_oid) {
  std::vector<Fact> facts;
  read_function_call(function_oid, facts);
  if (facts.empty()) facts.emplace_back();  // an unknown fact: a call is never nothing
  return decide_facts(policy, who, facts, {});
}

Verdict decide_replication(const Policy& policy, const Principal& who) {
  Fact fact;
  fact.cls = StatementClass::replication;
  fact.command = "replication command";
  return decide_facts(policy, who, {fact}, {});
}

}  // namespace pgwarden::policy
