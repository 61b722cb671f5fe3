#include "cli/check/report.h"
#include "policy/printable.h"

namespace pgwarden::cli {

namespace {

constexpr std::size_t reason_bytes_max = 500;

class HumanReport {
 public:
  HumanReport(std::ostream& out, bool coloured) : out_(out), coloured_(coloured) {}

  void remark(const std::string& file, const Remark& remark) {
    const bool is_error = remark.level == Level::error;
    const char* const colour = is_error ? "1;31" : remark.level == Level::warning ? "1;33" : "1;36";
    const char* const word = is_error ? "error" : remark.level == Level::warning ? "warning" : "note";
    const Place& place = remark.place;
    const std::string number = std::to_string(place.line);
    const std::string margin(number.size(), ' ');
    const std::string bar = painted(margin + " |", "1;34");
    out_ << painted(word + ("[" + remark.kind + "]"), colour) << painted(": " + remark.message, "1") << '\n'
         << margin << painted("-->", "1;34") << ' ' << file << ':' << number << ':' << place.column << '\n'
         << bar << '\n'
         << painted(number + " |", "1;34") << ' ' << place.excerpt << '\n'
         << bar << ' ' << std::string(place.indent, ' ') << painted(std::string(place.width, '^'), colour)
         << '\n';
    detail(margin, "note", remark.reason);
    if (!remark.rule.empty()) detail(margin, "rule", rule_of(remark));
    detail(margin, "help", remark.hint);
    out_ << '\n';
  }

  /// The exceptions that were used, so that nobody overlooks them.
  void exceptions(const Reports& reports) {
    bool first = true;
    for (const ScriptReport& report : reports) {
      for (const Remark& remark : report.remarks) {
        if (!remark.excepted) continue;
        if (first) out_ << "exceptions:\n";
        first = false;
        out_ << "  " << report.name << ':' << remark.place.line << ": " << remark.kind << ": "
             << policy::printable(*remark.excepted, reason_bytes_max) << '\n';
      }
    }
    if (!first) out_ << '\n';
  }

 private:
  std::string painted(const std::string& text, const char* colour) const {
    return coloured_ ? "\x1B[" + std::string(colour) + "m" + text + "\x1B[0m" : text;
  }

  void detail(const std::string& margin, const std::string& word, const std::string& text) {
    if (!text.empty()) {
      out_ << margin << ' ' << painted("=", "1;34") << ' ' << painted(word, "1") << ": " << text << '\n';
    }
  }

  static std::string rule_of(const Remark& remark) {
    if (remark.rule_file.empty()) return remark.rule;
    const std::string line = remark.rule_line == 0 ? "" : ":" + std::to_string(remark.rule_line);
    return remark.rule + " (" + remark.rule_file + line + ")";
  }

  std::ostream& out_;
  bool coloured_;
};

}  // namespace

void write_human(std::ostream& out, const Reports& reports, bool coloured) {
  HumanReport human(out, coloured);
  for (const ScriptReport& report : reports) {
    for (const Remark& remark : report.remarks) {
      if (!remark.excepted) human.remark(report.name, remark);
    }
  }
  human.exceptions(reports);
  out << text_of(summary_of(reports)) << '\n';
}

}  // namespace pgwarden::cli
