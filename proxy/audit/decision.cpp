#include "proxy/audit/decision.h"

#include <array>
#include <boost/json/array.hpp>
#include <random>

#include "policy/statement_reader.h"

namespace pgwarden::audit {

namespace {

using policy::Effect;

constexpr std::size_t logged_statement_bytes_max = 2048;

/// Six characters a person can read out: enough to find one record among a day's.
std::string new_decision_id() {
  constexpr std::string_view letters = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
  thread_local std::random_device device;
  std::uniform_int_distribution<std::size_t> any(0, letters.size() - 1);
  std::string id;
  for (int i = 0; i < 6; ++i) id += letters[any(device)];
  return id;
}

std::string logged_statement(std::string_view sql, bool log_literals) {
  if (!log_literals) return policy::mask_literals(sql, logged_statement_bytes_max);
  return std::string(sql.substr(0, logged_statement_bytes_max));
}

void record(const Log& log, const Context& context, const policy::Finding& finding, Effect effect,
            std::string_view sql, const std::string& id) {
  const bool denied = effect == Effect::deny && context.protected_host;
  const Level level = denied || effect == Effect::warn ? Level::warning : Level::info;
  if (!log.enabled(level)) return;
  const policy::Principal& who = context.who;
  boost::json::array objects;
  for (const std::string& object : finding.objects) objects.emplace_back(object);
  const std::string_view message = !context.protected_host ? "would be denied on a protected host"
                                   : denied                ? "statement denied"
                                                           : "statement allowed with a warning";
  boost::json::object fields{{"decision", id},
                             {"session", context.session},
                             {"client", who.client},
                             {"user", who.user},
                             {"database", who.database},
                             {"application_name", who.application_name},
                             {"host", who.host},
                             {"class", policy::name_of(finding.cls)},
                             {"command", finding.command},
                             {"objects", objects},
                             {"rule", finding.rule},
                             {"policy_version", context.policy_version},
                             {"statement", logged_statement(sql, context.log_literals)}};
  if (!who.via.empty()) fields["via"] = who.via;
  if (!who.label.empty()) fields["label"] = who.label;
  if (!who.certificates.empty()) fields["certificate"] = who.certificates.front();
  log.write(level, message, fields);
}

}  // namespace

session::Answer decide_and_record(const Log& log, const Context& context, policy::Verdict verdict,
                                  std::string_view sql) {
  session::Answer answer{verdict.effect, verdict.may_change_lexing, verdict.may_hide_temporary, std::nullopt};
  if (verdict.effect == Effect::allow) return answer;
  const policy::Finding nothing;  // a verdict without its reason still counts
  const policy::Finding& finding = verdict.finding == nullptr ? nothing : *verdict.finding;
  const std::string id = new_decision_id();
  record(log, context, finding, verdict.effect, sql, id);
  if (!context.protected_host) {
    answer.effect = Effect::allow;
    return answer;
  }
  answer.refusal = session::refusal_of(finding, verdict.effect, context.who.host, id);
  return answer;
}

}  // namespace pgwarden::audit
