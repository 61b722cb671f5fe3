#include "policy/sensitive_functions.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <tuple>
#include <unordered_map>
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

/// Finds entries by name. Every call and every qualified column asks, and nearly all ask in vain.
class Index {
 public:
  using Entries = std::span<const SensitiveFunction>;

  explicit Index(Entries entries) {
    for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
      const SensitiveFunction& first = entries[begin];
      const auto together = [&first](const SensitiveFunction& entry) {
        return entry.is_prefix == first.is_prefix &&
               (first.is_prefix ? letter(entry.name) == letter(first.name) : entry.name == first.name);
      };
      while (end < entries.size() && together(entries[end])) ++end;
      const Entries group = entries.subspan(begin, end - begin);
      if (!first.is_prefix) {
        by_name_.emplace(first.name, group);
        shapes_.set(shape(first.name));
      } else if (first.name.empty()) {
        schemas_ = group;
      } else {
        by_letter_[letter(first.name)] = group;
      }
    }
  }

  /// By their whole name.
  Entries named(std::string_view name) const {
    if (!shapes_.test(shape(name))) return {};
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? Entries() : found->second;
  }
  /// Prefixes that may be those of `name`.
  Entries beginning_as(std::string_view name) const { return by_letter_[letter(name)]; }
  /// Prefixes without a letter: they stand for a whole schema.
  Entries schemas() const { return schemas_; }

 private:
  static unsigned char letter(std::string_view name) {
    return name.empty() ? '\0' : static_cast<unsigned char>(name.front());
  }

  /// Few names that are not there have that of one that is.
  static std::size_t shape(std::string_view name) {
    if (name.empty()) return 0;
    return (name.size() * 67 + std::size_t{letter(name)} * 31 + static_cast<unsigned char>(name.back())) %
           shapes_max;
  }

  static constexpr std::size_t shapes_max = 4096;
  std::bitset<shapes_max> shapes_;
  std::unordered_map<std::string_view, Entries> by_name_;
  std::array<Entries, 256> by_letter_{};
  Entries schemas_;
};

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
  static const Index index(sensitive_functions());
  for (const SensitiveFunction& entry : index.named(name)) {
    if (!schema_matches(entry.schema, schema)) continue;
    if (entry.arguments == 0 || entry.arguments == arguments || arguments == unknown_arguments) return &entry;
  }
  // A name without a schema is in none of them.
  const Index::Entries whole_schemas = schema.empty() ? Index::Entries() : index.schemas();
  for (const auto entries : {whole_schemas, index.beginning_as(name)}) {
    for (const SensitiveFunction& entry : entries) {
      if (name.starts_with(entry.name) && schema_matches(entry.schema, schema)) return &entry;
    }
  }
  return nullptr;
}

}  // namespace pgwarden::policy
