// What does not change what a text does does not change its verdict: blanks and comments, upper and lower
// case, a harmless statement beside it. What is added to a text or to its facts never makes the verdict
// milder. A text that the server may read in two ways gets the stricter verdict of both.
//
// Input: a byte for the preset, then either facts (see random_facts) or a text, up to a NUL.
#include <array>

#include "config/presets.h"
#include "policy/letters.h"
#include "policy/sql_lexer.h"
#include "proxy/session/judgement.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace pgwarden;
using policy::Effect;
using policy::LexerSettings;
using policy::TokenKind;
using session::Lexing;

const policy::Policy& preset(unsigned number) {
  static const std::array<policy::Policy, 3> presets{config::preset_policy("guarded"),
                                                     config::preset_policy("read_only"),
                                                     config::preset_policy("append_only")};
  return presets[number % presets.size()];
}

Effect effect(const policy::Policy& policy, std::string_view sql, Lexing lexing) {
  policy::Readings none;
  const policy::Verdict verdict = session::judge(policy, fuzz::somebody(), {'Q', sql, 0, lexing, true}, none);
  fuzz::require((verdict.effect == Effect::allow) == (verdict.finding == nullptr),
                "what is denied has a reason", sql);
  return verdict.effect;
}

/// The same statements with other blanks and letters.
std::string disguised(std::string_view sql, LexerSettings settings) {
  std::string text;
  policy::SqlLexer lexer(sql, settings);
  policy::Token token;
  while (lexer.next(token)) {
    const std::string_view piece = sql.substr(token.begin, token.end - token.begin);
    switch (token.kind) {
      case TokenKind::blank:
      case TokenKind::comment:
        text += "\t/* DROP -- */\n";
        break;
      case TokenKind::word:
        for (const char c : piece) text += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        break;
      default:
        text += piece;
    }
  }
  return text;
}

void check_text(const policy::Policy& policy, const std::string& sql, bool standard) {
  const LexerSettings settings{standard, true};
  const Lexing lexing = standard ? Lexing::standard : Lexing::escapes;
  const Effect plain = effect(policy, sql, lexing);
  const policy::Reading reading = policy::read_statements(sql, settings);
  if (!reading.error.empty()) return;  // other text beside it may make it another
  const auto gives = [&](const std::string& text, const char* what) {
    fuzz::require(effect(policy, text, lexing) == plain, what, sql + "\n--- is not judged as ---\n" + text);
  };
  gives("/* c */\n-- ;\n" + sql + "\n\t/* c */", "blanks and comments change nothing");
  gives(";SELECT 1;" + sql + "\n;;SELECT 1", "harmless statements change nothing");
  gives(disguised(sql, settings), "blanks, comments and upper case change nothing");
  Effect strictest = Effect::allow;
  for (std::size_t i = 0; i < std::min<std::size_t>(reading.statements.size(), 8); ++i) {
    const policy::StatementSpan& span = reading.statements[i];
    const Effect so_far = effect(policy, sql.substr(0, span.offset + span.length), lexing);
    fuzz::require(so_far >= plain && so_far <= strictest, "more statements are never judged more mildly",
                  sql);
    strictest = so_far;
  }
}

/// A text that has come before is judged as if it had not.
void check_known(const policy::Policy& policy, const std::string& sql, const session::JudgeRequest& request) {
  policy::Readings readings;
  const policy::Verdict first = session::judge(policy, fuzz::somebody(), request, readings);
  session::judge(policy, fuzz::somebody(), request, readings);
  policy::read_statements("SELECT 'other', text(IN) FROM the.memory", {});
  const policy::Verdict known = session::judge(policy, fuzz::somebody(), request, readings);
  fuzz::require(known.effect == first.effect && known.may_change_lexing == first.may_change_lexing &&
                    known.may_hide_temporary == first.may_hide_temporary,
                "a known text is judged alike", sql);
  if (first.finding == nullptr) return;
  fuzz::require(known.finding->name == first.finding->name &&
                    known.finding->position == first.finding->position &&
                    known.finding->objects == first.finding->objects,
                "for the same reason", sql);
}

void check_both_ways(const policy::Policy& policy, const std::string& sql) {
  if (effect(policy, sql, Lexing::either) == Effect::deny) return;
  for (const bool standard : {true, false}) {
    const Effect one = effect(policy, sql, standard ? Lexing::standard : Lexing::escapes);
    fuzz::require(one != Effect::deny || policy::is_beyond_any_grammar(sql, {standard, true}),
                  "the stricter verdict counts", sql);
  }
}

policy::Fact random_fact(fuzz::Input& input) {
  policy::Fact fact;
  fact.cls = static_cast<policy::StatementClass>(input.byte() % policy::statement_class_names.size());
  fact.kind = static_cast<policy::ObjectKind>(input.byte() % policy::object_kind_names.size());
  const unsigned flags = input.byte();
  fact.temporary = (flags & 1) != 0;
  fact.cascade = (flags & 2) != 0;
  fact.dynamic = (flags & 4) != 0;
  fact.inner = (flags & 8) != 0;
  fact.command = (flags & 16) != 0 ? policy::call_of_function : input.counted();
  fact.schema = input.counted();
  fact.name = input.counted();
  fact.argument = input.counted();
  return fact;
}

void check_facts(const policy::Policy& policy, fuzz::Input input) {
  policy::Reading reading;
  Effect strictest = policy::decide(policy, fuzz::somebody(), reading).effect;
  fuzz::require(strictest == Effect::allow, "nothing is allowed");
  while (!input.empty()) {
    policy::Reading alone;
    alone.facts.push_back(random_fact(input));
    reading.facts.insert(reading.facts.begin(), alone.facts.front());
    strictest = std::min(strictest, policy::decide(policy, fuzz::somebody(), alone).effect);
    fuzz::require(policy::decide(policy, fuzz::somebody(), reading).effect == strictest,
                  "the strictest answer of all facts is that of the text");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned number = input.byte();
  if (number >= 128) {
    check_facts(preset(number), input);
    return 0;
  }
  const std::string sql(input.rest().substr(0, input.rest().find('\0')));
  check_text(preset(number), sql, true);
  check_text(preset(number), sql, false);
  check_known(preset(number), sql, {'Q', sql, 0, Lexing::standard, true});
  check_both_ways(preset(number), sql);
  return 0;
}
