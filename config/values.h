// Values of a configuration file on their way to their types. Whatever is wrong becomes a problem at its
// place.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_node.h"
#include "policy/network.h"

namespace pgwarden::config {

class Fields;

/// One value and the name that problems call it by: its key. Refers to the tree; copies are cheap.
class Value {
 public:
  Value(const YamlNode& node, std::string_view name, Problems& problems)
      : node_(&node), name_(name), problems_(&problems) {}

  Position at() const { return node_->at; }
  Problems& problems() const { return *problems_; }
  bool is_list() const { return node_->kind == YamlNode::Kind::list; }
  bool is_map() const { return node_->kind == YamlNode::Kind::map; }

  /// Adds a problem at this value.
  void refuse(std::string message, std::string hint = {}) const;

  /// A text of one line, not empty.
  std::optional<std::string> text() const;
  /// The path of a file, relative to the folder of the file that says it.
  std::optional<std::string> path() const;
  /// A text that may have several lines; without white space at its end.
  std::optional<std::string> prose() const;
  /// The index of one of `words`; `what` says in problems what they are: "preset".
  std::optional<std::size_t> word(std::string_view what, std::span<const std::string_view> words) const;
  /// true or false.
  std::optional<bool> flag() const;
  /// A whole number within bounds.
  std::optional<std::uint32_t> number(std::uint32_t least, std::uint32_t most) const;
  /// A size in bytes, "16MiB"; kB, MB and GB are multiples of 1024 as in postgresql.conf.
  std::optional<std::uint32_t> bytes(std::uint32_t least, std::uint32_t most) const;
  /// A time with its unit, "500ms", "30s", "2min", "1h".
  std::optional<std::chrono::milliseconds> duration(std::chrono::milliseconds least,
                                                    std::chrono::milliseconds most) const;
  /// A network, an address, or "unix".
  std::optional<policy::Network> network() const;
  /// The items of a list; a problem and no items when it is not a list.
  std::vector<Value> items() const;
  /// The fields of a map that takes these keys.
  Fields fields(std::span<const std::string_view> keys) const;
  /// The entries of a map whose keys are names of the user's own.
  std::vector<Value> entries() const;
  /// The key, or for an entry of entries() the user's own.
  std::string_view name() const { return name_; }

 private:
  bool is(YamlNode::Kind kind, std::string_view expected) const;
  std::optional<std::string> scalar(std::string_view expected) const;

  const YamlNode* node_;
  std::string_view name_;
  Problems* problems_;
};

/// The values of a map by their keys. Unknown keys and keys without a value are problems.
class Fields {
 public:
  Fields(const YamlNode& map, Problems& problems) : map_(&map), problems_(&problems) {}

  /// nullopt when the key is absent.
  std::optional<Value> find(std::string_view key) const;
  /// As find(), but absence is a problem.
  std::optional<Value> required(std::string_view key) const;

  Position at() const { return map_->at; }
  Problems& problems() const { return *problems_; }

 private:
  const YamlNode* map_;
  Problems* problems_;
};

}  // namespace pgwarden::config
