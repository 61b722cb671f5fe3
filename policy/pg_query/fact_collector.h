// The walk over a parse tree that gathers facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/pg_query/node_classes.h"
#include "policy/pg_query/objects.h"
#include "policy/pg_query/pg_tree.h"
#include "policy/statement_reader.h"

namespace pgwarden::policy::pg {

/// What the statement at hand defines: facts about other tables that it concerns are of the same class.
struct Definition {
  StatementClass cls = StatementClass::ddl_alter;
  bool temporary = false;  ///< what it refers to is temporary, too: the server allows nothing else
};

/// What became of SQL text within a statement.
struct InnerText {
  std::array<const List*, 2> readings{};  ///< the statements, read in either way (see LexerSettings)
  bool complete = false;                  ///< the whole text was understood
};

/// Walks the statements of one text and adds their facts to a Reading. Iterative: depth costs no stack (D12).
class FactCollector {
 public:
  /// `memory` is where the parse tree lives, and the trees of inner texts will.
  FactCollector(Reading& reading, std::string_view sql, LexerSettings settings, MemoryContext memory,
                const NodeClasses& classes = node_classes());

  /// Adds the facts of one statement; false when it is too deep or too large (see max_depth, max_facts).
  bool read_statement(const Node* statement, StatementSpan span);

  /// Expressions deeper than this are not analysed. PostgreSQL itself gives up earlier, at some 5,000
  /// (max_stack_depth 2MB).
  static constexpr std::uint16_t max_depth = 10'000;

  /// Texts with more facts are not analysed.
  static constexpr std::size_t max_facts = 500'000;

  /// Texts within texts within texts are not analysed deeper than this.
  static constexpr std::uint8_t max_inner_levels = 8;

  /// Texts with more texts within them are not analysed: parsing takes more than a kilobyte for each.
  static constexpr std::size_t max_inner_texts = 100'000;

  /// What the bodies of PL/pgSQL in one text may cost: the sum of the squares of their sizes in bytes (and a
  /// kibibyte more for each), because PostgreSQL's compiler looks for a name among all others, one by one.
  /// That is one body of 127 KiB, or 655 of 4 KiB.
  static constexpr std::size_t max_compile_work = std::size_t{1} << 34;

  /// How many names made temporary in one text are remembered.
  static constexpr std::size_t max_temporary_names = 1'000;

  // What follows is for the functions of the node table.

  /// A new fact about the statement at hand. The reference is good until the next add.
  Fact& add(StatementClass cls, ObjectKind kind, std::string_view command);
  Fact& add(const NodeClass& entry) { return add(entry.cls, entry.kind, entry.command); }
  Fact& add(const NodeClass& entry, const ObjectName& name);
  Fact& add(StatementClass cls, ObjectKind kind, std::string_view command, const ObjectName& name);

  /// The fact of a call that only reads, as far as the function's name says. Once for calls that follow each
  /// other: a long list of rows may call now() in each.
  void add_harmless_call(const ObjectName& name);

  /// The relations below this child are spoken of by a fact already: no `read` facts for them.
  void consume(const void* child) { buffers_.consumed.push_back(static_cast<const Node*>(child)); }

  /// Reads SQL text that the statement at hand runs: a body of code, the argument of a function that runs
  /// SQL. Its facts follow, marked as `inner`, at `position` in the outer text. `sql` must outlive the
  /// reading (be part of the tree). A text that cannot be analysed adds a fact that says so.
  InnerText read_inner_text(std::string_view sql, std::int32_t position,
                            RawParseMode mode = RAW_PARSE_DEFAULT);

  /// The fact that was added last, and how to find it again when others were added since.
  std::size_t last_fact() const { return reading_.facts.size() - 1; }
  Fact& fact(std::size_t index) { return reading_.facts[index]; }

  /// Whether a body of PL/pgSQL may still be compiled; counts it.
  bool affords_compiling(std::size_t bytes);

  /// Where what belongs to the tree lives.
  MemoryContext memory() const { return memory_; }

  /// The children of the node at hand are only planned, not run (EXPLAIN without ANALYZE).
  void only_explain_children() { child_.explained = true; }
  bool explained() const { return child_.explained; }

  /// The children of the node at hand say nothing, nor do theirs.
  void skip_children() { children_done_ = true; }

  /// The names of this WITH clause are visible in the node at hand.
  void enter_with(const WithClause* with);
  /// Walks the queries of a WITH clause, each with the names that it sees.
  void walk_with(const WithClause* with);
  bool is_cte(std::string_view name);

