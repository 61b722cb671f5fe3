// The presets, and the schema: files that are carried in the binary.
#pragma once

#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "policy/policy.h"

namespace pgwarden::config {

/// The YAML text of "observe", "guarded", "append_only" or "read_only"; empty for any other name.
std::string_view preset_text(std::string_view name);

/// Puts the rules of a preset behind those that `policy` has, with the preset's name in place of a file's,
/// and takes over its default and `server_read_only`. False, and diagnostics, when something is wrong with
/// the preset.
bool add_preset(std::string_view name, policy::Policy& policy, std::vector<Diagnostic>& diagnostics);

/// The policy that a preset is by itself, for every host: all are protected.
policy::Policy preset_policy(std::string_view name);

/// pgwarden.schema.json, for editors: the JSON Schema (draft-07) of configuration files.
std::string_view schema_text();

}  // namespace pgwarden::config
