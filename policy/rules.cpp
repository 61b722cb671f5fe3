#include <algorithm>
#include <set>
#include <string_view>

#include "policy/glob.h"
#include "policy/policy.h"

namespace pgwarden::policy {

namespace {

/// The names of which an object of these patterns has one; empty when it may have others.
std::set<std::string_view> names_of(const std::vector<std::string>& patterns) {
  std::set<std::string_view> names;
  for (const std::string_view pattern : patterns) {
    const std::string_view name = pattern.substr(pattern.find('.') + 1);  // all of it where there is no dot
    if (name.find_first_of("*?") != std::string_view::npos) return {};
    names.insert(name);
  }
  return names;
}

}  // namespace

void Rules::push_back(Rule rule) {
  const auto place = static_cast<std::uint32_t>(all_.size());
  const Match& match = rule.match;
  auto names = names_of(match.objects);
  if (names.empty()) names = names_of(match.functions);
  for (std::size_t cls = 0; cls < of_class_.size(); ++cls) {
    if (match.classes.any() && !match.classes.test(cls)) continue;
    OfClass& rules = of_class_[cls];
    rules.all.push_back(place);
    if (names.empty()) rules.of_any_name.push_back(place);
    for (const std::string_view name : names) rules.of_name[std::string(name)].push_back(place);
  }
  all_.push_back(std::move(rule));
}

}  // namespace pgwarden::policy
