#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/check/report.h"

namespace pgwarden::cli {

namespace {

namespace json = boost::json;

json::object finding(const ScriptReport& report, const Remark& remark) {
  constexpr const char* levels[] = {"error", "warning", "note"};
  json::object object{{"file", report.name},
                      {"line", remark.place.line},
                      {"column", remark.place.column},
                      {"end_column", remark.place.end_column},
                      {"level", levels[static_cast<std::size_t>(remark.level)]},
                      {"kind", remark.kind},
                      {"message", remark.message}};
  if (remark.statement) {
    object["statement"] = json::object{{"offset", remark.statement->begin},
                                       {"bytes", remark.statement->end - remark.statement->begin}};
  }
  if (!remark.reason.empty()) object["reason"] = remark.reason;
  if (!remark.hint.empty()) object["hint"] = remark.hint;
  if (!remark.rule.empty()) {
    object["rule"] =
        json::object{{"name", remark.rule}, {"file", remark.rule_file}, {"line", remark.rule_line}};
  }
  if (remark.excepted) object["exception"] = json::object{{"reason", *remark.excepted}};
  return object;
}

}  // namespace

void write_json(std::ostream& out, const Reports& reports) {
  json::array files;
  json::array findings;
  json::array unreadable;
  for (const ScriptReport& report : reports) {
    if (report.unreadable.empty()) {
      files.push_back(json::object{{"file", report.name}, {"statements", report.statements}});
    } else {
      unreadable.push_back(json::object{{"file", report.name}, {"error", report.unreadable}});
    }
    for (const Remark& remark : report.remarks) findings.push_back(finding(report, remark));
  }
  const Summary summary = summary_of(reports);
  const json::object numbers{{"files", summary.files},           {"statements", summary.statements},
                             {"denied", summary.denied},         {"warnings", summary.warnings},
                             {"exceptions", summary.exceptions}, {"malformed_exceptions", summary.malformed},
                             {"unreadable", summary.unreadable}};
  out << json::serialize(json::object{{"files", std::move(files)},
                                      {"findings", std::move(findings)},
                                      {"unreadable", std::move(unreadable)},
                                      {"summary", numbers}})
      << '\n';
}

}  // namespace pgwarden::cli
