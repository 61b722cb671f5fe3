// Files that people write: read whole, within bounds.
#pragma once

#include <string>

#include "config/parsed.h"

namespace pgwarden::config {

/// The contents of a file of at most 4 MiB.
Parsed<std::string> read_text_file(const std::string& path);

/// The same of a file with secrets, which others must not be able to read: as for libpq's private keys, at
/// most its owner may or, when that is root, its group. The caller wipes the text.
Parsed<std::string> read_secret_file(const std::string& path);

}  // namespace pgwarden::config
