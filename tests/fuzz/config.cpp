// Whatever the text: a configuration, a file of policy tests or a list of what is wrong with it comes out,
// each problem with its place in the text; nothing is both right and wrong; a policy that is written out
// decides the same when it is read again. (Certificates that the text names are opened, as they are by the
// program.)
//
// Input: the text.
#include <algorithm>
#include <sstream>

#include "config/lint.h"
#include "config/load.h"
#include "config/policy_yaml.h"
#include "config/test_file.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using config::Diagnostic;

void check_places(const std::vector<Diagnostic>& diagnostics, std::string_view text) {
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  for (const Diagnostic& diagnostic : diagnostics) {
    fuzz::require(diagnostic.line >= 0 && diagnostic.line <= lines + 1 && diagnostic.column >= 0,
                  "a problem has its place", config::format(diagnostic));
    fuzz::require(!diagnostic.message.empty() && config::format(diagnostic).find('\0') == std::string::npos,
                  "a problem is said in words", config::format(diagnostic));
  }
}

/// Without the comments, which say where each rule was read and which have no say: those that the preset adds
/// again.
std::string without_places(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# ")) text += line.substr(0, line.find("  # ")) + "\n";
  }
  return text;
}

void check_policy(const policy::Policy& policy) {
  const std::string written = config::to_yaml(policy);
  const std::string whole = "listeners: [{listen: 127.0.0.1:1, upstream: postgres://h/d}]\n" + written;
  const config::Loaded again = config::load_text(whole, "written");
  fuzz::require(again.config.has_value(), "a policy that was written out can be read",
                whole + (again.diagnostics.empty() ? "" : config::format(again.diagnostics.front())));
  fuzz::require(without_places(config::to_yaml(*again.config->policy)) == without_places(written),
                "it is the same", whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const config::Loaded loaded = config::load_text(text, "file");
  fuzz::require(loaded.config.has_value() == loaded.diagnostics.empty(), "right or wrong");
  check_places(loaded.diagnostics, text);
  const std::vector<Diagnostic> remarks = config::lint_text(text, "file");
  check_places(remarks, text);
  for (const Diagnostic& remark : remarks) {
    fuzz::require((remark.severity == config::Severity::warning) == loaded.config.has_value(),
                  "what loads is only warned about", config::format(remark));
  }
  if (loaded.config) check_policy(*loaded.config->policy);
  const config::LoadedTests tests = config::load_tests(text, "file");
  fuzz::require(tests.file.has_value() == tests.diagnostics.empty(), "right or wrong");
  check_places(tests.diagnostics, text);
  return 0;
}
