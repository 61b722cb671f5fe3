#include "tests/agreement/walk_check.h"

#include <map>
#include <set>

#include "policy/pg_query/children.h"
#include "policy/pg_query/fact_collector.h"
#include "policy/pg_query/parser.h"

extern "C" {
#include "pg_query/pg_query.pb-c.h"
}

namespace pgwarden::policy {
namespace {

using Counts = std::map<std::string, int, std::less<>>;

/// Counts one node. Not what only wraps (the walk takes its elements) nor constants, which hold no node.
void note(std::string_view name, Counts& counts) {
  static const std::set<std::string_view> no_nodes{"",        "ParseResult", "RawStmt",  "Node",   "List",
                                                   "IntList", "OidList",     "AConst",   "String", "Integer",
                                                   "Float",   "Boolean",     "BitString"};
  std::string plain(name);
  std::erase(plain, '_');  // A_Expr is AExpr in Protobuf's name of it
  if (!no_nodes.contains(plain)) ++counts[plain];
}

/// Where the visits of the walk at hand are counted.
Counts* visits = nullptr;

/// The children of a node as the walk takes them: of lists, their elements.
std::vector<const Node*> children_of(const Node* node) {
  std::vector<const Node*> fields;
  std::vector<const Node*> children;
  pg::append_children(node, fields);
  for (const Node* field : fields) {
    if (nodeTag(field) == T_List) {
      pg::append_children(field, children);
    } else {
      children.push_back(field);
    }
  }
  return children;
}

/// Counts what the walk passes over below `node`: nodes that the table does not know (but for a bare column)
/// and that hold nothing that says something.
void count_passed_over(const Node* node, bool passed_over) {
  for (const Node* child : children_of(node)) {
    const bool known = pg::node_classes()[nodeTag(child)].read != nullptr && nodeTag(child) != T_ColumnRef;
    if (pg::says_nothing(child) && !known) {
      note(pg::node_name(nodeTag(child)), *visits);
      count_passed_over(child, true);
    } else if (passed_over || (pg::says_nothing(child) && known)) {
      note("a " + std::string(pg::node_name(nodeTag(child))) + " passed over", *visits);
    }
  }
}

/// In every row of the node table: counts, and reads as the real row does.
void count_and_read(pg::FactCollector& collector, const Node* node, const pg::NodeClass&) {
  if (!collector.in_inner_text()) {
    note(pg::node_name(nodeTag(node)), *visits);
    count_passed_over(node, false);
  }
  const pg::NodeClass& real = pg::node_classes()[nodeTag(node)];
  if (real.read != nullptr) real.read(collector, node, real);
}

const pg::NodeClasses& counting_classes() {
  static const pg::NodeClasses classes = [] {
    pg::NodeClasses counting = pg::node_classes();
    for (pg::NodeClass& entry : counting) entry.read = count_and_read;
    return counting;
  }();
  return classes;
}

template <class T>
T field_at(const ProtobufCMessage& message, unsigned offset) {
  return *reinterpret_cast<const T*>(reinterpret_cast<const char*>(&message) + offset);
}

void count_nodes(const ProtobufCMessage& message, Counts& counts);

void count_field(const ProtobufCMessage& message, const ProtobufCFieldDescriptor& field, Counts& counts) {
  if (field.type != PROTOBUF_C_TYPE_MESSAGE) return;
  if (field.label == PROTOBUF_C_LABEL_REPEATED) {
    const auto size = field_at<std::size_t>(message, field.quantifier_offset);
    const auto* elements = field_at<const ProtobufCMessage* const*>(message, field.offset);
    for (std::size_t i = 0; i < size; ++i) count_nodes(*elements[i], counts);
    return;
  }
  const bool in_oneof = (field.flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
  if (in_oneof && field_at<std::uint32_t>(message, field.quantifier_offset) != field.id) return;
  const auto* child = field_at<const ProtobufCMessage*>(message, field.offset);
  if (child != nullptr) count_nodes(*child, counts);
}

/// Counts by type what libpg_query put out. Its Protobuf form is its JSON form with the types of the fields,
/// which the JSON leaves out where the grammar allows only one.
void count_nodes(const ProtobufCMessage& message, Counts& counts) {
  const std::string_view name = message.descriptor->short_name;
  note(name, counts);
  // Every target of `SET (a, b) = (...)` holds the same source, which is walked once.
  const bool repeats =
      name == "MultiAssignRef" && reinterpret_cast<const PgQuery__MultiAssignRef&>(message).colno != 1;
  if (repeats) return;
  for (unsigned i = 0; i < message.descriptor->n_fields; ++i) {
    count_field(message, message.descriptor->fields[i], counts);
  }
}

Counts nodes_in_output(const std::string& sql) {
  Counts counts;
  const PgQueryProtobufParseResult result = pg_query_parse_protobuf(sql.c_str());
  PgQuery__ParseResult* tree = pg_query__parse_result__unpack(
      nullptr, result.parse_tree.len, reinterpret_cast<const std::uint8_t*>(result.parse_tree.data));
  if (tree != nullptr) count_nodes(tree->base, counts);
  pg_query__parse_result__free_unpacked(tree, nullptr);
  pg_query_free_protobuf_parse_result(result);
  return counts;
}

/// Empty when it walked; else why not.
std::string walk(const std::string& sql, Counts& counts) {
  MemoryContext memory = pg_query_enter_memory_context();
  const pg::Parsed parsed = pg::parse(sql, {}, memory);
  std::string error = parsed.error;
  Reading reading;
  visits = &counts;
  pg::FactCollector collector(reading, sql, {}, memory, counting_classes());
  for (const ListCell& cell : pg::cells(parsed.statements)) {
    if (!collector.read_statement(pg::as<RawStmt>(pg::node_of(cell))->stmt, {})) error = "too deep";
  }
  pg_query_exit_memory_context(memory);
  return error;
}

}  // namespace

std::vector<std::string> walk_differences(std::string_view sql) {
  const std::string text(sql);
  Counts visited;
  if (std::string error = walk(text, visited); !error.empty()) return {error};
  std::vector<std::string> differences;
  Counts in_output = nodes_in_output(text);
  // This one lies within the node, as C has no inheritance.
  in_output["CreateStmt"] -= in_output["CreateForeignTableStmt"];
  for (const auto& [name, count] : visited) in_output.try_emplace(name, 0);
  for (const auto& [name, count] : in_output) {
    const int here = visited[name];
    if (here == count) continue;
    differences.push_back(name + ": " + std::to_string(count) + " in the tree, " + std::to_string(here) +
                          " visited");
  }
  return differences;
}

}  // namespace pgwarden::policy
