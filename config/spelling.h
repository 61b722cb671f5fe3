// Suggestions for misspelt words.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgwarden::config {

/// How many letters must be inserted, deleted, replaced or swapped with their neighbour to make `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The word at most two edits from `word`, the nearest first; empty when there is none (or `word` is so short
/// that anything would be near).
std::string_view nearest(std::string_view word, std::span<const std::string_view> words);

/// `did you mean "listen"?`, or else `one of: a, b, c`.
std::string suggestion(std::string_view word, std::span<const std::string_view> words);

}  // namespace pgwarden::config
