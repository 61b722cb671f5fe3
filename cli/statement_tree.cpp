#include "cli/statement_tree.h"

#include "config/policy_yaml.h"
#include "policy/answer.h"
#include "policy/explanation.h"
#include "policy/printable.h"

namespace pgwarden::cli {

namespace {

using policy::Fact;

constexpr std::size_t shown_bytes_max = 200;

std::string rule_and_place(const policy::Finding& finding) {
  const std::string line = finding.line == 0 ? "" : ":" + std::to_string(finding.line);
  return finding.rule + " (" + finding.file + line + ")";
}

std::string_view says(policy::Effect effect) {
  constexpr std::string_view words[] = {"denies it", "warns about it", "allows it"};
  return words[static_cast<std::size_t>(effect)];
}

/// Prints the facts of one text.
class Printer {
 public:
  Printer(const policy::Policy& policy, const policy::Principal& who) : policy_(policy), who_(who) {}

  void print(const Fact& fact, const std::string& indent) {
    const policy::Answer answer = policy::answer_for(policy_, who_, fact);
    const policy::Finding finding = policy::finding_of(fact, answer, policy_);
    text += indent + std::string(name_of(fact.cls)) + ": " + policy::action(finding);
    for (const FactFlag& flag : fact_flags) {
      if (fact.*flag.member) text.append(", ").append(flag.word);
    }
    text += "\n";
    for (const policy::PassedOver& passed : policy::rules_passed_over(policy_, who_, fact)) {
      text += indent + "  -  " + passed.rule->name + " (" + passed.rule->file + ":" +
              std::to_string(passed.rule->line) + ") does not match " +
              config::to_yaml(passed.rule->match, passed.key) + "\n";
    }
    text += indent + "  => " + rule_and_place(finding) + " " + std::string(says(answer.effect));
    text += answer.may_be_denied ? ", as it may be anything\n" : "\n";
  }

  std::string text;

 private:
  const policy::Policy& policy_;
  const policy::Principal& who_;
};

/// The first line of a statement.
std::string beginning(std::string_view sql, policy::StatementSpan span) {
  const std::string_view statement = sql.substr(span.offset, span.length);
  const std::string_view line = statement.substr(0, statement.find_first_of("\r\n"));
  return policy::printable(line, shown_bytes_max) + (line.size() < statement.size() ? " ..." : "");
}

}  // namespace

std::vector<StatementNode> statement_tree(const policy::Reading& reading, std::string_view sql) {
  std::vector<StatementNode> tree;
  for (const policy::StatementSpan& span : reading.statements) tree.push_back({span, {}});
  if (tree.empty()) tree.push_back({{0, static_cast<std::uint32_t>(sql.size())}, {}});
  for (const Fact& fact : reading.facts) {
    std::vector<FactNode>& facts = tree[fact.statement].facts;
    if (fact.inner && !facts.empty()) {
      facts.back().inner.push_back(&fact);
    } else {
      facts.push_back({&fact, {}});
    }
  }
  return tree;
}

std::string tree_text(const policy::Reading& reading, const policy::Policy& policy,
                      const policy::Principal& who, std::string_view sql) {
  Printer printer(policy, who);
  std::size_t number = 0;
  for (const StatementNode& statement : statement_tree(reading, sql)) {
    printer.text += "statement " + std::to_string(++number) + ": " + beginning(sql, statement.span) + "\n";
    for (const FactNode& node : statement.facts) {
      printer.print(*node.fact, "  ");
      for (const Fact* inner : node.inner) printer.print(*inner, "     ");
    }
  }
  return printer.text;
}

}  // namespace pgwarden::cli
