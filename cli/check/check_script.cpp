#include "cli/check/check_script.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cli/check/exceptions.h"
#include "cli/check/script_session.h"
#include "cli/check/sql_script.h"
#include "policy/explanation.h"
#include "policy/letters.h"
#include "policy/printable.h"
#include "policy/sql_lexer.h"

namespace pgwarden::cli {

namespace {

using policy::Effect;
using policy::Finding;
using policy::Reading;
using policy::Verdict;

constexpr std::size_t argument_bytes_max = 200;

/// An exception and whether it excepted anything.
struct Exception {
  ExceptionComment comment;
  Span span;
  bool used = false;
};

/// The token at `begin`, with the rest of a qualified name.
Span token_at(std::string_view text, std::size_t begin) {
  policy::SqlLexer lexer(text, {}, begin);
  policy::Token token;
  std::size_t end = begin;
  bool behind_dot = true;
  while (lexer.next(token)) {
    const bool is_dot = text[token.begin] == '.' && token.end == token.begin + 1;
    if (end > begin && !is_dot && !behind_dot) break;
    behind_dot = is_dot;
    end = token.end;
  }
  return {begin, end};
}

class ScriptCheck {
 public:
  ScriptCheck(const CheckContext& context, std::string name, std::string_view text)
      : context_(context), text_(text), source_(text), script_(text) {
    report_.name = std::move(name);
  }

  ScriptReport operator()() {
    ScriptStatement statement;
    while (script_.next(statement)) {
      ++report_.statements;
      session_.set_standard_strings(script_.standard_strings());
      read_commands(statement);
      read_exceptions(statement);
      judge(statement);
      script_.set_standard_strings(session_.standard_strings());
      report_unused();
    }
    read_commands(statement);
    read_exceptions(statement);
    report_unused();
    std::stable_sort(report_.remarks.begin(), report_.remarks.end(), [](const Remark& a, const Remark& b) {
      return std::tie(a.place.line, a.place.column) < std::tie(b.place.line, b.place.column);
    });
    return std::move(report_);
  }

 private:
  Remark& remark(Level level, std::string_view kind, std::string message, Span span) {
    Remark& made = report_.remarks.emplace_back();
    made.level = level;
    made.kind = kind;
    made.message = std::move(message);
    made.place = source_.place_of(span);
    return made;
  }

  void read_commands(const ScriptStatement& statement) {
    for (const auto& [command, span] : statement.commands) {
      const std::string name = "\\" + std::string(command.name);
      const std::string arguments = policy::printable(command.arguments, argument_bytes_max);
      if (command.effect == PsqlEffect::include) {
        remark(Level::note, "psql", name + arguments + " is not followed: check that file as well", span);
      } else if (command.effect == PsqlEffect::connect) {
        remark(Level::note, "psql",
               name + arguments + ": what follows is judged for the same user, database and host", span);
      } else if (command.runs_program) {
        remark(Level::note, "psql", name + " runs a program on the client, which is not checked", span);
      } else if (command.effect == PsqlEffect::encoding) {
        session_.encoding_set(command.arguments);
      }
    }
  }

  void read_exceptions(const ScriptStatement& statement) {
    for (const Span& comment : statement.comments) {
      auto read = read_exception(text_.substr(comment.begin, comment.end - comment.begin));
      if (!read) continue;
      if (read->error.empty()) {
        exceptions_.push_back({std::move(*read), comment});
      } else {
        remark(Level::error, "exception", "malformed exception: " + read->error, comment);
      }
    }
  }

  void report_unused() {
    for (const Exception& exception : exceptions_) {
      if (exception.used) continue;
      remark(Level::warning, "exception", "exception for " + exception.comment.kind + " excepts nothing",
             exception.span);
    }
    exceptions_.clear();
  }

  /// How the server may read the statement: in one way, or in two.
  std::vector<Reading> readings_of(const ScriptStatement& statement) const {
    std::vector<Reading> readings;
    const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    if (!statement.unanalysable.empty()) {
      readings.push_back(policy::unanalysable(statement.unanalysable));
    } else if (!session_.ascii_safe() && !std::all_of(statement.sql.begin(), statement.sql.end(), is_ascii)) {
      readings.push_back(
          policy::unanalysable("non-ASCII text in a client encoding that hides ASCII characters"));
    } else {
      const bool either = !session_.standard_strings() && statement.sql.find('\\') != std::string_view::npos;
      for (const bool standard : {true, false}) {
        if (either || standard == session_.standard_strings().value_or(true)) {
          readings.push_back(policy::read_statements(statement.sql, {standard, session_.temporary_first()}));
        }
      }
    }
    return readings;
  }

