#include "cli/check/report.h"

namespace pgwarden::cli {

namespace {

/// What a workflow command takes for its own is written as %XX; in a property also what ends it.
std::string escaped(const std::string& text, bool property) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '%':
        out += "%25";
        break;
      case '\r':
        out += "%0D";
        break;
      case '\n':
        out += "%0A";
        break;
      case ':':
        out += property ? "%3A" : ":";
        break;
      case ',':
        out += property ? "%2C" : ",";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void write(std::ostream& out, const ScriptReport& report, const Remark& remark) {
  const bool is_notice = remark.level == Level::note || remark.excepted;
  const char* const command = is_notice ? "notice" : remark.level == Level::error ? "error" : "warning";
  std::string text = remark.message;
  if (remark.excepted) text += "\nallowed by an exception: " + *remark.excepted;
  if (!remark.reason.empty()) text += "\n" + remark.reason;
  if (!remark.hint.empty()) text += "\n" + remark.hint;
  out << "::" << command << " file=" << escaped(report.name, true) << ",line=" << remark.place.line
      << ",col=" << remark.place.column << ",endColumn=" << remark.place.end_column
      << ",title=" << escaped(remark.kind, true) << "::" << escaped(text, false) << '\n';
}

}  // namespace

void write_github(std::ostream& out, const Reports& reports) {
  for (const ScriptReport& report : reports) {
    if (!report.unreadable.empty()) {
      out << "::error file=" << escaped(report.name, true)
          << ",title=unreadable::" << escaped(report.unreadable, false) << '\n';
    }
    // GitHub shows few annotations of a step: the errors come first.
    for (const Level level : {Level::error, Level::warning, Level::note}) {
      for (const Remark& remark : report.remarks) {
        if (remark.level == level) write(out, report, remark);
      }
    }
  }
  out << text_of(summary_of(reports)) << '\n';
}

}  // namespace pgwarden::cli
