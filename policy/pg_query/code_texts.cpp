#include "policy/pg_query/code_texts.h"

#include <charconv>

#include "policy/sql_lexer.h"

extern "C" {
#include "catalog/pg_type_d.h"
#include "plpgsql.h"
}

namespace pgwarden::policy::pg {
namespace {

/// Whether every server reads the same tokens in this body. It is compiled under settings that the session
/// has then, a function's in a session yet to come.
bool has_one_reading(std::string_view body) {
  SqlLexer lexer(body, {});
  Token token;
  while (lexer.next(token)) {
    if (token.ambiguous) return false;
  }
  return true;
}

void add_parameter(PLpgSQL_function* function, const FunctionParameter* parameter, int number) {
  std::array<char, 16> place{'$'};
  std::to_chars(place.data() + 1, place.data() + place.size() - 1, number);
  const char* name = parameter->name == nullptr ? place.data() : parameter->name;
  PLpgSQL_type* type = plpgsql_build_datatype(InvalidOid, -1, InvalidOid, parameter->argType);
  const PLpgSQL_variable* variable = plpgsql_build_variable(name, 0, type, false);
  const auto kind = variable->dtype == PLPGSQL_DTYPE_VAR ? PLPGSQL_NSTYPE_VAR : PLPGSQL_NSTYPE_REC;
  plpgsql_ns_additem(kind, variable->dno, place.data());
  if (parameter->name != nullptr) plpgsql_ns_additem(kind, variable->dno, parameter->name);
  const bool is_result = parameter->mode == FUNC_PARAM_OUT || parameter->mode == FUNC_PARAM_INOUT ||
                         parameter->mode == FUNC_PARAM_TABLE;
  if (is_result) function->out_param_varno = variable->dno;
}

/// What the body may name besides its own variables.
void declare(PLpgSQL_function* function, const CreateFunctionStmt* routine) {
  plpgsql_build_variable("found", 0, plpgsql_build_datatype(BOOLOID, -1, InvalidOid, nullptr), true);
  if (routine == nullptr) return;
  int number = 0;
  for (const ListCell& cell : cells(routine->parameters)) {
    add_parameter(function, as<FunctionParameter>(node_of(cell)), ++number);
  }
  const TypeName* type = routine->returnType;
  if (type == nullptr || cells(type->names).empty()) return;
  function->fn_retset = type->setof;
  if (text_of(node_of(cells(type->names).back())) != "trigger") return;
  plpgsql_build_record("new", 0, nullptr, RECORDOID, true);
  plpgsql_build_record("old", 0, nullptr, RECORDOID, true);
}

/// The steps of PostgreSQL's pl_comp.c without the catalogs, which is what libpg_query's
/// pg_query_parse_plpgsql() does. That one is no use here: it takes SQL text instead of a body, asserts that
/// there is a body, renders JSON where an error ends the process, and moves the process's stderr about.
/// Raises PostgreSQL errors, so that nothing in here may have a destructor.
const PLpgSQL_function* compile_or_raise(const char* body, const CreateFunctionStmt* routine) {
  // A parse that failed leaves its own behind.
  standard_conforming_strings = true;
  escape_string_warning = false;
  // Expressions are parsed by the caller.
  plpgsql_check_syntax = false;
  plpgsql_compile_tmp_cxt = CurrentMemoryContext;
  plpgsql_error_funcname = nullptr;
  auto* function = static_cast<PLpgSQL_function*>(palloc0(sizeof(PLpgSQL_function)));
  plpgsql_curr_compile = function;
  function->fn_cxt = CurrentMemoryContext;
  function->fn_is_trigger = PLPGSQL_NOT_TRIGGER;
  function->fn_rettype = VOIDOID;
  function->out_param_varno = -1;
  const bool is_named = routine != nullptr && !cells(routine->funcname).empty();
  const char* label = is_named ? strVal(node_of(cells(routine->funcname).back())) : "inline_code_block";
  plpgsql_ns_init();
  plpgsql_ns_push(label, PLPGSQL_LABEL_BLOCK);
  plpgsql_start_datums();
  declare(function, routine);
#if PG_VERSION_NUM >= 180000
  yyscan_t scanner = plpgsql_scanner_init(body);
  const int failed = plpgsql_yyparse(&function->action, scanner);
  plpgsql_scanner_finish(scanner);
#else
  plpgsql_scanner_init(body);
  const int failed = plpgsql_yyparse();
  plpgsql_scanner_finish();
  function->action = plpgsql_parse_result;
#endif
  plpgsql_finish_datums(function);
  return failed == 0 ? function : nullptr;
}

const PLpgSQL_function* compile(const char* body, const CreateFunctionStmt* routine, MemoryContext memory) {
  const PLpgSQL_function* volatile function = nullptr;
  MemoryContextSwitchTo(memory);
  PG_TRY();
  { function = compile_or_raise(body, routine); }
  PG_CATCH();
  { FlushErrorState(); }
  PG_END_TRY();
  // libpg_query expects every call to begin in the topmost context.
  MemoryContextSwitchTo(TopMemoryContext);
  return function;
}

/// Gathers the texts of a compiled body. Iterative, like the walk over a parse tree (D12).
class Gatherer {
 public:
  explicit Gatherer(PlpgsqlCode& code) : code_(code) {}

