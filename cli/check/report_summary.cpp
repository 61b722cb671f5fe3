#include "cli/check/report.h"

namespace pgwarden::cli {

namespace {

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void count(Summary& summary, const Remark& remark) {
  if (remark.excepted) {
    ++summary.exceptions;
  } else if (remark.level == Level::warning) {
    ++summary.warnings;
  } else if (remark.level == Level::error) {
    ++(remark.kind == "exception" ? summary.malformed : summary.denied);
  }
}

}  // namespace

Summary summary_of(const Reports& reports) {
  Summary summary;
  for (const ScriptReport& report : reports) {
    ++(report.unreadable.empty() ? summary.files : summary.unreadable);
    summary.statements += report.statements;
    for (const Remark& remark : report.remarks) count(summary, remark);
  }
  return summary;
}

std::string text_of(const Summary& summary) {
  std::string text = counted(summary.files, "file") + ", " + counted(summary.statements, "statement") + ": " +
                     std::to_string(summary.denied) + " denied, " + counted(summary.warnings, "warning") +
                     ", " + counted(summary.exceptions, "exception");
  if (summary.malformed > 0) text += ", " + counted(summary.malformed, "malformed exception");
  if (summary.unreadable > 0) text += ", " + std::to_string(summary.unreadable) + " unreadable";
  return text;
}

}  // namespace pgwarden::cli
