// config/pgwarden.schema.json is written by hand: these tests hold it, and the examples, to what the loader
// takes.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "config/keys.h"
#include "config/load.h"
#include "config/presets.h"
#include "config/yaml_node.h"

namespace pgwarden::config {
namespace {

const std::filesystem::path config_folder = std::filesystem::path(REPOSITORY_DIR) / "config";

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

const YamlNode& at(const YamlNode& node, std::string_view key) {
  const auto found = std::find_if(node.entries.begin(), node.entries.end(),
                                  [&](const YamlEntry& entry) { return entry.key == key; });
  INFO(key);
  REQUIRE(found != node.entries.end());
  return found->value;
}

template <typename... Keys>
const YamlNode& at(const YamlNode& node, std::string_view key, Keys... more) {
  return at(at(node, key), more...);
}

std::vector<std::string> sorted(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  return words;
}

std::vector<std::string> sorted(std::span<const std::string_view> words) {
  return sorted(std::vector<std::string>(words.begin(), words.end()));
}

std::vector<std::string> properties(const YamlNode& object) {
  std::vector<std::string> names;
  CHECK(at(object, "additionalProperties").text == "false");
  for (const YamlEntry& entry : at(object, "properties").entries) names.push_back(entry.key);
  return sorted(names);
}

std::vector<std::string> enum_words(const YamlNode& value) {
  std::vector<std::string> list;
  for (const YamlNode& item : at(value, "enum").items) list.push_back(item.text);
  return sorted(list);
}

TEST_CASE("the schema has the loader's keys and words", "[schema]") {
  const std::string text = contents(config_folder / "pgwarden.schema.json");
  Problems problems("pgwarden.schema.json", text);
  const auto schema = parse_yaml(text, problems);  // JSON is YAML
  REQUIRE(schema);
  REQUIRE(problems.count() == 0);
  CHECK(at(*schema, "$schema").text == "http://json-schema.org/draft-07/schema#");
  const YamlNode& definitions = at(*schema, "definitions");
  CHECK(properties(*schema) == sorted(root_keys));
  CHECK(properties(at(definitions, "listener")) == sorted(listener_keys));
  CHECK(properties(at(definitions, "upstream_map")) == sorted(upstream_keys));
  CHECK(properties(at(definitions, "user")) == sorted(user_keys));
  CHECK(properties(at(definitions, "user_upstream")) == sorted(user_upstream_keys));
  CHECK(properties(at(definitions, "rule")) == sorted(rule_keys));
  CHECK(properties(at(definitions, "match")) == sorted(match_keys));
  CHECK(properties(at(definitions, "limits")) == sorted(limits_keys));
  CHECK(properties(at(definitions, "log")) == sorted(log_keys));

  const YamlNode& match = at(definitions, "match", "properties");
  CHECK(enum_words(at(match, "classes", "items")) == sorted(policy::statement_class_names));
  CHECK(enum_words(at(match, "kinds", "items")) == sorted(kind_words));
  CHECK(enum_words(at(definitions, "listener", "properties", "auth")) == sorted(auth_words));
  const YamlNode& rule = at(definitions, "rule", "properties");
  CHECK(enum_words(at(rule, "effect")) == sorted(effect_words));
  CHECK(enum_words(at(rule, "on_deny")) == sorted(on_deny_words));
  const YamlNode& log = at(definitions, "log", "properties");
  CHECK(enum_words(at(log, "format")) == sorted(log_format_words));
  CHECK(enum_words(at(log, "level")) == sorted(log_level_words));
  CHECK(enum_words(at(*schema, "properties", "preset")) == sorted(preset_names));
}

TEST_CASE("the program carries the schema", "[schema]") {
  CHECK(schema_text() == contents(config_folder / "pgwarden.schema.json"));
}

TEST_CASE("the examples load", "[schema]") {
  for (const char* const password : {"DB_PASSWORD", "AGENT_DB_PASSWORD"}) ::setenv(password, "example", 1);
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(config_folder / "examples")) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(".yaml") || name.ends_with(".test.yaml")) continue;
    const Loaded loaded = load_file(entry.path().string());
    for (const Diagnostic& diagnostic : loaded.diagnostics) UNSCOPED_INFO(format(diagnostic));
    CHECK(loaded.config);
    ++count;
  }
  CHECK(count >= 5);
}

void check_named(const std::string& text, std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    INFO(name);
    CHECK(text.find("`" + std::string(name) + "`") != std::string::npos);
  }
}

TEST_CASE("the reference names every key and word", "[schema]") {
  const std::string tools = contents(config_folder / ".." / "docs" / "tools.md");
  check_named(tools, test_file_keys);
  check_named(tools, test_keys);
  check_named(tools, sender_keys);
  const std::string text = contents(config_folder / ".." / "docs" / "config.md");
  for (const auto& keys : {std::span<const std::string_view>(root_keys),
                           {listener_keys},
                           {upstream_keys},
                           {user_keys},
                           {user_upstream_keys},
                           {auth_words},
                           {rule_keys},
                           {match_keys},
                           {limits_keys},
                           {log_keys},
                           {policy::statement_class_names},
                           {kind_words},
                           {preset_names},
                           {effect_words},
                           {on_deny_words},
                           {log_format_words},
                           {log_level_words}}) {
    check_named(text, keys);
  }
}

}  // namespace
}  // namespace pgwarden::config
