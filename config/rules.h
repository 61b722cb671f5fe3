// The rules of a configuration file or a preset.
#pragma once

#include <vector>

#include "config/values.h"
#include "policy/policy.h"

namespace pgwarden::config {

/// Reads the value of the key `rules`. Rules that can never be reached, that have another's name, or that
/// allow for no better reason than application_name are problems.
std::vector<policy::Rule> read_rules(const Value& list);

}  // namespace pgwarden::config
