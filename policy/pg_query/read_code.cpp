// Code: DO, and the bodies of functions and procedures.
#include <algorithm>
#include <array>

#include "policy/pg_query/code_texts.h"
#include "policy/pg_query/read_nodes.h"

namespace pgwarden::policy::pg {
namespace {

/// A longer chain of constants is not folded.
constexpr int concatenations_max = 1'000;

/// The language of a body and its text.
struct Source {
  std::string_view language;
  const char* body = nullptr;
  std::int32_t position = -1;
};

/// Takes the options apart; nullopt when they are not plainly one body in one language. `default_language` is
/// that of code whose LANGUAGE is left out. Names are compared as they stand: unquoted ones are folded
/// already.
std::optional<Source> source_of(const List* options, std::string_view default_language) {
  Source source;
  for (const ListCell& cell : cells(options)) {
    const auto* option = as<DefElem>(node_of(cell));
    if (view(option->defname) == "language") {
      if (!source.language.empty()) return std::nullopt;
      source.language = text_of(option->arg);
    } else if (view(option->defname) == "as") {
      const Node* body = option->arg;
      // CREATE FUNCTION has a list: C functions have two texts.
      if (const auto* texts = as_if<List>(body, T_List); texts != nullptr) {
        body = cells(texts).size() == 1 ? node_of(cells(texts).front()) : nullptr;
      }
      const auto* text = as_if<String>(body, T_String);
      if (text == nullptr || source.body != nullptr) return std::nullopt;
      source.body = text->sval;
      source.position = option->location;
    }
  }
  if (source.language.empty()) source.language = default_language;
  return source;
}

/// Whether the code has options that do more than its text: settings of its own (SET), such as
/// session_replication_role, and functions that the planner or a cast calls (SUPPORT, TRANSFORM).
bool has_unseen_options(const List* options) {
  constexpr auto unseen = std::to_array<std::string_view>({"set", "support", "transform"});
  const auto all = cells(options);
  return std::any_of(all.begin(), all.end(), [&](const ListCell& cell) {
    const std::string_view name = view(as<DefElem>(node_of(cell))->defname);
    return std::find(unseen.begin(), unseen.end(), name) != unseen.end();
  });
}

/// The constant text that an expression is ('a' or 'a' || 'b'); nullopt for everything else.
std::optional<std::string> folded_text(const Node* expression) {
  std::string text;
  for (int i = 0; i < concatenations_max; ++i) {
    if (const auto constant = constant_text(expression)) return std::string(*constant) + text;
    const auto* concatenation = as_if<A_Expr>(expression, T_A_Expr);
    if (concatenation == nullptr || concatenation->kind != AEXPR_OP) return std::nullopt;
    const auto name = cells(concatenation->name);
    const auto right = constant_text(concatenation->rexpr);
    if (name.size() != 1 || text_of(node_of(name.front())) != "||" || !right) return std::nullopt;
    text.insert(0, *right);
    expression = concatenation->lexpr;
  }
  return std::nullopt;
}

/// The SQL text that an EXECUTE of this expression runs, if that is known.
std::optional<std::string> executed_text(const List* expression) {
  const auto* raw = as<RawStmt>(node_of(cells(expression).front()));
  const auto* select = as_if<SelectStmt>(raw->stmt, T_SelectStmt);
  if (select == nullptr || cells(select->targetList).size() != 1) return std::nullopt;
  return folded_text(as<ResTarget>(node_of(cells(select->targetList).front()))->val);
}

/// Reads what an EXECUTE runs, in each way in which its expression can be read; whether that is known.
bool read_executed(FactCollector& collector, const InnerText& expression, std::int32_t position) {
  bool known = expression.complete;
  for (const List* reading : expression.readings) {
    if (reading == nullptr) continue;
    const auto text = executed_text(reading);
    if (!text) {
      known = false;
      continue;
    }
    const char* kept = MemoryContextStrdup(collector.memory(), text->c_str());
    known &= collector.read_inner_text(kept, position).complete;
  }
  return known;
}

bool read_plpgsql_source(FactCollector& collector, const Source& source, const CreateFunctionStmt* routine) {
  if (!collector.affords_compiling(view(source.body).size())) return false;
  const PlpgsqlCode code = read_plpgsql(source.body, routine, collector.memory());
  bool complete = code.complete;
  bool executes_unknown = false;
  // The last one read is walked first.
  for (std::size_t i = code.texts.size(); i-- > 0;) {
    const CodeText& text = code.texts[i];
    const InnerText inner = collector.read_inner_text(text.sql, source.position, text.mode);
    complete &= inner.complete;
    if (text.result_runs) executes_unknown |= !read_executed(collector, inner, source.position);
  }
  const auto add = [&collector](StatementClass cls, std::string_view command) {
    collector.add(cls, ObjectKind::none, command).inner = true;
  };
  if (executes_unknown) add(StatementClass::code, "EXECUTE");
  if (code.commits) add(StatementClass::transaction, "COMMIT");
  if (code.rolls_back) add(StatementClass::transaction, "ROLLBACK");
  return complete && !executes_unknown;
}

/// Whether the body of the source was read completely.
bool read_source(FactCollector& collector, const Source& source, const CreateFunctionStmt* routine) {
  if (source.body == nullptr) return false;
  if (source.language == "plpgsql") return read_plpgsql_source(collector, source, routine);
  return routine != nullptr && source.language == "sql" &&
         collector.read_inner_text(source.body, source.position).complete;
}

}  // namespace

void read_do(FactCollector& collector, const Node* node, const NodeClass& entry) {
  collector.add(entry);
  const std::size_t fact = collector.last_fact();
  const auto source = source_of(as<DoStmt>(node)->args, "plpgsql");
  if (source) collector.fact(fact).dynamic = !read_source(collector, *source, nullptr);
}

void read_body(FactCollector& collector, const CreateFunctionStmt* create) {
  const std::size_t fact = collector.last_fact();
  const auto source = source_of(create->options, create->sql_body == nullptr ? "" : "sql");
  if (!source) return;
  // The statements of BEGIN ATOMIC are children of the node; a body besides it is an error.
  const bool is_read = create->sql_body == nullptr ? read_source(collector, *source, create)
                                                   : source->body == nullptr && source->language == "sql";
  collector.fact(fact).dynamic = !is_read || has_unseen_options(create->options);
}

}  // namespace pgwarden::policy::pg
