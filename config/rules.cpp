#include "config/rules.h"

#include <algorithm>
#include <string>

#include "config/keys.h"
#include "policy/matching.h"

namespace pgwarden::config {

namespace {

using policy::Effect;
using policy::Rule;
using Strings = std::vector<std::string>;

constexpr std::size_t name_bytes_max = 63;

/// The items of a list in a match. An empty list would match nothing, or everything: the reader cannot know
/// which was meant.
std::vector<Value> listed(const Fields& match, std::string_view key) {
  const auto value = match.find(key);
  if (!value) return {};
  auto items = value->items();
  if (items.empty() && value->is_list()) {
    value->refuse("\"" + std::string(key) + "\" is an empty list", "leave the key out to match all");
  }
  return items;
}

Strings texts(const Fields& match, std::string_view key) {
  Strings strings;
  for (const Value& item : listed(match, key)) {
    if (auto text = item.text()) strings.push_back(std::move(*text));
  }
  return strings;
}

/// Globs on "name" or "schema.name".
Strings object_patterns(const Fields& match, std::string_view key) {
  Strings patterns;
  for (const Value& item : listed(match, key)) {
    auto pattern = item.text();
    if (!pattern) continue;
    if (pattern->find('"') != std::string::npos) {
      std::string bare = *pattern;
      std::erase(bare, '"');
      item.refuse("object patterns take no double quotes",
                  "write " + bare + ": names are compared as the server stores them");
    } else if (std::count(pattern->begin(), pattern->end(), '.') > 1 || pattern->starts_with('.') ||
               pattern->ends_with('.')) {
      item.refuse("\"" + *pattern + "\" is not an object pattern",
                  "write NAME or SCHEMA.NAME, with * and ? as wildcards");
    } else {
      patterns.push_back(std::move(*pattern));
    }
  }
  return patterns;
}

std::vector<policy::Network> networks(const Fields& match) {
  std::vector<policy::Network> result;
  for (const Value& item : listed(match, "networks")) {
    if (const auto network = item.network()) result.push_back(*network);
  }
  return result;
}

/// A set of words; bit `first` stands for the first of `words`.
std::bitset<32> word_set(const Fields& match, std::string_view key, std::string_view what,
                         std::span<const std::string_view> words, std::size_t first) {
  std::bitset<32> set;
  for (const Value& item : listed(match, key)) {
    if (const auto index = item.word(what, words)) set.set(first + *index);
  }
  return set;
}

policy::Match read_match(const Value& value) {
  const Fields fields = value.fields(match_keys);
  policy::Match match;
  match.classes = word_set(fields, "classes", "statement class", policy::statement_class_names, 0);
  match.kinds = word_set(fields, "kinds", "kind of object", kind_words, 1);
  match.commands = texts(fields, "commands");
  match.objects = object_patterns(fields, "objects");
  match.functions = object_patterns(fields, "functions");
  match.users = texts(fields, "users");
  match.labels = texts(fields, "labels");
  match.certificates = texts(fields, "certificates");
  match.databases = texts(fields, "databases");
  match.applications = texts(fields, "applications");
  match.networks = networks(fields);
  match.hosts = texts(fields, "hosts");
  if (const auto temporary = fields.find("temporary")) match.temporary = temporary->flag();
  if (const auto cascade = fields.find("cascade")) match.cascade = cascade->flag();
  if (const auto dynamic = fields.find("dynamic")) match.dynamic = dynamic->flag();
  return match;
}

void read_name(const Value& value, Rule& rule) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  auto name = value.text();
  if (!name) return;
  if (name->find_first_not_of(allowed) != std::string::npos || name->size() > name_bytes_max) {
    value.refuse("\"" + *name + "\" is not a rule name",
                 "letters, digits, \"-\", \"_\" and \".\", at most 63");
    return;
  }
  rule.name = std::move(*name);
}

/// A client gives itself any application_name it likes: letting a statement pass needs a better reason.
void check_identity(const Value& value, const Rule& rule) {
  const auto says_something = [](const std::string& glob) {
    return glob.find_first_not_of('*') != std::string::npos;
  };
  const policy::Match& match = rule.match;
  if (rule.effect == Effect::deny || match.applications.empty()) return;
  if (!match.networks.empty() || !match.labels.empty() || !match.certificates.empty()) return;
  if (!match.users.empty() && std::all_of(match.users.begin(), match.users.end(), says_something)) return;
  value.refuse(
      "application_name is the only thing that says who may do this, and any client may give itself that "
      "name",
      "add \"users\", \"labels\", \"certificates\" or \"networks\"");
}

Rule read_rule(const Value& value) {
  const Fields fields = value.fields(rule_keys);
  Rule rule;
  rule.file = value.problems().file();
  rule.line = value.at().line;
  if (const auto name = fields.required("name")) read_name(*name, rule);
  if (const auto effect = fields.required("effect")) {
    if (const auto index = effect->word("effect", effect_words)) rule.effect = static_cast<Effect>(*index);
  }
  if (const auto on_deny = fields.find("on_deny")) {
    if (const auto index = on_deny->word("on_deny", on_deny_words)) {
      rule.on_deny = static_cast<policy::OnDeny>(*index);
    }
    if (rule.effect != Effect::deny)
      on_deny->refuse("\"on_deny\" has no meaning in a rule that does not deny");
  }
  if (const auto match = fields.required("match")) {
    rule.match = read_match(*match);
    check_identity(*match, rule);
  }
  if (const auto reason = fields.find("reason")) rule.reason = reason->prose().value_or("");
  if (const auto hint = fields.find("hint")) rule.hint = hint->prose().value_or("");
  return rule;
}

void check_against_earlier(const Value& value, const Rule& rule, const std::vector<Rule>& earlier_rules,
                           const std::vector<Position>& places) {
  for (std::size_t i = 0; i < earlier_rules.size(); ++i) {
    const Rule& earlier = earlier_rules[i];
    const std::string place =
        earlier.file + ":" + std::to_string(places[i].line) + ":" + std::to_string(places[i].column);
    if (earlier.name == rule.name && !rule.name.empty()) {
      value.refuse("another rule has the name \"" + rule.name + "\" already", "it is at " + place);
      return;
    }
    if (policy::covers(earlier, rule)) {
      value.refuse("rule \"" + rule.name +
                       "\" can never be reached: everything that it matches is matched by rule \"" +
                       earlier.name + "\" before it, at " + place,
                   "remove one of the two, or put the narrower one first");
      return;
    }
  }
}

}  // namespace

std::vector<Rule> read_rules(const Value& list) {
  std::vector<Rule> rules;
  std::vector<Position> places;
  bool all_read = true;
  for (const Value& item : list.items()) {
    const std::size_t problems_before = list.problems().count();
    Rule rule = read_rule(item);
    const bool readable = list.problems().count() == problems_before;
    all_read = all_read && readable;
    // A rule with a problem may match more or less than was meant: nothing is said of what it covers.
    if (all_read) check_against_earlier(item, rule, rules, places);
    rules.push_back(std::move(rule));
    places.push_back(item.at());
  }
  return rules;
}

}  // namespace pgwarden::config