  /// The children of the node at hand are what a view shows: rows written to the view are written to them.
  void show_children() { child_.shown = true; }
  bool shown() const { return child_.shown; }

  /// The relation at hand is the object of a statement, not something to read.
  bool consumed() const { return child_.consumed; }

  /// Whether the node at hand is of a text that read_inner_text was given.
  bool in_inner_text() const { return child_.inner_level > 0; }

  /// Whether the node at hand is a whole statement, not a part of another one.
  bool is_whole_statement() const { return child_.whole; }

  /// Whether an existing relation is certainly temporary: named in pg_temp, or made so earlier in this text.
  bool is_temporary(std::string_view schema, std::string_view name) const;
  bool is_temporary(const RangeVar* relation) const;
  /// What was made temporary in this text may be gone (DISCARD) or be called otherwise (RENAME).
  void forget_temporary() { temporary_names_.clear(); }

  /// Also from within code that is made here to be called later, which nobody will see: it is `dynamic` then.
  void may_change_lexing();
  void may_hide_temporary() { reading_.may_hide_temporary = true; }
  /// A setting gets a value (nullopt: one that is not known).
  void sets_search_path(std::string_view setting, std::optional<std::string_view> value);
  /// The column `name` that this call of set_config takes is known to hold `setting`.
  void knows_setting(const FuncCall* call, std::string_view setting) { known_setting_ = {call, setting}; }
  std::optional<std::string_view> known_setting(const FuncCall* call) const {
    return known_setting_.first == call ? std::optional(known_setting_.second) : std::nullopt;
  }
  void define(Definition definition) { definition_ = definition; }
  const Definition& definition() const { return definition_; }
  /// Names without a schema are created in this one (CREATE SCHEMA with elements).
  void create_in(std::string_view schema) { element_schema_ = schema; }

 private:
  struct Context {
    std::uint32_t scope = 0;           ///< of CTE names: index into scopes_
    std::int32_t inner_position = -1;  ///< where the inner text stands that this is a part of
    std::uint16_t depth = 0;
    std::uint8_t inner_level = 0;
    bool explained : 1 = false;
    bool consumed : 1 = false;
    bool shown : 1 = false;
    bool whole : 1 = false;
  };
  struct Item {
    const Node* node;
    Context context;
  };
  /// The first `visible` names of a WITH clause, and whatever is visible around it.
  struct Scope {
    std::uint32_t parent;
    const List* ctes;
    std::uint32_t visible;
  };

  /// Kept from one text to the next, so that an ordinary statement allocates next to nothing.
  struct Buffers {
    std::vector<Item> stack;            ///< what is still to be walked
    std::vector<const Node*> children;  ///< of the node at hand
    std::vector<const Node*> consumed;  ///< children of which a fact speaks already
    std::vector<Scope> scopes;          ///< the first one has no names
  };

  static Buffers& reusable_buffers();
  bool walk();
  const NodeClass& class_of(const Node* node) const {
    return classes_[std::min<std::size_t>(nodeTag(node), node_tags_end - 1)];
  }
  void push_children(const Node* node);
  void push_inner_statements(const List* statements, std::int32_t position);
  void add_unanalysable(std::string_view why, std::int32_t position);
  void push(const Node* node, const Context& context);
  void finish_statement(const NodeClass& entry);
  void note_consequences(const Fact& fact);
  void follow_temporary(const Fact& fact);

  const NodeClasses& classes_;
  Reading& reading_;
  std::size_t nodes_left_;
  std::size_t inner_bytes_left_;
  std::size_t inner_texts_left_ = max_inner_texts;
  std::size_t compile_work_left_ = max_compile_work;
  LexerSettings settings_;
  MemoryContext memory_;
  std::size_t name_comparisons_left_ = 1'000'000;
  Buffers& buffers_;
  std::pair<const FuncCall*, std::string_view> known_setting_;
  std::vector<std::string_view> temporary_names_;  ///< made in this text

  // Of the statement at hand.
  std::size_t first_fact_ = 0;
  std::size_t harmless_calls_ = 0;
  std::uint32_t index_ = 0;
  std::int32_t position_ = 0;
  std::string_view element_schema_;
  Definition definition_;

  // Of the node at hand.
  Context child_;
  bool children_done_ = false;
};

}  // namespace pgwarden::policy::pg
