#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <map>

#include "cli/check/report.h"

namespace pgwarden::cli {

namespace {

namespace json = boost::json;

json::object message(const std::string& text) { return {{"text", text}}; }

json::object location(const std::string& file) {
  // A path is a relative reference; a colon in it would be taken for a scheme's.
  const auto allowed = boost::urls::pchars - ':' + '/';
  const bool is_absolute = file.starts_with('/');
  return {{"artifactLocation",
           json::object{{"uri", (is_absolute ? "file://" : "") + boost::urls::encode(file, allowed)}}}};
}

/// Rules are the kinds of finding; their indexes are given as they are met.
class Rules {
 public:
  std::size_t index_of(const std::string& kind) {
    const auto [found, is_new] = indexes_.emplace(kind, rules_.size());
    if (is_new) {
      rules_.push_back(json::object{{"id", kind}, {"shortDescription", message("pgwarden: " + kind)}});
    }
    return found->second;
  }
  json::array take() { return std::move(rules_); }

 private:
  std::map<std::string, std::size_t> indexes_;
  json::array rules_;
};

json::object result(const ScriptReport& report, const Remark& remark, Rules& rules) {
  constexpr const char* levels[] = {"error", "warning", "note"};
  json::object where = location(report.name);
  where["region"] = json::object{{"startLine", remark.place.line},
                                 {"startColumn", remark.place.column},
                                 {"endLine", remark.place.line},
                                 {"endColumn", remark.place.end_column}};
  std::string text = remark.message;
  if (!remark.reason.empty()) text += "\n" + remark.reason;
  if (!remark.hint.empty()) text += "\n" + remark.hint;
  json::object object{{"ruleId", remark.kind},
                      {"ruleIndex", rules.index_of(remark.kind)},
                      {"level", levels[static_cast<std::size_t>(remark.level)]},
                      {"message", message(text)},
                      {"locations", json::array{json::object{{"physicalLocation", std::move(where)}}}}};
  if (remark.excepted) {
    object["suppressions"] = json::array{
        json::object{{"kind", "inSource"}, {"status", "accepted"}, {"justification", *remark.excepted}}};
  }
  if (!remark.rule.empty()) object["properties"] = json::object{{"rule", remark.rule}};
  return object;
}

json::object notification(const ScriptReport& report) {
  return {{"level", "error"},
          {"message", message(report.unreadable)},
          {"locations", json::array{json::object{{"physicalLocation", location(report.name)}}}}};
}

}  // namespace

void write_sarif(std::ostream& out, const Reports& reports, const std::string& version) {
  Rules rules;
  json::array results;
  json::array notifications;
  for (const ScriptReport& report : reports) {
    if (!report.unreadable.empty()) notifications.push_back(notification(report));
    for (const Remark& remark : report.remarks) results.push_back(result(report, remark, rules));
  }
  json::object invocation{{"executionSuccessful", notifications.empty()}};
  invocation["toolExecutionNotifications"] = std::move(notifications);
  json::object driver{{"name", "pgwarden"}, {"version", version}, {"rules", rules.take()}};
  json::object run{{"tool", json::object{{"driver", std::move(driver)}}},
                   {"columnKind", "unicodeCodePoints"},
                   {"invocations", json::array{std::move(invocation)}},
                   {"results", std::move(results)}};
  out << json::serialize(json::object{
             {"$schema",
              "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"},
             {"version", "2.1.0"},
             {"runs", json::array{std::move(run)}}})
      << '\n';
}

}  // namespace pgwarden::cli
