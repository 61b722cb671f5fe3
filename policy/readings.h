// The readings of texts that come again and again: a driver's statement with parameters is read once.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "policy/statement_reader.h"

namespace pgwarden::policy {

/// What read_statements() made of a text is remembered when the text comes a second time, and found from then
/// on. A reading depends on nothing but the bytes and the settings, and both are compared. Verdicts are not
/// remembered. A text takes the place of another when it comes twice while that one is not asked for.
///
/// Takes up to 10 MiB, with an ordinary application's texts half of one. For one thread.
class Readings {
 public:
  /// Valid until the next note(); nullptr when it is not known.
  const Reading* find(std::string_view sql, LexerSettings settings);

  /// `reading` is what read_statements() made of it, for a text that find() did not know.
  void note(std::string_view sql, LexerSettings settings, const Reading& reading);

 private:
  struct Known {
    std::string sql;
    LexerSettings settings;
    Reading reading;
    std::string names;  ///< what the reading's views point to
  };
  struct Slot {
    std::size_t seen_once = 0;  ///< hash of a text
    std::unique_ptr<const Known> known;
  };

  static std::unique_ptr<const Known> copy(std::string_view sql, LexerSettings settings,
                                           const Reading& reading);

  static constexpr std::size_t slots = 512;
  std::unique_ptr<std::array<Slot, slots>> slots_ = std::make_unique<std::array<Slot, slots>>();
};

}  // namespace pgwarden::policy
