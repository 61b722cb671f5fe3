// A policy written out as a configuration file has it.
#pragma once

#include <string>

#include "policy/policy.h"

namespace pgwarden::config {

/// One key of a match, which must say something: `objects: ["scratch.*"]`.
std::string to_yaml(const policy::Match& match, policy::MatchKey key);

/// The keys `protect`, `preset` and `rules` of a configuration that, with listeners, decides as `policy`
/// does: all its rules in their order, each with its place as a comment. Rules that earlier ones cover are
/// only mentioned, and a preset's rule whose name is taken gets the preset's in front, so that it loads
/// again.
std::string to_yaml(const policy::Policy& policy);

}  // namespace pgwarden::config
