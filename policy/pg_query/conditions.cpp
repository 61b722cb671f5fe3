#include "policy/pg_query/conditions.h"

#include "policy/pg_query/children.h"

namespace pgwarden::policy::pg {
namespace {

/// How deep constant conditions are looked into; deeper ones count as not constant.
constexpr int constant_depth_max = 16;

std::optional<bool> truth_of(const Node* expression, int depth);

std::optional<bool> truth_of_text(std::string_view text) {
  const auto is = [text](std::string_view word) { return equal_ignoring_case(text, word); };
  if (is("t") || is("true") || is("y") || is("yes") || is("on") || is("1")) return true;
  if (is("f") || is("false") || is("n") || is("no") || is("off") || is("0")) return false;
  return std::nullopt;
}

std::optional<bool> truth_of_constant(const A_Const* constant) {
  if (constant->isnull) return false;
  if (nodeTag(&constant->val.node) == T_Boolean) return constant->val.boolval.boolval;
  if (nodeTag(&constant->val.node) == T_String) return truth_of_text(view(constant->val.sval.sval));
  return std::nullopt;
}

/// The order of two constants, when both are small integers or both are texts of which only equality is
/// asked.
std::optional<int> compare(const Node* left, const Node* right) {
  const auto* a = as_if<A_Const>(left, T_A_Const);
  const auto* b = as_if<A_Const>(right, T_A_Const);
  if (a == nullptr || b == nullptr || a->isnull || b->isnull) return std::nullopt;
  if (nodeTag(&a->val.node) == T_Integer && nodeTag(&b->val.node) == T_Integer) {
    return (a->val.ival.ival > b->val.ival.ival) - (a->val.ival.ival < b->val.ival.ival);
  }
  if (nodeTag(&a->val.node) == T_String && nodeTag(&b->val.node) == T_String) {
    return view(a->val.sval.sval) == view(b->val.sval.sval) ? 0 : 1;
  }
  return std::nullopt;
}

std::optional<bool> truth_of_comparison(const A_Expr* expression) {
  if (expression->kind != AEXPR_OP || cells(expression->name).size() != 1) return std::nullopt;
  const auto order = compare(expression->lexpr, expression->rexpr);
  if (!order) return std::nullopt;
  const std::string_view name = text_of(node_of(cells(expression->name).front()));
  const bool ordered = nodeTag(&as<A_Const>(expression->lexpr)->val.node) == T_Integer;
  if (name == "=") return *order == 0;
  if (name == "<>") return *order != 0;
  if (!ordered) return std::nullopt;
  if (name == "<") return *order < 0;
  if (name == ">") return *order > 0;
  if (name == "<=") return *order <= 0;
  if (name == ">=") return *order >= 0;
  return std::nullopt;
}

std::optional<bool> truth_of_junction(const BoolExpr* expression, int depth) {
  if (expression->boolop == NOT_EXPR) {
    const auto truth = truth_of(node_of(cells(expression->args).front()), depth - 1);
    return truth ? std::optional(!*truth) : std::nullopt;
  }
  const bool decisive = expression->boolop == OR_EXPR;
  std::optional<bool> truth = !decisive;
  for (const ListCell& cell : cells(expression->args)) {
    const auto argument = truth_of(node_of(cell), depth - 1);
    if (argument == decisive) return decisive;
    if (!argument) truth = std::nullopt;
  }
  return truth;
}

/// The truth of a condition made of constants only; nullopt when it is not. NULL counts as false.
std::optional<bool> truth_of(const Node* expression, int depth) {
  if (expression == nullptr || depth == 0) return std::nullopt;
  switch (nodeTag(expression)) {
    case T_A_Const:
      return truth_of_constant(as<A_Const>(expression));
    case T_TypeCast:
      return truth_of(as<TypeCast>(expression)->arg, depth - 1);
    case T_A_Expr:
      return truth_of_comparison(as<A_Expr>(expression));
    case T_BoolExpr:
      return truth_of_junction(as<BoolExpr>(expression), depth);
    default:
      return std::nullopt;
  }
}

/// Whether anything in the expression can differ from row to row.
bool looks_at_the_row(const Node* expression) {
  std::vector<const Node*> stack{expression};
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (nodeTag(node) == T_ColumnRef || nodeTag(node) == T_CurrentOfExpr) return true;
    append_children(node, stack);
  }
  return false;
}

}  // namespace

bool concerns_every_row(const Node* where) {
  if (where == nullptr) return true;
  const auto truth = truth_of(where, constant_depth_max);
  return truth ? *truth : !looks_at_the_row(where);
}

bool concerns_every_row(const MergeStmt* merge) {
  if (merge->joinCondition != nullptr && looks_at_the_row(merge->joinCondition)) return false;
  const auto actions = cells(merge->mergeWhenClauses);
  return std::any_of(actions.begin(), actions.end(), [](const ListCell& cell) {
    const auto* action = as<MergeWhenClause>(node_of(cell));
    const bool changes = action->commandType == CMD_UPDATE || action->commandType == CMD_DELETE;
    return changes && concerns_every_row(action->condition);
  });
}

bool runs_statement(const ExplainStmt* explain) {
  bool analyze = false;
  for (const ListCell& cell : cells(explain->options)) {
    const auto* option = as<DefElem>(node_of(cell));
    if (view(option->defname) != "analyze") continue;
    // The last one counts. Whatever is not plainly false (or an error on the server) counts as true.
    analyze = true;
    if (const auto* number = as_if<Integer>(option->arg, T_Integer); number != nullptr) {
      analyze = number->ival != 0;
    } else if (const auto* word = as_if<String>(option->arg, T_String); word != nullptr) {
      analyze = truth_of_text(view(word->sval)).value_or(true);
    } else if (const auto* truth = as_if<Boolean>(option->arg, T_Boolean); truth != nullptr) {
      analyze = truth->boolval;
    }
  }
  return analyze;
}

}  // namespace pgwarden::policy::pg
