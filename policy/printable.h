// Text of strangers made safe to show to a person, a terminal or a language model.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pgwarden::policy {

/// `text` cut at `bytes_max` (at a character's boundary), with everything that is not seen as itself written
/// out:
/// `\` doubled, control characters and bytes that are not UTF-8 as `\x1B`, invisible and
/// direction-changing characters as `\u202E`.
std::string printable(std::string_view text, std::size_t bytes_max);

}  // namespace pgwarden::policy
