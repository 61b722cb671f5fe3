#include "config/lint.h"

#include <algorithm>

#include "config/keys.h"
#include "config/load.h"
#include "config/values.h"
#include "policy/matching.h"

namespace pgwarden::config {

namespace {

using policy::Effect;
using policy::Rule;

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool matches_one_of(const Rule& rule, const std::vector<ProtectedHost>& hosts) {
  Rule by_host;
  by_host.match.hosts = rule.match.hosts;
  return std::any_of(hosts.begin(), hosts.end(), [&](const ProtectedHost& host) {
    policy::Principal who;
    who.host = host.name;
    return !policy::principal_mismatch(by_host, who);
  });
}

/// Whether some user has a label that the rule looks at.
bool matches_one_of(const Rule& rule, const Users& users) {
  Rule by_label;
  by_label.match.labels = rule.match.labels;
  return std::any_of(users.begin(), users.end(), [&](const auto& named) {
    policy::Principal who;
    who.label = named.second.label;
    return !policy::principal_mismatch(by_label, who);
  });
}

void check_patterns(const Value& entry, const Rule& rule, std::string_view key) {
  const auto match = entry.fields(rule_keys).find("match");
  const auto patterns = match->fields(match_keys).find(key);
  if (!patterns) return;
  for (const Value& item : patterns->items()) {
    const auto pattern = item.text();
    if (!policy::matches_every_bare_name(*pattern, rule.effect)) continue;
    item.refuse(
        in_quotes(*pattern) + " in a rule that does not allow matches every name without a schema too",
        "search_path decides what such a name means, so that the stricter answer is taken; allow in a rule "
        "before this one what is not meant");
  }
}

/// Rules of the preset that this rule of the file, `rules[index]`, matches in every case, before any other
/// does, and answers otherwise.
void check_preset(const Value& entry, const policy::Rules& rules, std::size_t index) {
  const Rule& rule = rules[index];
  const auto matched_before = [&](const Rule& other) {
    return std::any_of(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(index),
                       [&](const Rule& earlier) { return policy::covers(earlier, other); });
  };
  std::string hidden;
  for (const Rule& other : rules) {
    if (other.file == rule.file || matched_before(other)) continue;
    const bool is_copy =
        other.effect == rule.effect && policy::covers(rule, other) && policy::covers(other, rule);
    if (other.name == rule.name && !is_copy) {
      entry.refuse(
          "rule " + in_quotes(rule.name) + " has the name of a rule of the preset " + in_quotes(other.file),
          "messages and logs call rules by their names");
    }
    if (other.effect == rule.effect || !policy::covers(rule, other)) continue;
    hidden += (hidden.empty() ? "" : ", ") + in_quotes(other.name);
  }
  if (hidden.empty()) return;
  entry.refuse("rule " + in_quotes(rule.name) + " (" + std::string(word(rule.effect)) +
                   ") takes the place of rules of the preset that answer otherwise: " + hidden,
               "everything that they match is matched by this one before them");
}

void check_rules(const Value& list, const Config& config) {
  const auto hosts = protected_hosts(config);
  const policy::Rules& rules = config.policy->rules;
  const auto entries = list.items();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Rule& rule = rules[i];  // the file's own come first
    check_patterns(entries[i], rule, "objects");
    check_patterns(entries[i], rule, "functions");
    check_preset(entries[i], rules, i);
    if (!rule.match.labels.empty() && !matches_one_of(rule, config.users)) {
      entries[i].refuse(
          "rule " + in_quotes(rule.name) + " can never match: no user has one of its \"labels\"",
          "see \"users\"");
    }
    const auto asks = [](const Listener& listener) { return listener.tls.asks_for_certificate(); };
    if (!rule.match.certificates.empty() &&
        std::none_of(config.listeners.begin(), config.listeners.end(), asks)) {
      entries[i].refuse(
          "rule " + in_quotes(rule.name) + " can never match: no listener asks for \"certificates\"",
          "see \"client_ca\"");
    }
    if (rule.effect != Effect::allow && !hosts.empty() && !matches_one_of(rule, hosts)) {
      entries[i].refuse("rule " + in_quotes(rule.name) + " can never " +
                            (rule.effect == Effect::deny ? "deny" : "warn") +
                            ": none of the upstreams that its \"hosts\" match is protected",
                        "see \"protect\"");
    }
  }
}

}  // namespace

std::vector<Diagnostic> lint_text(std::string_view text, const std::string& file_name) {
  const Loaded loaded = load_text(text, file_name);
  if (!loaded.config) return loaded.diagnostics;
  Problems problems(file_name, text);
  const auto root = parse_yaml(text, problems);
  const Fields fields = Value(*root, "configuration", problems).fields(root_keys);
  if (protected_hosts(*loaded.config).empty()) {
    const auto protect = fields.find("protect");
    problems.add(protect ? protect->at() : fields.at(), "no upstream of this file is protected",
                 "everything passes; what would be denied is only logged");
  }
  const auto logs_in = [](const Listener& listener) { return listener.auth.mode != AuthMode::passthrough; };
  const auto& listeners = loaded.config->listeners;
  if (!loaded.config->users.empty() && std::none_of(listeners.begin(), listeners.end(), logs_in)) {
    const auto users = fields.find("users");
    problems.add(users ? users->at() : fields.at(), "no listener has these users log in",
                 "clients log in to the server, past them; see \"auth\"");
  }
  if (const auto rules = fields.find("rules")) check_rules(*rules, *loaded.config);
  auto warnings = problems.take();
  for (Diagnostic& warning : warnings) warning.severity = Severity::warning;
  return warnings;
}

}  // namespace pgwarden::config
