// Whatever the script: the texts that psql would send follow each other and lie within it; each says what it
// is; a script that has no command, variable or data for psql, nor a carriage return, is sent as it stands,
// statement by statement, and denied by nothing but its statements.
//
// Input: the script.
#include "cli/check/check_script.h"
#include "cli/check/sql_script.h"
#include "config/presets.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using cli::Span;

void check_statements(std::string_view text) {
  cli::SqlScript script(text);
  cli::ScriptStatement statement;
  const auto within = [&](const Span& span) { return span.begin <= span.end && span.end <= text.size(); };
  const bool plain = text.find_first_of("\\:\r") == std::string_view::npos;
  std::size_t end = 0;
  bool skips = false;
  while (script.next(statement)) {
    fuzz::require(within(statement.span) && statement.span.begin >= end, "statements follow each other",
                  text);
    end = statement.span.end;
    for (const Span& comment : statement.comments) fuzz::require(within(comment), "comments are in it", text);
    for (const cli::ScriptCommand& command : statement.commands) {
      fuzz::require(within(command.span), "commands are in it", text);
    }
    fuzz::require(statement.unanalysable_at <= text.size(), "a doubt has its place", text);
    const std::string_view stands =
        text.substr(statement.span.begin, statement.span.end - statement.span.begin);
    if (plain && !skips) {
      fuzz::require(statement.unanalysable.empty() && statement.sql == stands, "it is sent as it stands",
                    text);
    }
    if (statement.sql.starts_with("COPY") && statement.data_may_follow) {
      script.skip_copy_data();
      skips = true;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const policy::Policy guarded = config::preset_policy("guarded");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find('\0') == std::string_view::npos) check_statements(text);
  const cli::ScriptReport report = cli::check_script({guarded, fuzz::somebody()}, "script", text);
  fuzz::require(report.remarks.empty() || report.unreadable.empty(), "what is unreadable is not judged");
  for (const cli::Remark& remark : report.remarks) {
    fuzz::require(!remark.message.empty() && !remark.kind.empty(), "a remark says something", text);
    if (remark.statement) fuzz::require(remark.statement->end <= size, "it is about the script", text);
  }
  return 0;
}
