// The readings of texts that come again and again: a driver's statement with parameters is read once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "policy/statement_reader.h"

namespace pgwarden::policy {

/// What read_statements() made of a text is kept when the text comes a second time, and found from then on.
/// A reading depends on nothing but the bytes and the settings, and both are compared. Verdicts are not
/// kept. A text takes the place of another when it comes twice while that one is not asked for.
///
/// Takes up to 10 MiB, with an ordinary application's texts half of one. For one thread.
class Readings {
 public:
  /// nullptr when it is not known; else until the next note().
  const Reading* find(std::string_view sql, LexerSettings settings);

  /// `reading` is what read_statements() made of it, for a text that find() did not know.
  void note(std::string_view sql, LexerSettings settings, const Reading& reading);

 private:
  struct Kept {
    std::string sql;
    LexerSettings settings;
    Reading reading;
    std::string names;  ///< what the reading's views point to
  };
  struct Place {
    std::size_t waiting = 0;  ///< hash of a text that has come once
    std::unique_ptr<const Kept> kept;
  };

  static std::unique_ptr<const Kept> kept(std::string_view sql, LexerSettings settings,
                                          const Reading& reading);

  static constexpr std::size_t places = 512;
  std::unique_ptr<std::array<Place, places>> places_ = std::make_unique<std::array<Place, places>>();
};

}  // namespace pgwarden::policy
