// The listeners of a configuration file.
#pragma once

#include <vector>

#include "config/config.h"
#include "config/values.h"

namespace pgwarden::config {

/// Reads the value of the key `listeners`. Two listeners on one address are a problem, and so is one that
/// leads nowhere.
std::vector<Listener> read_listeners(const Value& list);

/// Says what is wrong with how the users of `config` log in to its listeners, which `list` is the value of.
void check_logins(const Value& list, const Config& config);

}  // namespace pgwarden::config
