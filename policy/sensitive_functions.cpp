#include "policy/sensitive_functions.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "policy/sensitive_function_table.h"

namespace pgwarden::policy {
namespace {

SensitiveFunction entry_for(const SensitiveFunctions& row, std::string_view word) {
  SensitiveFunction entry{.schema = row.schema,
                          .name = word,
                          .effect = row.effect,
                          .versions = row.versions,
                          .source = row.source,
                          .text = row.text};
  if (word.ends_with('*')) {
    entry.is_prefix = true;
    entry.name.remove_suffix(1);
  } else if (word.size() > 2 && word[word.size() - 2] == '/') {
    entry.arguments = static_cast<std::uint8_t>(word.back() - '0');
    entry.name.remove_suffix(2);
  }
  return entry;
}

/// By name, prefixes last; one schema's before those of any schema.
bool comes_first(const SensitiveFunction& a, const SensitiveFunction& b) {
  const auto key = [](const SensitiveFunction& entry) {
    return std::tuple(entry.is_prefix, entry.name, entry.schema == anywhere);
  };
  return key(a) < key(b);
}

std::vector<SensitiveFunction> all_entries() {
  std::vector<SensitiveFunction> entries;
  for (const SensitiveFunctions& row : sensitive_function_table()) {
    std::string_view rest = row.names;
    while (!rest.empty()) {
      const std::string_view word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      entries.push_back(entry_for(row, word));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), comes_first);
  return entries;
}

bool schema_matches(std::string_view entry, std::string_view written) {
  if (entry == anywhere) return true;
  if (entry == built_in && written.empty()) return true;
  return entry == written;
}

}  // namespace

std::span<const SensitiveFunction> sensitive_functions() {
  static const std::vector<SensitiveFunction> entries = all_entries();
  return entries;
}

const SensitiveFunction* find_sensitive_function(std::string_view schema, std::string_view name,
                                                 std::size_t arguments) {
  const auto entries = sensitive_functions();
  static const auto first_prefix =
      std::find_if(entries.begin(), entries.end(), [](const auto& entry) { return entry.is_prefix; });
  const auto by_name = [](const SensitiveFunction& entry, std::string_view wanted) {
    return entry.name < wanted;
  };
  for (auto it = std::lower_bound(entries.begin(), first_prefix, name, by_name);
       it != first_prefix && it->name == name; ++it) {
    if (!schema_matches(it->schema, schema)) continue;
    if (it->arguments == 0 || it->arguments == arguments || arguments == unknown_arguments) return &*it;
  }
  const auto matches = [&](const SensitiveFunction& entry) {
    return name.starts_with(entry.name) && schema_matches(entry.schema, schema);
  };
  // Those without a letter stand for a whole schema; of the others only some begin as the name does. Every
  // call and every qualified column comes here.
  static const auto first_letter = std::find_if(
      first_prefix, entries.end(), [](const SensitiveFunction& entry) { return !entry.name.empty(); });
  for (auto it = first_prefix; it != first_letter; ++it) {
    if (matches(*it)) return &*it;
  }
  const std::string_view letter = name.substr(0, 1);
  for (auto it = std::lower_bound(first_letter, entries.end(), letter, by_name);
       it != entries.end() && it->name.starts_with(letter); ++it) {
    if (matches(*it)) return &*it;
  }
  return nullptr;
}

}  // namespace pgwarden::policy
