#include "cli/doctor/report.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iomanip>
#include <ostream>

#include "policy/printable.h"

namespace pgwarden::cli::doctor {

namespace {

constexpr int level_width = 9;
constexpr std::size_t text_bytes_max = 1000;

std::string_view word(Level level) { return level_words[static_cast<std::size_t>(level)]; }

}  // namespace

/// Servers' own words are in it.
void Report::add(Finding finding) {
  finding.text = policy::printable(finding.text, text_bytes_max);
  sections_.back().findings.push_back(std::move(finding));
}

std::size_t Report::count(Level level) const {
  std::size_t found = 0;
  for (const Section& section : sections_) {
    found += static_cast<std::size_t>(
        std::count_if(section.findings.begin(), section.findings.end(),
                      [level](const Finding& finding) { return finding.level == level; }));
  }
  return found;
}

void write_text(std::ostream& out, const Report& report) {
  for (const Section& section : report.sections()) {
    out << section.title << '\n';
    for (const Finding& finding : section.findings) {
      out << "  " << std::left << std::setw(level_width) << word(finding.level) << finding.text << '\n';
      if (!finding.advice.empty())
        out << std::string(2 + level_width, ' ') << "-> " << finding.advice << '\n';
    }
  }
  const auto plural = [](std::size_t n, const char* what) {
    return std::to_string(n) + " " + what + (n == 1 ? "" : "s");
  };
  out << plural(report.count(Level::problem), "problem") << ", "
      << plural(report.count(Level::warning), "warning") << '\n';
}

void write_json(std::ostream& out, const Report& report) {
  boost::json::array findings;
  for (const Section& section : report.sections()) {
    for (const Finding& finding : section.findings) {
      findings.push_back(boost::json::object{{"about", section.title},
                                             {"level", word(finding.level)},
                                             {"text", finding.text},
                                             {"advice", finding.advice}});
    }
  }
  out << boost::json::serialize(boost::json::object{{"problems", report.count(Level::problem)},
                                                    {"warnings", report.count(Level::warning)},
                                                    {"findings", std::move(findings)}})
      << '\n';
}

}  // namespace pgwarden::cli::doctor
