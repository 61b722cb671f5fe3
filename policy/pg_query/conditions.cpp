#include "policy/pg_query/conditions.h"

#include "policy/pg_query/children.h"
#include "policy/pg_query/kept.h"

namespace pgwarden::policy::pg {
namespace {

/// How deep constant conditions are looked into; deeper ones count as not constant.
constexpr int constant_depth_max = 16;

/// How deep ANDs, ORs and NOTs within each other are told apart.
constexpr int junction_depth_max = 64;

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

/// The operator, when it has no schema.
std::string_view operator_of(const A_Expr* expression) {
  const auto names = cells(expression->name);
  return names.size() == 1 ? text_of(node_of(names.front())) : std::string_view{};
}

/// The names of a column, also where a plus sign stands before it.
std::span<const ListCell> column_of(const Node* node) {
  const auto* sign = as_if<A_Expr>(node, T_A_Expr);
  if (sign != nullptr && sign->lexpr == nullptr && operator_of(sign) == "+") node = sign->rexpr;
  const auto* column = as_if<ColumnRef>(node, T_ColumnRef);
  return column == nullptr ? std::span<const ListCell>{} : cells(column->fields);
}

/// Whether both are the same column of a row: `id = id`. So are `t.id` and `id`: were there another `id`, the
/// server would refuse the bare name as ambiguous.
bool are_same_column(const Node* left, const Node* right) {
  const auto a = column_of(left);
  const auto b = column_of(right);
  const auto both = std::min(a.size(), b.size());
  const auto end_of_a = a.last(both);
  const auto end_of_b = b.last(both);
  return both > 0 && std::equal(end_of_a.begin(), end_of_a.end(), end_of_b.begin(),
                                [](const ListCell& x, const ListCell& y) {
                                  const auto name = text_of(node_of(x));
                                  return !name.empty() && name == text_of(node_of(y));
                                });
}

/// Whether a column is among the elements of `id IN (1, id)`.
bool is_in_own_list(const A_Expr* expression) {
  const auto elements = cells(as_if<List>(expression->rexpr, T_List));
  return std::any_of(elements.begin(), elements.end(),
                     [&](const ListCell& cell) { return are_same_column(expression->lexpr, node_of(cell)); });
}

/// A column compared with itself. (Of a row where it is NULL that is not true; such rows are not counted on.)
std::optional<bool> truth_of_identity(const A_Expr* expression) {
  const bool is_list = expression->kind == AEXPR_IN;
  const bool is_identity =
      is_list ? is_in_own_list(expression) : are_same_column(expression->lexpr, expression->rexpr);
  if (!is_identity) return std::nullopt;
  if (expression->kind == AEXPR_DISTINCT) return false;
  if (expression->kind == AEXPR_NOT_DISTINCT) return true;
  if (expression->kind != AEXPR_OP && !is_list) return std::nullopt;
  const std::string_view name = operator_of(expression);
  if (name == "=" || name == "<=" || name == ">=") return true;
  if (name == "<>" || name == "<" || name == ">") return false;
  return std::nullopt;
}

/// `LIKE '%'` is true of every text.
std::optional<bool> truth_of_pattern(const A_Expr* expression) {
  if (expression->kind != AEXPR_LIKE && expression->kind != AEXPR_ILIKE) return std::nullopt;
  const auto pattern = constant_text(expression->rexpr);
  if (!pattern || pattern->empty() || pattern->find_first_not_of('%') != std::string_view::npos) {
    return std::nullopt;
  }
  return text_of(node_of(cells(expression->name).front())).front() != '!';
}

std::optional<bool> truth_of_comparison(const A_Expr* expression) {
  if (const auto truth = truth_of_identity(expression)) return truth;
  if (const auto truth = truth_of_pattern(expression)) return truth;
  if (expression->kind != AEXPR_OP) return std::nullopt;
  const auto order = compare(expression->lexpr, expression->rexpr);
  if (!order) return std::nullopt;
  const std::string_view name = operator_of(expression);
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

/// The truth of a condition that is the same for every row; nullopt when it is not known. NULL counts as
/// false.
std::optional<bool> truth_of(const Node* expression, int depth) {
  if (expression == nullptr || depth == 0) return std::nullopt;
  switch (nodeTag(expression)) {
    case T_A_Const:
      return truth_of_constant(as<A_Const>(expression));
    case T_TypeCast:
      return truth_of(as<TypeCast>(expression)->arg, depth - 1);
    case T_A_Expr:
      return truth_of_comparison(as<A_Expr>(expression));
    case T_CoalesceExpr:
      // (What is false here may be NULL, and then the next one counts.)
      if (truth_of(node_of(cells(as<CoalesceExpr>(expression)->args).front()), depth - 1) == true)
        return true;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// Whether the column is one of `target`'s, as far as its name shows.
bool is_of(const RangeVar* target, const ColumnRef* column) {
  const auto fields = cells(column->fields);
  if (fields.size() < 2) return true;
  const std::string_view qualifier = text_of(node_of(fields[fields.size() - 2]));
  const char* name = target->alias != nullptr ? target->alias->aliasname : target->relname;
  return qualifier == view(name);
}

bool is_column_of(const RangeVar* target, const Node* node) {
  const auto* column = as_if<ColumnRef>(node, T_ColumnRef);
  return column != nullptr && is_of(target, column);
}

/// Whether anything in the expression can differ from one row of `target` to the next.
bool looks_at_the_row(const Node* expression, const RangeVar* target) {
  const auto* comparison = as_if<A_Expr>(expression, T_A_Expr);
  if (comparison != nullptr && is_column_of(target, comparison->lexpr)) return true;  // as a rule
  constexpr std::size_t kept_max = 4096;
  static thread_local std::vector<const Node*> stack;
  clear_kept(stack, kept_max);
  stack.push_back(expression);
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (nodeTag(node) == T_CurrentOfExpr) return true;
    if (is_column_of(target, node)) return true;
    append_children(node, stack);
  }
  return false;
}

/// Whether one of the conditions is `id IS NULL` and another `id IS NOT NULL`.
bool leave_out_no_row(std::span<const ListCell> conditions) {
  constexpr std::size_t compared_max = 64;
  const auto compared = conditions.first(std::min(conditions.size(), compared_max));
  const auto any = [&](NullTestType type, const auto& holds) {
    return std::any_of(compared.begin(), compared.end(), [&](const ListCell& cell) {
      const auto* test = as_if<NullTest>(node_of(cell), T_NullTest);
      return test != nullptr && test->nulltesttype == type && holds(reinterpret_cast<const Node*>(test->arg));
    });
  };
  return any(IS_NULL, [&](const Node* column) {
    return any(IS_NOT_NULL, [&](const Node* other) { return are_same_column(column, other); });
  });
}

/// Whether `expression` (or, `negated`, its opposite) lets every row of `target` through.
bool lets_all_through(const Node* expression, const RangeVar* target, bool negated, int depth) {
  if (depth == 0) return true;  // nobody writes such a condition: the stricter answer
  const auto* junction = as_if<BoolExpr>(expression, T_BoolExpr);
  if (junction == nullptr) {
    const auto truth = truth_of(expression, constant_depth_max);
    return truth ? *truth != negated : !looks_at_the_row(expression, target);
  }
  const bool inverted = negated != (junction->boolop == NOT_EXPR);
  const auto arguments = cells(junction->args);
  const auto lets = [&](const ListCell& cell) {
    return lets_all_through(node_of(cell), target, inverted, depth - 1);
  };
  // (NOT has one argument only.)
  const bool one_is_enough = (junction->boolop == OR_EXPR) != negated;
  if (!one_is_enough) return std::all_of(arguments.begin(), arguments.end(), lets);
  return leave_out_no_row(arguments) || std::any_of(arguments.begin(), arguments.end(), lets);
}

}  // namespace

bool concerns_every_row(const Node* where, const RangeVar* target) {
  return where == nullptr || lets_all_through(where, target, false, junction_depth_max);
}

bool concerns_every_row(const MergeStmt* merge) {
  const Node* join = merge->joinCondition;
  const bool joins_all =
      join == nullptr || lets_all_through(join, merge->relation, false, junction_depth_max);
  const auto actions = cells(merge->mergeWhenClauses);
  return std::any_of(actions.begin(), actions.end(), [&](const ListCell& cell) {
    const auto* action = as<MergeWhenClause>(node_of(cell));
    const bool changes = action->commandType == CMD_UPDATE || action->commandType == CMD_DELETE;
    if (!changes || !concerns_every_row(action->condition, merge->relation)) return false;
    // What the join leaves over may be all of the table.
    return joins_all || action->matchKind == MERGE_WHEN_NOT_MATCHED_BY_SOURCE;
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
