// How wide a terminal shows a character, as PostgreSQL's own programs reckon it.
#pragma once

#include <cstddef>
#include <string_view>

namespace pgwarden::policy {

/// The columns that psql reckons with for the first character of `text`, which is not empty: 2 for East Asian
/// wide characters and 1 for everything else, also for what is not UTF-8 or not seen.
std::size_t display_width(std::string_view text);

}  // namespace pgwarden::policy
