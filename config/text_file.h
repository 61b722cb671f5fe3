// Files that people write: read whole, within bounds.
#pragma once

#include <string>

#include "config/parsed.h"

namespace pgwarden::config {

/// The contents of a file of at most 4 MiB.
Parsed<std::string> read_text_file(const std::string& path);

}  // namespace pgwarden::config
