#include "config/policy_yaml.h"

#include <yaml-cpp/emitter.h>

#include <algorithm>
#include <bitset>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "config/keys.h"
#include "policy/matching.h"

namespace pgwarden::config {

namespace {

using policy::Match;
using policy::MatchKey;
using policy::Rule;
using Strings = std::vector<std::string>;

Strings words(std::bitset<32> set, std::span<const std::string_view> names, std::size_t first) {
  Strings list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (set.test(first + i)) list.emplace_back(names[i]);
  }
  return list;
}

Strings texts(const std::vector<policy::Network>& networks) {
  Strings list;
  for (const policy::Network& network : networks) list.push_back(to_string(network));
  return list;
}

Strings flag(std::optional<bool> value) { return value ? Strings{*value ? "true" : "false"} : Strings{}; }

/// What a key says; empty: nothing.
Strings values(const Match& match, MatchKey key) {
  switch (key) {
    case MatchKey::classes:
      return words(match.classes, policy::statement_class_names, 0);
    case MatchKey::kinds:
      return words(match.kinds, kind_words, 1);
    case MatchKey::commands:
      return match.commands;
    case MatchKey::objects:
      return match.objects;
    case MatchKey::functions:
      return match.functions;
    case MatchKey::users:
      return match.users;
    case MatchKey::labels:
      return match.labels;
    case MatchKey::certificates:
      return match.certificates;
    case MatchKey::databases:
      return match.databases;
    case MatchKey::applications:
      return match.applications;
    case MatchKey::networks:
      return texts(match.networks);
    case MatchKey::hosts:
      return match.hosts;
    case MatchKey::temporary:
      return flag(match.temporary);
    case MatchKey::cascade:
      return flag(match.cascade);
    case MatchKey::dynamic:
      return flag(match.dynamic);
  }
  return {};
}

void emit_list(YAML::Emitter& out, const Strings& list) {
  out << YAML::Flow << YAML::BeginSeq;
  for (const std::string& item : list) out << item;
  out << YAML::EndSeq;
}

/// Nothing when the key says nothing.
void emit_key(YAML::Emitter& out, const Match& match, MatchKey key) {
  const Strings list = values(match, key);
  if (list.empty()) return;
  out << YAML::Key << std::string(policy::match_key_names[static_cast<std::size_t>(key)]) << YAML::Value;
  const bool is_flag = key == MatchKey::temporary || key == MatchKey::cascade || key == MatchKey::dynamic;
  if (is_flag) {
    out << list.front();
  } else {
    emit_list(out, list);
  }
}

void emit_match(YAML::Emitter& out, const Match& match) {
  out << YAML::Key << "match" << YAML::Value << YAML::BeginMap;
  for (std::size_t i = 0; i < policy::match_key_names.size(); ++i) {
    emit_key(out, match, static_cast<MatchKey>(i));
  }
  out << YAML::EndMap;
}

void emit_text(YAML::Emitter& out, const char* key, const std::string& text) {
  if (!text.empty()) out << YAML::Key << key << YAML::Value << text;
}

std::string place(const Rule& rule) { return rule.file + ":" + std::to_string(rule.line); }

void emit_rule(YAML::Emitter& out, const Rule& rule, const std::string& name) {
  out << YAML::BeginMap;
  out << YAML::Key << "name" << YAML::Value << name << YAML::Comment(place(rule));
  emit_text(out, "effect", std::string(word(rule.effect)));
  if (rule.on_deny != policy::OnDeny::error) {
    emit_text(out, "on_deny", std::string(on_deny_words[static_cast<std::size_t>(rule.on_deny)]));
  }
  emit_match(out, rule.match);
  emit_text(out, "reason", rule.reason);
  emit_text(out, "hint", rule.hint);
  out << YAML::EndMap;
}

/// Gives the rules that have no say, as comments.
std::string emit_rules(YAML::Emitter& out, const policy::Rules& rules) {
  out << YAML::Key << "rules" << YAML::Value << YAML::BeginSeq;
  std::string comments;
  std::set<std::string> names;
  for (auto rule = rules.begin(); rule != rules.end(); ++rule) {
    const auto covering = std::find_if(rules.begin(), rule,
                                       [&](const Rule& earlier) { return policy::covers(earlier, *rule); });
    if (covering != rule) {
      comments += "# " + rule->name + " (" + place(*rule) + ") has no say: " + covering->name + " (" +
                  place(*covering) + ") matches all that it matches\n";
      continue;
    }
    const bool is_new = names.insert(rule->name).second;
    emit_rule(out, *rule, is_new ? rule->name : rule->file + "." + rule->name);
  }
  out << YAML::EndSeq;
  return comments;
}

}  // namespace

std::string to_yaml(const Match& match, MatchKey key) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  emit_key(out, match, key);
  out << YAML::EndMap;
  return out.c_str();
}

std::string to_yaml(const policy::Policy& policy) {
  const bool allows = policy.default_effect == policy::Effect::allow;
  Strings protect = texts(policy.protect.networks);
  protect.insert(protect.begin(), policy.protect.hosts.begin(), policy.protect.hosts.end());
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "protect" << YAML::Value;
  emit_list(out, protect);
  // Only the default of the preset is still wanted: "observe" has nothing else.
  out << YAML::Key << "preset" << YAML::Value << (allows ? "observe" : policy.preset);
  out << YAML::Comment(allows ? "what no rule matches is allowed" : "what no rule matches is denied");
  out << YAML::Key << "server_read_only" << YAML::Value << policy.server_read_only;
  const std::string comments = policy.rules.empty() ? "" : emit_rules(out, policy.rules);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n" + comments;
}

}  // namespace pgwarden::config
