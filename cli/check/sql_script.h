// A psql script cut into the texts that psql sends, each where psql ends it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/check/psql_command.h"
#include "policy/sql_lexer.h"

namespace pgwarden::cli {

/// A part of the script, in bytes.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A backslash command and where it stands.
struct ScriptCommand {
  PsqlCommand command;
  Span span;
};

/// One text that psql sends: a statement, or several joined with \;. The views point into the script or into
/// the SqlScript, until its next statement.
struct ScriptStatement {
  Span span;                   ///< without the semicolon
  std::string_view sql;        ///< offsets in it count from span.begin; \copy: up to the name of the file
  std::vector<Span> comments;  ///< the `--` comments in front of it, in it and behind it on its line
  std::vector<ScriptCommand> commands;  ///< since the statement before
  std::string unanalysable;             ///< why only psql can tell what it sends; empty: it is in `sql`
  std::size_t unanalysable_at = 0;      ///< where in the script that is to be seen
  bool conditional = false;             ///< it stands between \if and \endif
  bool data_may_follow = true;          ///< a COPY FROM STDIN would find its data in the script
};

/// Reads a script as psql does (psqlscan.l, psqlscanslash.l, mainloop.c), in time proportional to its length.
/// What psql would put in the place of a variable is not known:
///   :'name'   a literal with an unknown value: the parameter $1 stands in `sql`
///   :{?name}  TRUE
///   :name     any text, :"name" any name: the statement is unanalysable. Digits alone are the bound of an
///             array slice (a[1:2]) as long as the script sets no such variable.
/// A zero byte hides the rest of its line from psql: texts with one are not for this class.
/// All branches of \if are read. A command that psql finds to be wrong takes the rest of its line with it:
/// SQL behind \\ may or may not run and is unanalysable.
class SqlScript {
 public:
  /// `text` must outlive this object.
  explicit SqlScript(std::string_view text);

  /// The next statement; false at the end, when only `comments` and `commands` are what was left.
  bool next(ScriptStatement& statement);

  /// The last statement was a COPY FROM STDIN: its data are the lines behind its last one, up to `\.`. Called
  /// again for each further COPY in the same text.
  void skip_copy_data();

  /// standard_conforming_strings as the server now has it; nullopt: not known.
  void set_standard_strings(std::optional<bool> value);
  std::optional<bool> standard_strings() const { return standard_strings_; }

 private:
  bool passes_copy_data(ScriptStatement& statement, const policy::Token& token);
  bool read_token(ScriptStatement& statement, const policy::Token& token);
  bool read_first_part(ScriptStatement& statement, const policy::Token& token);
  bool read_symbol(ScriptStatement& statement, const policy::Token& token);
  bool read_backslash(ScriptStatement& statement, std::size_t at);
  bool read_command(ScriptStatement& statement, std::size_t at);
  PsqlEffect effect_of(const PsqlCommand& command);
  bool read_copy(ScriptStatement& statement, const ScriptCommand& found);
  void read_colon(ScriptStatement& statement, std::size_t at);
  void count_word(std::string_view word);
  void take(ScriptStatement& statement, Span part);
  /// psql sends `by` for a part of the script, here behind a blank and with blanks up to the same length.
  void replace(ScriptStatement& statement, Span part, std::string_view by);
  static void doubt(ScriptStatement& statement, std::size_t at, std::string_view why);
  bool finish(ScriptStatement& statement, std::size_t next);
  void reset_nesting();
  void go_on_at(std::size_t at);
  std::size_t line_end(std::size_t at) const;

  std::string_view text_;
  std::size_t at_ = 0;
  policy::SqlLexer lexer_;
  std::optional<bool> standard_strings_ = true;
  std::string sent_;  ///< the statement, when psql sends other bytes than stand in the script
  bool replaced_ = false;
  bool begun_ = false;
  std::size_t parentheses_ = 0;
  std::size_t blocks_ = 0;   ///< BEGIN ATOMIC ... END of a function, CASE ... END in it
  std::size_t words_ = 0;    ///< of the statement so far
  std::string first_words_;  ///< a letter for each of them, as far as CREATE FUNCTION goes
  std::size_t conditions_ = 0;
  Span copy_data_;                     ///< still to be skipped
  std::size_t doubtful_until_ = 0;     ///< up to here psql may have thrown the line away
  std::size_t old_strings_until_ = 0;  ///< up to here psql reads strings as before the last change
  bool numbered_variables_ = false;    ///< the script may set variables whose names are digits
  bool restricted_ = false;            ///< between \restrict and \unrestrict
};

}  // namespace pgwarden::cli