  /// False when there is something that is not known.
  bool gather(const PLpgSQL_function& function);

 private:
  template <class T>
  static const T* item(const ListCell& cell) {
    return static_cast<const T*>(cell.ptr_value);
  }
  void text(const PLpgSQL_expr* expression, bool result_runs = false) {
    if (expression != nullptr) {
      code_.texts.push_back({expression->query, expression->parseMode, result_runs});
    }
  }
  void dynamic(const PLpgSQL_expr* query, const List* parameters) {
    text(query, true);
    texts(parameters);
  }
  void texts(const List* expressions) {
    for (const ListCell& cell : cells(expressions)) text(item<PLpgSQL_expr>(cell));
  }
  void body(const List* statements) {
    const auto elements = cells(statements);
    for (std::size_t i = elements.size(); i-- > 0;) stack_.push_back(item<PLpgSQL_stmt>(elements[i]));
  }
  void block(const PLpgSQL_stmt_block& block);
  void branches(const PLpgSQL_stmt_if& statement);
  void branches(const PLpgSQL_stmt_case& statement);
  void raise(const PLpgSQL_stmt_raise& statement);
  void open(const PLpgSQL_stmt_open& statement);
  bool declaration(const PLpgSQL_datum& datum);
  bool statement(const PLpgSQL_stmt& statement);

