// Lines of configuration files, for people to see.
#pragma once

#include <string>
#include <string_view>

namespace pgwarden::config {

/// A line of `text`, counted from 1, as it stands there; empty when there is no such line.
std::string_view line_of(std::string_view text, int line);

/// The same without its secrets: passwords of URLs, and what follows a key that speaks of a password or holds
/// the users; empty where that goes on from a line above. It goes by the looks of the text, which may be no
/// YAML or have the key misspelt, and rather hides too much.
std::string masked_line(std::string_view text, int line);

}  // namespace pgwarden::config
