#include "policy/pg_query/fact_collector.h"

#include "policy/pg_query/children.h"
#include "policy/pg_query/kept.h"
#include "policy/pg_query/parser.h"
#include "policy/sql_lexer.h"

namespace pgwarden::policy::pg {

FactCollector::Buffers& FactCollector::reusable_buffers() {
  static thread_local Buffers buffers;
  constexpr std::size_t elements_max = 4096;
  clear_kept(buffers.stack, elements_max);
  clear_kept(buffers.children, elements_max);
  clear_kept(buffers.scopes, elements_max);
  return buffers;
}

FactCollector::FactCollector(Reading& reading, std::string_view sql, LexerSettings settings,
                             MemoryContext memory, const NodeClasses& classes)
    : classes_(classes),
      reading_(reading),
      // Every node comes from at least one byte; a tree with shared nodes may not cost more than that.
      nodes_left_(16 * sql.size() + 1024),
      inner_bytes_left_(4 * sql.size()),
      settings_(settings),
      memory_(memory),
      buffers_(reusable_buffers()) {
  buffers_.scopes.assign(1, {0, nullptr, 0});
}

bool FactCollector::read_statement(const Node* statement, StatementSpan span) {
  index_ = static_cast<std::uint32_t>(reading_.statements.size());
  reading_.statements.push_back(span);
  position_ = static_cast<std::int32_t>(span.offset);
  first_fact_ = reading_.facts.size();
  harmless_calls_ = 0;
  element_schema_ = {};
  definition_ = {};
  buffers_.scopes.resize(1);
  buffers_.stack.clear();
  Context context;
  context.whole = true;
  buffers_.stack.push_back({statement, context});
  if (!walk()) return false;
  child_ = {};
  finish_statement(class_of(statement));
  return true;
}

bool FactCollector::walk() {
  while (!buffers_.stack.empty()) {
    const Item item = buffers_.stack.back();
    buffers_.stack.pop_back();
    if (nodes_left_ == 0 || item.context.depth > max_depth || reading_.facts.size() > max_facts) return false;
    --nodes_left_;
    child_ = item.context;
    ++child_.depth;
    children_done_ = false;
    buffers_.consumed.clear();
    const NodeClass& entry = class_of(item.node);
    if (entry.read != nullptr) entry.read(*this, item.node, entry);
    if (!children_done_) push_children(item.node);
  }
  return true;
}

void FactCollector::push_children(const Node* node) {
  buffers_.children.clear();
  append_children(node, buffers_.children);
  Context context = child_;
  context.whole = false;
  for (std::size_t i = buffers_.children.size(); i-- > 0;) {
    const Node* const child = buffers_.children[i];
    context.consumed = child_.consumed;
    for (const Node* consumed : buffers_.consumed) context.consumed |= consumed == child;
    if (nodeTag(child) != T_List) {
      push(child, context);
      continue;
    }
    const auto elements = cells(as<List>(child));
    for (std::size_t k = elements.size(); k-- > 0;) {
      if (node_of(elements[k]) != nullptr) push(node_of(elements[k]), context);
    }
  }
}

InnerText FactCollector::read_inner_text(std::string_view sql, std::int32_t position, RawParseMode mode) {
  if (child_.inner_level == max_inner_levels || sql.size() > inner_bytes_left_ || inner_texts_left_ == 0) {
    add_unanalysable("too much SQL text within the statement", position);
    return {};
  }
  inner_bytes_left_ -= sql.size();
  --inner_texts_left_;
  const auto read_as = [&](bool standard) {
    return parse(sql, LexerSettings{.standard_conforming_strings = standard}, memory_, mode);
  };
  // Under which setting the server will read it is not known: it may run later, or on another server.
  const Parsed as_standard = read_as(true);
  const bool one_reading = sql.find('\\') == std::string_view::npos;
  const Parsed as_escapes = one_reading ? Parsed{} : read_as(false);
  const auto cannot_run = [&](const Parsed& parsed, bool standard) {
    return !one_reading && !parsed.error.empty() &&
           is_beyond_any_grammar(sql, LexerSettings{.standard_conforming_strings = standard});
  };
  push_inner_statements(as_escapes.statements, position);
  push_inner_statements(as_standard.statements, position);
  const bool fails_as_standard = !as_standard.error.empty() && !cannot_run(as_standard, true);
  const bool fails_as_escapes = !as_escapes.error.empty() && !cannot_run(as_escapes, false);
  if (fails_as_standard || fails_as_escapes) {
    add_unanalysable(fails_as_standard ? as_standard.error : as_escapes.error, position);
  }
  return {{as_standard.statements, as_escapes.statements}, !fails_as_standard && !fails_as_escapes};
}

bool FactCollector::affords_compiling(std::size_t bytes) {
  constexpr std::size_t bytes_of_any_body = 1'024;
  // Texts are shorter than 2^31 (see parse()), so that the square fits.
  const std::size_t work = (bytes + bytes_of_any_body) * (bytes + bytes_of_any_body);
  if (work > compile_work_left_) return false;
  compile_work_left_ -= work;
  return true;
}

void FactCollector::push_inner_statements(const List* statements, std::int32_t position) {
  Context context;
  context.depth = child_.depth;
  context.inner_position = child_.inner_level == 0 ? position : child_.inner_position;
  context.inner_level = static_cast<std::uint8_t>(child_.inner_level + 1);
  context.whole = true;
  const auto elements = cells(statements);
  for (std::size_t i = elements.size(); i-- > 0;) {
    buffers_.stack.push_back({as<RawStmt>(node_of(elements[i]))->stmt, context});
  }
}

void FactCollector::add_unanalysable(std::string_view why, std::int32_t position) {
  Fact& fact = add(StatementClass::unanalysable, ObjectKind::none, "statement");
  if (child_.inner_level == 0) fact.position = position;
  fact.inner = true;
  if (reading_.error.empty()) reading_.error = why;
}

void FactCollector::push(const Node* node, const Context& context) {
  if (!says_nothing(node)) buffers_.stack.push_back({node, context});
}

void FactCollector::finish_statement(const NodeClass& entry) {
  if (reading_.facts.size() == first_fact_ + harmless_calls_) add(entry);
  for (std::size_t i = first_fact_; i < reading_.facts.size(); ++i) {
    Fact& fact = reading_.facts[i];
    // A role's or database's own search_path, or a function called before, may still put pg_temp last:
    // nothing that destroys rests on a bare name.
    const bool harmless = fact.cls == StatementClass::ddl_create || fact.cls == StatementClass::ddl_alter;
    if (fact.schema.empty() && !harmless) fact.temporary = false;
    note_consequences(fact);
    follow_temporary(fact);
  }
}

void FactCollector::may_change_lexing() {
  reading_.may_change_lexing = true;
  if (!in_inner_text()) return;
  for (std::size_t i = first_fact_; i < reading_.facts.size(); ++i) {
    Fact& fact = reading_.facts[i];
    fact.dynamic |= fact.cls == StatementClass::code;
  }
}

void FactCollector::note_consequences(const Fact& fact) {
  switch (fact.cls) {
    case StatementClass::code:
      if (!fact.dynamic) break;  // all that it does is among the facts
      [[fallthrough]];
    case StatementClass::call_sensitive:
    case StatementClass::catalog_write:
    case StatementClass::unknown:
    case StatementClass::unanalysable:
      reading_.may_change_lexing = true;
      reading_.may_hide_temporary = true;
      break;
    case StatementClass::ddl_drop:
      if (fact.inner) reading_.may_hide_temporary = true;  // whenever the code is called
      break;
    default:
      break;
  }
}

void FactCollector::follow_temporary(const Fact& fact) {
  if (!settings_.temporary_first) return;
  const bool unqualified = fact.schema.empty() || is_temporary_schema(fact.schema);
  if (fact.cls == StatementClass::ddl_create && fact.temporary && unqualified) {
    // IF NOT EXISTS looks into pg_temp only, so that there is one in any case.
    // Whether code within the statement runs now is another question.
    const bool remembered =
        fact.kind != ObjectKind::index && !fact.inner && temporary_names_.size() < max_temporary_names;
    if (remembered) temporary_names_.push_back(fact.name);
    return;
  }
  // The end of a transaction may undo a creation, a drop may take others with it (CASCADE).
  if (fact.cls == StatementClass::transaction || fact.cls == StatementClass::system ||
      fact.cls == StatementClass::ddl_drop) {
    forget_temporary();
  }
}

bool FactCollector::is_temporary(std::string_view schema, std::string_view name) const {
  if (is_temporary_schema(schema)) return true;
  // Inner text may run in another session (dblink).
  if (!schema.empty() || reading_.may_hide_temporary || child_.inner_level > 0) return false;
  return std::find(temporary_names_.begin(), temporary_names_.end(), name) != temporary_names_.end();
}

bool FactCollector::is_temporary(const RangeVar* relation) const {
  return relation != nullptr && is_temporary(view(relation->schemaname), view(relation->relname));
}

Fact& FactCollector::add(StatementClass cls, ObjectKind kind, std::string_view command) {
  Fact& fact = reading_.facts.emplace_back();
  fact.cls = cls;
  fact.kind = kind;
  fact.command = command;
  fact.statement = index_;
  fact.position = child_.inner_level > 0 ? child_.inner_position : position_;
  fact.inner = child_.inner_level > 0;
  fact.dynamic = cls == StatementClass::code;
  return fact;
}

Fact& FactCollector::add(const NodeClass& entry, const ObjectName& name) {
  return add(entry.cls, entry.kind, entry.command, name);
}

Fact& FactCollector::add(StatementClass cls, ObjectKind kind, std::string_view command,
                         const ObjectName& name) {
  Fact& fact = add(cls, kind, command);
  const bool is_element = name.schema.empty() && cls == StatementClass::ddl_create && !fact.inner;
  fact.schema = is_element ? element_schema_ : name.schema;
  fact.name = name.name;
  fact.argument = name.part;
  if (name.position >= 0 && !fact.inner) fact.position = name.position;
  return fact;
}

void FactCollector::add_harmless_call(const ObjectName& name) {
  constexpr std::size_t compared_max = 16;
  const bool inner = child_.inner_level > 0;
  const auto compared = std::min(compared_max, reading_.facts.size() - first_fact_);
  const bool repeated =
      std::any_of(reading_.facts.rbegin(), reading_.facts.rbegin() + static_cast<std::ptrdiff_t>(compared),
                  [&](const Fact& fact) {
                    return is_harmless_call(fact) && fact.name == name.name && fact.schema == name.schema &&
                           fact.inner == inner;
                  });
  if (repeated) return;
  add(StatementClass::read, ObjectKind::function, call_of_function, name);
  ++harmless_calls_;
}

void FactCollector::sets_search_path(std::string_view setting, std::optional<std::string_view> value) {
  if (!equal_ignoring_case(setting, "search_path")) return;
  const auto is_temporary_name = [&value](std::size_t at) {
    return equal_ignoring_case(value->substr(at, temporary_schema.size()), temporary_schema);
  };
  bool safe = value.has_value();
  for (std::size_t i = 0; safe && i < value->size(); ++i) safe = !is_temporary_name(i);
  if (!safe) reading_.may_hide_temporary = true;
}

void FactCollector::enter_with(const WithClause* with) {
  if (with == nullptr) return;
  const auto visible = static_cast<std::uint32_t>(cells(with->ctes).size());
  buffers_.scopes.push_back({child_.scope, with->ctes, visible});
  child_.scope = static_cast<std::uint32_t>(buffers_.scopes.size() - 1);
}

void FactCollector::walk_with(const WithClause* with) {
  children_done_ = true;
  const std::uint32_t parent = buffers_.scopes[child_.scope].parent;
  const auto ctes = cells(with->ctes);
  for (std::size_t i = ctes.size(); i-- > 0;) {
    Item item{node_of(ctes[i]), child_};
    item.context.whole = false;
    if (!with->recursive) {
      // Without RECURSIVE a query sees the names before its own.
      buffers_.scopes.push_back({parent, with->ctes, static_cast<std::uint32_t>(i)});
      item.context.scope = static_cast<std::uint32_t>(buffers_.scopes.size() - 1);
    }
    buffers_.stack.push_back(item);
  }
}

bool FactCollector::is_cte(std::string_view name) {
  for (std::uint32_t scope = child_.scope; scope != 0; scope = buffers_.scopes[scope].parent) {
    for (const ListCell& cell : cells(buffers_.scopes[scope].ctes).first(buffers_.scopes[scope].visible)) {
      // Out of patience: taking a CTE for a table is the safe error.
      if (name_comparisons_left_ == 0) return false;
      --name_comparisons_left_;
      if (name == view(as<CommonTableExpr>(node_of(cell))->ctename)) return true;
    }
  }
  return false;
}

}  // namespace pgwarden::policy::pg
