// The facts of a text in the order in which a person reads them, and how each of them is answered.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policy.h"
#include "policy/statement_reader.h"

namespace pgwarden::cli {

/// A fact of a statement itself, and those of SQL text or code that follow from it. Points into the reading.
struct FactNode {
  const policy::Fact* fact = nullptr;
  std::vector<const policy::Fact*> inner;
};

struct StatementNode {
  policy::StatementSpan span;  ///< of a text that cannot be analysed: all of it
  std::vector<FactNode> facts;
};

std::vector<StatementNode> statement_tree(const policy::Reading& reading, std::string_view sql);

/// What a fact can be said to be, beside its class, command and object.
struct FactFlag {
  bool policy::Fact::*member;
  std::string_view key;   ///< for programs
  std::string_view word;  ///< for people
};

inline constexpr FactFlag fact_flags[] = {
    {&policy::Fact::temporary, "temporary", "temporary"},
    {&policy::Fact::cascade, "cascade", "CASCADE"},
    {&policy::Fact::if_exists, "if_exists", "IF EXISTS"},
    {&policy::Fact::dynamic, "dynamic", "dynamic"},
};

/// Statements, below them their facts, and below each the rules that were asked: those that do not match with
/// the key that keeps them from it, and the one that answers.
std::string tree_text(const policy::Reading& reading, const policy::Policy& policy,
                      const policy::Principal& who, std::string_view sql);

}  // namespace pgwarden::cli
