// A YAML document as a plain tree with positions. The implementation is the only place that knows yaml-cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace pgwarden::config {

struct YamlEntry;

/// A value of a YAML document. Scalars are texts; what they mean is the reader's to say.
struct YamlNode {
  enum class Kind { null, scalar, list, map };

  Kind kind = Kind::null;
  Position at;
  std::string text;                ///< of a scalar
  bool quoted = false;             ///< a scalar in quotes or a block scalar: surely meant as text
  std::vector<YamlNode> items;     ///< of a list
  std::vector<YamlEntry> entries;  ///< of a map, in order, each key once
};

/// A key of a map and its value.
struct YamlEntry {
  std::string key;
  Position at;
  YamlNode value;
};

/// Parses one YAML document; an empty one gives a null node. nullopt when it is not YAML. Duplicate keys,
/// several documents, aliases and keys that are not plain words are problems too.
std::optional<YamlNode> parse_yaml(std::string_view text, Problems& problems);

}  // namespace pgwarden::config
