// What is allowed in a configuration but hardly meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace pgwarden::config {

/// The problems that keep the file from loading; when there are none, warnings. Only what can be proved:
/// rules that have no say, or another one than they seem to have.
std::vector<Diagnostic> lint_text(std::string_view text, const std::string& file_name);

}  // namespace pgwarden::config