  void judge(const ScriptStatement& statement) {
    std::vector<Reading> readings = readings_of(statement);
    for (const Reading& reading : readings) {
      session_.sent(reading, statement.sql, !statement.conditional);
    }
    if (skip_data(statement, readings.front()) && statement.conditional) {
      readings.front() = policy::unanalysable("a psql condition decides whether data follow");
    }
    while (const auto finding = strictest(readings)) {
      const std::string kind = kind_of(finding->second->cls, finding->second->command);
      Remark& made = report(statement, *finding->second, finding->first, kind);
      const auto exception = std::find_if(exceptions_.begin(), exceptions_.end(),
                                          [&](const Exception& one) { return one.comment.kind == kind; });
      if (exception == exceptions_.end()) return;
      exception->used = true;
      made.excepted = exception->comment.reason;
      // What else it does is still to be judged.
      for (Reading& reading : readings) {
        std::erase_if(reading.facts,
                      [&](const policy::Fact& fact) { return kind_of(fact.cls, fact.command) == kind; });
      }
    }
  }

  std::optional<std::pair<Effect, std::unique_ptr<const Finding>>> strictest(
      const std::vector<Reading>& readings) const {
    Verdict strictest;
    strictest.effect = Effect::allow;
    for (const Reading& reading : readings) {
      Verdict verdict = policy::decide(context_.policy, context_.who, reading);
      if (verdict.effect < strictest.effect) strictest = std::move(verdict);
    }
    if (strictest.finding == nullptr) return std::nullopt;
    return std::pair(strictest.effect, std::move(strictest.finding));
  }

  Remark& report(const ScriptStatement& statement, const Finding& finding, Effect effect,
                 const std::string& kind) {
    const policy::Explanation words = policy::explain(finding, effect, context_.who.host, {});
    Remark& made = remark(effect == Effect::deny ? Level::error : Level::warning, kind, words.message,
                          place_of(statement, finding));
    made.statement = statement.span;
    made.reason = finding.reason;
    made.hint = finding.hint;
    made.rule = finding.rule;
    made.rule_file = finding.file;
    made.rule_line = finding.line;
    return made;
  }

  Span place_of(const ScriptStatement& statement, const Finding& finding) const {
    if (!statement.unanalysable.empty()) return token_at(text_, statement.unanalysable_at);
    const std::size_t offset = finding.position < 0 ? 0 : static_cast<std::size_t>(finding.position);
    return token_at(text_, std::min(statement.span.begin + offset, statement.span.end));
  }

  bool skip_data(const ScriptStatement& statement, const Reading& reading) {
    if (!statement.data_may_follow) return false;
    const auto reads = [](const policy::Fact& fact) {
      return fact.cls == policy::StatementClass::copy_in && !fact.inner;
    };
    const auto copies = std::count_if(reading.facts.begin(), reading.facts.end(), reads);
    for (auto i = copies; i > 0; --i) script_.skip_copy_data();
    return copies > 0;
  }

  const CheckContext& context_;
  std::string_view text_;
  SourceText source_;
  SqlScript script_;
  ScriptSession session_;
  std::vector<Exception> exceptions_;  ///< of the current statement
  ScriptReport report_;
};

}  // namespace

ScriptReport check_script(const CheckContext& context, std::string name, std::string_view text) {
  if (text.find('\0') == std::string_view::npos) return ScriptCheck(context, std::move(name), text)();
  ScriptReport report;
  report.name = std::move(name);
  report.unreadable = "it contains a zero byte, so it is no script for psql";
  return report;
}

std::string kind_of(policy::StatementClass cls, std::string_view command) {
  if (cls == policy::StatementClass::unanalysable || command.empty()) return std::string(name_of(cls));
  std::string kind;
  bool gap = false;
  for (const char c : policy::lower(command)) {
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_word && gap && !kind.empty()) kind += '-';
    if (is_word) kind += c;
    gap = !is_word;
  }
  return kind;
}

}  // namespace pgwarden::cli
