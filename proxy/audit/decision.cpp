#include "proxy/audit/decision.h"

#include <boost/json/array.hpp>
#include <functional>

#include "policy/statement_reader.h"

namespace pgwarden::audit {

namespace {

using policy::Effect;

constexpr std::size_t logged_statement_bytes_max = 2048;

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

/// Decisions are the same when one rule of one policy has answered one text of one application: a pooler in
/// front has the sessions of many, and tells them apart by application_name.
std::size_t kind_of(const policy::Finding& finding, const Context& context, std::string_view sql) {
  const std::hash<std::string_view> hash;
  std::size_t kind = context.policy_version;
  for (const std::string_view part :
       {sql, std::string_view(finding.rule), std::string_view(context.who.application_name)})
    kind = kind * 31 + hash(part);
  return kind;
}

}  // namespace

session::Answer decide_and_record(const Log& log, const Context& context, policy::Verdict verdict,
                                  std::string_view sql, Repeats& repeats) {
  session::Answer answer{verdict.effect, verdict.may_change_lexing, verdict.may_hide_temporary, std::nullopt};
  if (verdict.effect == Effect::allow) return answer;
  const policy::Finding nothing;  // a verdict without its reason still counts
  const policy::Finding& finding = verdict.finding == nullptr ? nothing : *verdict.finding;
  const auto now = Repeats::Clock::now();
  if (repeats.due(now)) record_repeats(log, context, repeats);
  const auto [id, is_first] = repeats.note(kind_of(finding, context, sql), now);
  if (is_first) record(log, context, finding, verdict.effect, sql, id);
  if (!context.protected_host) {
    answer.effect = Effect::allow;
    return answer;
  }
  answer.refusal = session::refusal_of(finding, verdict.effect, context.who.host, id);
  return answer;
}

void record_repeats(const Log& log, const Context& context, Repeats& repeats) {
  const policy::Principal& who = context.who;
  for (const Repeats::Counted& counted : repeats.take(Repeats::Clock::now())) {
    const std::string_view message =
        counted.of_one_kind ? "decision repeated" : "further decisions, of too many kinds to record each";
    log.write(context.protected_host ? Level::warning : Level::info, message,
              {{"decision", counted.id},
               {"count", counted.count},
               {"session", context.session},
               {"client", who.client},
               {"user", who.user},
               {"database", who.database},
               {"host", who.host}},
              counted.count);
  }
}

}  // namespace pgwarden::audit
