#include "cli/statement_json.h"

#include <boost/json/array.hpp>

#include "cli/psql_message.h"
#include "cli/statement_tree.h"
#include "config/keys.h"
#include "policy/answer.h"
#include "policy/utf8.h"

namespace pgwarden::cli {

namespace {

using boost::json::array;
using boost::json::object;

object rule_json(std::string_view name, std::string_view file, int line, policy::Effect effect) {
  return {{"rule", name}, {"file", file}, {"line", line}, {"effect", config::word(effect)}};
}

object fact_json(const policy::Fact& fact, const policy::Policy& policy, const policy::Principal& who) {
  object json{{"class", name_of(fact.cls)}, {"command", fact.command}, {"kind", name_of(fact.kind)},
              {"schema", fact.schema},      {"name", fact.name},       {"argument", fact.argument},
              {"offset", fact.position}};
  for (const FactFlag& flag : fact_flags) json[flag.key] = fact.*flag.member;
  const policy::Answer answer = policy::answer_for(policy, who, fact);
  const policy::Finding finding = policy::finding_of(fact, answer, policy);
  json["answer"] = rule_json(finding.rule, finding.file, finding.line, answer.effect);
  array passed_over;
  for (const auto& [rule, key] : policy::rules_passed_over(policy, who, fact)) {
    object passed = rule_json(rule->name, rule->file, rule->line, rule->effect);
    passed["key"] = policy::match_key_names[static_cast<std::size_t>(key)];
    passed_over.push_back(std::move(passed));
  }
  json["passed_over"] = std::move(passed_over);
  return json;
}

array statements_json(const Judged& judged, const policy::Policy& policy, const policy::Principal& who,
                      std::string_view sql) {
  array statements;
  for (const StatementNode& statement : statement_tree(judged.reading, sql)) {
    array facts;
    for (const FactNode& node : statement.facts) {
      object fact = fact_json(*node.fact, policy, who);
      array inner;
      for (const policy::Fact* below : node.inner) inner.push_back(fact_json(*below, policy, who));
      fact["inner"] = std::move(inner);
      facts.push_back(std::move(fact));
    }
    statements.push_back(object{
        {"offset", statement.span.offset}, {"length", statement.span.length}, {"facts", std::move(facts)}});
  }
  return statements;
}

object message_json(const session::Refusal& refusal, policy::Effect effect, std::string_view sql) {
  const policy::Explanation& words = refusal.explanation;
  object json{{"severity", severity(refusal, effect)},
              {"sqlstate", refusal.sqlstate},
              {"message", words.message},
              {"detail", words.detail},
              {"hint", words.hint},
              {"psql", psql_message(refusal, effect, sql)}};
  if (effect == policy::Effect::deny && refusal.position >= 0) {
    json["position"] = policy::character_count(sql.substr(0, static_cast<std::size_t>(refusal.position))) + 1;
  }
  return json;
}

}  // namespace

object to_json(const Judged& judged, const policy::Policy& policy, const policy::Principal& who,
               std::string_view sql) {
  object json{{"verdict", config::word(judged.effect())},
              {"host", who.host},
              {"protected", judged.protected_host},
              {"statements", statements_json(judged, policy, who, sql)},
              {"message", nullptr}};
  if (const auto refusal = refusal_of(judged, who.host)) {
    json["message"] = message_json(*refusal, judged.verdict.effect, sql);
  }
  return json;
}

}  // namespace pgwarden::cli
