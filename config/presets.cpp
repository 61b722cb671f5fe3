#include "config/presets.h"

#include <iterator>
#include <stdexcept>
#include <string>
#include <utility>

#include "config/keys.h"
#include "config/rules.h"

namespace pgwarden::config {

bool add_preset(std::string_view name, policy::Policy& policy, std::vector<Diagnostic>& diagnostics) {
  const std::string_view text = preset_text(name);
  Problems problems{std::string(name), text};
  policy.preset = name;
  if (const auto root = parse_yaml(text, problems)) {
    const Fields fields = Value(*root, "preset", problems).fields(preset_keys);
    if (const auto effect = fields.required("default")) {
      if (const auto index = effect->word("effect", effect_words)) {
        policy.default_effect = static_cast<policy::Effect>(*index);
      }
    }
    if (const auto flag = fields.find("server_read_only"))
      policy.server_read_only = flag->flag().value_or(false);
    if (const auto rules = fields.find("rules")) {
      auto read = read_rules(*rules);
      std::move(read.begin(), read.end(), std::back_inserter(policy.rules));
    }
  }
  auto found = problems.take();
  const bool sound = found.empty();
  std::move(found.begin(), found.end(), std::back_inserter(diagnostics));
  return sound;
}

policy::Policy preset_policy(std::string_view name) {
  policy::Policy policy;
  std::vector<Diagnostic> diagnostics;
  if (!add_preset(name, policy, diagnostics)) throw std::logic_error(format(diagnostics.front()));
  policy.protect.hosts = {"*"};
  return policy;
}

}  // namespace pgwarden::config
