// psql's backslash commands, as far as a check of a script needs them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgwarden::cli {

/// What a backslash command means for the statements around it.
enum class PsqlEffect : std::uint8_t {
  none,           ///< output, formatting, psql's own queries about the catalogs
  send,           ///< sends the statement in front of it: \g, \gset, \watch, ...
  send_and_run,   ///< \gexec: runs what the statement in front of it returns
  reset,          ///< \r: forgets the statement in front of it
  condition,      ///< \if, \elif, \else, \endif
  set_variable,   ///< \set, \getenv, \prompt
  include,        ///< \i, \ir: statements of another file
  connect,        ///< \c: a new session
  encoding,       ///< \encoding: client_encoding
  run_program,    ///< \!: anything, on the client
  copy,           ///< \copy: a COPY whose data psql reads or writes
  unforeseeable,  ///< sends statements that the script does not show: \e, \password, ...
  unknown,        ///< no command of psql
};

/// One command with its arguments. The views point into the script.
struct PsqlCommand {
  std::string_view name;       ///< without the backslash
  std::string_view arguments;  ///< as they are written
  std::size_t end =
      0;  ///< where psql goes on to read: a further command, or SQL behind \\, or the line's end
  PsqlEffect effect = PsqlEffect::unknown;
  bool runs_program = false;  ///< \!, |program or `program`
};

/// Reads the command whose backslash is at `begin`, up to the end of its line at most (psql's
/// psqlscanslash.l).
PsqlCommand read_psql_command(std::string_view script, std::size_t begin);

/// What \copy sends, and where its data are.
struct SlashCopy {
  std::string sql;           ///< as long as what it was made from up to the file's name
  bool data_follow = false;  ///< FROM STDIN: the data are the next lines of the script
};

/// The COPY that `\copy` sends with these arguments; nullopt when psql would not understand them.
std::optional<SlashCopy> read_slash_copy(std::string_view arguments);

}  // namespace pgwarden::cli
