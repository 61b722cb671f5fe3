#include "policy/pg_query/calls.h"

#include "policy/pg_query/read_nodes.h"
#include "policy/sensitive_functions.h"

namespace pgwarden::policy::pg {
namespace {

const A_Const* constant_of(const Node* node) {
  if (const auto* cast = as_if<TypeCast>(node, T_TypeCast)) node = cast->arg;
  return as_if<A_Const>(node, T_A_Const);
}

bool is_of(NodeTag type, const A_Const* constant) {
  return constant != nullptr && !constant->isnull && nodeTag(&constant->val.node) == type;
}

/// `true` or `false`, which the grammar makes a cast. ('f'::bool may be of another type of that name.)
bool is_boolean(const Node* node) { return is_of(T_Boolean, constant_of(node)); }

/// Whether a type is one of the server's numbers by its SQL name (`bigint`; `int8` may be anybody's), or an
/// array.
bool is_number_or_array(const TypeName* type) {
  constexpr std::array numbers{std::string_view{"int2"},   std::string_view{"int4"},
                               std::string_view{"int8"},   std::string_view{"float4"},
                               std::string_view{"float8"}, std::string_view{"numeric"}};
  const ObjectName name = name_of(type->names);
  return type->arrayBounds != nullptr ||
         (name.schema == "pg_catalog" &&
          std::find(numbers.begin(), numbers.end(), name.name) != numbers.end());
}

/// Whether an argument cannot be a text: a number, a boolean, an array.
bool is_never_text(const Node* node) {
  if (is_boolean(node) || as_if<A_ArrayExpr>(node, T_A_ArrayExpr) != nullptr) return true;
  if (const auto* cast = as_if<TypeCast>(node, T_TypeCast)) return is_number_or_array(cast->typeName);
  const auto* number = as_if<A_Const>(node, T_A_Const);
  return is_of(T_Integer, number) || is_of(T_Float, number);
}

/// The text of an argument, when no other server can read it otherwise: what `\` escapes behind a character
/// that is not ASCII depends on the other session's client_encoding.
std::optional<std::string_view> judgeable_text(const Node* argument) {
  const auto text = constant_text(argument);
  if (!text || text->find('\\') == std::string_view::npos) return text;
  const bool ascii = std::all_of(text->begin(), text->end(), [](char c) { return (c & 0x80) == 0; });
  return ascii ? text : std::nullopt;
}

/// Reads the text that the call runs. False when it cannot be known.
bool read_text(FactCollector& collector, const Node* argument) {
  const auto text = judgeable_text(argument);
  if (text) collector.read_inner_text(*text, constant_of(argument)->location);
  return text.has_value();
}

/// Reads all texts that the call runs, as far as they are known. False when there may be others.
bool read_texts(FactCollector& collector, const FuncCall* call, const SqlText& text) {
  using enum SqlText::Place;
  const auto arguments = cells(call->args);
  std::size_t place = 0;
  switch (text.place) {
    case none:
      return false;
    case every: {
      bool all = !arguments.empty() && !call->func_variadic;
      for (const ListCell& cell : arguments) {
        const Node* argument = value_of(node_of(cell));
        if (!is_never_text(argument)) all = read_text(collector, argument) && all;
      }
      return all;
    }
    case last:
      if (arguments.empty()) return false;
      place = arguments.size() - 1;
      if (place > 0 && is_boolean(node_of(arguments[place]))) --place;
      break;
    case first:
    case second:
    case third:
      place = static_cast<std::size_t>(text.place) - static_cast<std::size_t>(first);
      break;
  }
  return read_text(collector, argument_of(call, text.parameter, place));
}

/// The name of a function whose calls PostgreSQL 17's grammar makes nodes of their own.
std::string_view function_of_node(const Node* node) {
  switch (nodeTag(node)) {
    case T_JsonObjectConstructor:
      return "json_object";
    case T_JsonArrayConstructor:
      return "json_array";
    case T_JsonArrayAgg:
      return "json_arrayagg";
    case T_JsonParseExpr:
      return "json";
    case T_JsonScalarExpr:
      return "json_scalar";
    case T_JsonSerializeExpr:
      return "json_serialize";
    case T_JsonFuncExpr:
      switch (as<JsonFuncExpr>(node)->op) {
        case JSON_EXISTS_OP:
          return "json_exists";
        case JSON_QUERY_OP:
          return "json_query";
        case JSON_VALUE_OP:
          return "json_value";
        case JSON_TABLE_OP:  // only made later, from a JsonTable
          return "json_table";
      }
      [[fallthrough]];
    default:
      return "merge_action";
  }
}

}  // namespace

const Node* value_of(const Node* argument) {
  const auto* named = as_if<NamedArgExpr>(argument, T_NamedArgExpr);
  return named == nullptr ? argument : reinterpret_cast<const Node*>(named->arg);
}

const Node* argument_of(const FuncCall* call, std::string_view wanted, std::size_t place) {
  const auto arguments = cells(call->args);
  for (const ListCell& cell : arguments) {
    const auto* named = as_if<NamedArgExpr>(node_of(cell), T_NamedArgExpr);
    if (named != nullptr && view(named->name) == wanted) return value_of(node_of(cell));
  }
  return place < arguments.size() ? node_of(arguments[place]) : nullptr;
}

void add_call(FactCollector& collector, const FuncCall* call, const ObjectName& name) {
  const auto arguments = cells(call->args);
  const SensitiveFunction* entry = find_sensitive_function(name.schema, name.name, arguments.size());
  const bool known = entry == nullptr || (read_texts(collector, call, entry->text) &&
                                          entry->text.call == SqlText::Call::is_its_text);
  if (known) {
    collector.add_harmless_call(name);
    return;
  }
  Fact& fact = collector.add(StatementClass::call_sensitive, ObjectKind::function, call_of_function, name);
  for (const ListCell& cell : arguments) {
    const auto text = constant_text(value_of(node_of(cell)));
    if (!text) continue;
    fact.argument = *text;
    break;
  }
}

/// `x.f` and `(x).f` call f(x) where x has no such column (docs, "Expression Evaluation Rules" and 4.2.4): f
/// may be any function that takes one argument, the others having defaults. Other extensions' names are too
/// common for columns.
void add_call_by_attribute(FactCollector& collector, std::string_view field, int position) {
  const SensitiveFunction* entry = find_sensitive_function({}, field, unknown_arguments);
  if (entry == nullptr) return;
  const bool is_own =
      entry->schema == "pg_catalog" || entry->source == "dblink" || entry->source == "adminpack";
  if (!is_own) return;
  collector.add(StatementClass::call_sensitive, ObjectKind::function, call_of_function,
                {{}, field, {}, position});
}

void read_column(FactCollector& collector, const Node* node, const NodeClass&) {
  const auto fields = cells(as<ColumnRef>(node)->fields);
  if (fields.empty()) return;
  const std::string_view field = text_of(node_of(fields.back()));
  if (field.empty()) return;  // a star
  collector.skip_children();
  add_call_by_attribute(collector, field, as<ColumnRef>(node)->location);
}

void read_indirection(FactCollector& collector, const Node* node, const NodeClass&) {
  for (const ListCell& cell : cells(as<A_Indirection>(node)->indirection)) {
    const std::string_view field = text_of(node_of(cell));
    if (!field.empty()) add_call_by_attribute(collector, field, -1);
  }
}

void read_function_node(FactCollector& collector, const Node* node, const NodeClass&) {
  // Before PostgreSQL 17, some before 16, it is the name of anybody's function. (json_table(...) and
  // json_objectagg(...) cannot be: the grammar takes them only in a form that no call has.)
  collector.add_harmless_call({{}, function_of_node(node), {}, -1});
}

}  // namespace pgwarden::policy::pg