  PlpgsqlCode& code_;
  std::vector<const PLpgSQL_stmt*> stack_;
};

template <class T>
const T& statement_as(const PLpgSQL_stmt& statement) {
  return reinterpret_cast<const T&>(statement);
}

bool Gatherer::gather(const PLpgSQL_function& function) {
  for (int i = 0; i < function.ndatums; ++i) {
    if (!declaration(*function.datums[i])) return false;
  }
  stack_.push_back(reinterpret_cast<const PLpgSQL_stmt*>(function.action));
  while (!stack_.empty()) {
    const PLpgSQL_stmt* next = stack_.back();
    stack_.pop_back();
    if (!statement(*next)) return false;
  }
  return true;
}

bool Gatherer::declaration(const PLpgSQL_datum& datum) {
  switch (datum.dtype) {
    case PLPGSQL_DTYPE_VAR:
    case PLPGSQL_DTYPE_PROMISE: {
      const auto& variable = reinterpret_cast<const PLpgSQL_var&>(datum);
      text(variable.default_val);
      text(variable.cursor_explicit_expr);
      return true;
    }
    case PLPGSQL_DTYPE_REC:
      text(reinterpret_cast<const PLpgSQL_rec&>(datum).default_val);
      return true;
    case PLPGSQL_DTYPE_ROW:
    case PLPGSQL_DTYPE_RECFIELD:
      return true;
  }
  return false;
}

void Gatherer::block(const PLpgSQL_stmt_block& block) {
  if (block.exceptions != nullptr) {
    for (const ListCell& cell : cells(block.exceptions->exc_list))
      body(item<PLpgSQL_exception>(cell)->action);
  }
  body(block.body);
}

void Gatherer::branches(const PLpgSQL_stmt_if& statement) {
  text(statement.cond);
  body(statement.else_body);
  for (const ListCell& cell : cells(statement.elsif_list)) {
    text(item<PLpgSQL_if_elsif>(cell)->cond);
    body(item<PLpgSQL_if_elsif>(cell)->stmts);
  }
  body(statement.then_body);
}

void Gatherer::branches(const PLpgSQL_stmt_case& statement) {
  text(statement.t_expr);
  body(statement.else_stmts);
  for (const ListCell& cell : cells(statement.case_when_list)) {
    text(item<PLpgSQL_case_when>(cell)->expr);
    body(item<PLpgSQL_case_when>(cell)->stmts);
  }
}

void Gatherer::raise(const PLpgSQL_stmt_raise& statement) {
  texts(statement.params);
  for (const ListCell& cell : cells(statement.options)) text(item<PLpgSQL_raise_option>(cell)->expr);
}

void Gatherer::open(const PLpgSQL_stmt_open& statement) {
  text(statement.argquery);
  text(statement.query);
  dynamic(statement.dynquery, statement.params);
}

bool Gatherer::statement(const PLpgSQL_stmt& statement) {
  switch (statement.cmd_type) {
    case PLPGSQL_STMT_BLOCK:
      block(statement_as<PLpgSQL_stmt_block>(statement));
      return true;
    case PLPGSQL_STMT_ASSIGN:
      text(statement_as<PLpgSQL_stmt_assign>(statement).expr);
      return true;
    case PLPGSQL_STMT_IF:
      branches(statement_as<PLpgSQL_stmt_if>(statement));
      return true;
    case PLPGSQL_STMT_CASE:
      branches(statement_as<PLpgSQL_stmt_case>(statement));
      return true;
    case PLPGSQL_STMT_LOOP:
      body(statement_as<PLpgSQL_stmt_loop>(statement).body);
      return true;
    case PLPGSQL_STMT_WHILE:
      text(statement_as<PLpgSQL_stmt_while>(statement).cond);
      body(statement_as<PLpgSQL_stmt_while>(statement).body);
      return true;
    case PLPGSQL_STMT_FORI:
      text(statement_as<PLpgSQL_stmt_fori>(statement).lower);
      text(statement_as<PLpgSQL_stmt_fori>(statement).upper);
      text(statement_as<PLpgSQL_stmt_fori>(statement).step);
      body(statement_as<PLpgSQL_stmt_fori>(statement).body);
      return true;
    case PLPGSQL_STMT_FORS:
      text(statement_as<PLpgSQL_stmt_fors>(statement).query);
      body(statement_as<PLpgSQL_stmt_fors>(statement).body);
      return true;
    case PLPGSQL_STMT_FORC:
      text(statement_as<PLpgSQL_stmt_forc>(statement).argquery);
      body(statement_as<PLpgSQL_stmt_forc>(statement).body);
      return true;
    case PLPGSQL_STMT_FOREACH_A:
      text(statement_as<PLpgSQL_stmt_foreach_a>(statement).expr);
      body(statement_as<PLpgSQL_stmt_foreach_a>(statement).body);
      return true;
    case PLPGSQL_STMT_EXIT:
      text(statement_as<PLpgSQL_stmt_exit>(statement).cond);
      return true;
    case PLPGSQL_STMT_RETURN:
      text(statement_as<PLpgSQL_stmt_return>(statement).expr);
      return true;
    case PLPGSQL_STMT_RETURN_NEXT:
      text(statement_as<PLpgSQL_stmt_return_next>(statement).expr);
      return true;
    case PLPGSQL_STMT_RETURN_QUERY:
      text(statement_as<PLpgSQL_stmt_return_query>(statement).query);
      dynamic(statement_as<PLpgSQL_stmt_return_query>(statement).dynquery,
              statement_as<PLpgSQL_stmt_return_query>(statement).params);
      return true;
    case PLPGSQL_STMT_RAISE:
      raise(statement_as<PLpgSQL_stmt_raise>(statement));
      return true;
    case PLPGSQL_STMT_ASSERT:
      text(statement_as<PLpgSQL_stmt_assert>(statement).cond);
      text(statement_as<PLpgSQL_stmt_assert>(statement).message);
      return true;
    case PLPGSQL_STMT_EXECSQL:
      text(statement_as<PLpgSQL_stmt_execsql>(statement).sqlstmt);
      return true;
    case PLPGSQL_STMT_DYNEXECUTE:
      dynamic(statement_as<PLpgSQL_stmt_dynexecute>(statement).query,
              statement_as<PLpgSQL_stmt_dynexecute>(statement).params);
      return true;
    case PLPGSQL_STMT_DYNFORS:
      dynamic(statement_as<PLpgSQL_stmt_dynfors>(statement).query,
              statement_as<PLpgSQL_stmt_dynfors>(statement).params);
      body(statement_as<PLpgSQL_stmt_dynfors>(statement).body);
      return true;
    case PLPGSQL_STMT_OPEN:
      open(statement_as<PLpgSQL_stmt_open>(statement));
      return true;
    case PLPGSQL_STMT_FETCH:
      text(statement_as<PLpgSQL_stmt_fetch>(statement).expr);
      return true;
    case PLPGSQL_STMT_PERFORM:
      text(statement_as<PLpgSQL_stmt_perform>(statement).expr);
      return true;
    case PLPGSQL_STMT_CALL:
      text(statement_as<PLpgSQL_stmt_call>(statement).expr);
      return true;
    case PLPGSQL_STMT_COMMIT:
      code_.commits = true;
      return true;
    case PLPGSQL_STMT_ROLLBACK:
      code_.rolls_back = true;
      return true;
    case PLPGSQL_STMT_GETDIAG:
    case PLPGSQL_STMT_CLOSE:
      return true;
  }
  return false;
}

}  // namespace

PlpgsqlCode read_plpgsql(const char* body, const CreateFunctionStmt* routine, MemoryContext memory) {
  PlpgsqlCode code;
  const std::string_view text = view(body);
  // The server takes no more parameters either.
  const bool is_call_possible = routine == nullptr || cells(routine->parameters).size() <= FUNC_MAX_ARGS;
  if (!is_call_possible || is_slow_to_scan(text, {}) || !has_one_reading(text)) return code;
  const PLpgSQL_function* function = compile(body, routine, memory);
  code.complete = function != nullptr && Gatherer(code).gather(*function);
  return code;
}

}  // namespace pgwarden::policy::pg
