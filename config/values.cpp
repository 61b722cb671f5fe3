#include "config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

#include "config/spelling.h"
#include "policy/letters.h"

namespace pgwarden::config {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};
constexpr auto size_units = std::to_array<Unit>({{"", 1},
                                                 {"KiB", 1u << 10},
                                                 {"kB", 1u << 10},
                                                 {"MiB", 1u << 20},
                                                 {"MB", 1u << 20},
                                                 {"GiB", 1u << 30},
                                                 {"GB", 1u << 30}});
constexpr auto time_units = std::to_array<Unit>({{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}});

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_boolean_word(std::string_view text) {
  constexpr auto words =
      std::to_array<std::string_view>({"true", "false", "yes", "no", "on", "off", "y", "n"});
  return std::find(words.begin(), words.end(), policy::lower(text)) != words.end();
}

/// A whole number and one of the units; nullopt when it is not that or too large for any use.
std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units) {
  constexpr std::uint64_t number_max = 1'000'000'000'000;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > number_max) return std::nullopt;
  const std::string_view name(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  if (unit == units.end()) return std::nullopt;
  return number * unit->factor;
}

/// In the largest unit that divides it.
std::string in_units(std::uint64_t number, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (unit.factor > best->factor && number > 0 && number % unit.factor == 0) best = &unit;
  }
  return std::to_string(number / best->factor) + std::string(best->name);
}

std::string range(std::uint64_t least, std::uint64_t most, std::span<const Unit> units) {
  if (least == most) return in_units(least, units);
  return "from " + in_units(least, units) + " to " + in_units(most, units);
}

}  // namespace

void Value::refuse(std::string message, std::string hint) const {
  problems_->add(node_->at, std::move(message), std::move(hint));
}

bool Value::is(YamlNode::Kind kind, std::string_view expected) const {
  if (node_->kind == kind) return true;
  constexpr std::array<std::string_view, 4> names{"nothing", "a single value", "a list", "a map"};
  refuse(in_quotes(name_) + " must be " + std::string(expected) + ", not " +
         std::string(names[static_cast<std::size_t>(node_->kind)]));
  return false;
}

std::optional<std::string> Value::scalar(std::string_view expected) const {
  if (!is(YamlNode::Kind::scalar, expected)) return std::nullopt;
  return node_->text;
}

std::optional<std::string> Value::text() const {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  auto text = scalar("a text");
  if (!text) return std::nullopt;
  if (text->empty()) {
    refuse(in_quotes(name_) + " is empty");
    return std::nullopt;
  }
  if (std::any_of(text->begin(), text->end(), is_control)) {
    refuse(in_quotes(name_) + " has control characters or several lines");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> Value::path() const {
  const auto written = text();
  if (!written) return std::nullopt;
  return (std::filesystem::path(problems_->file()).parent_path() / *written).string();
}

std::optional<std::string> Value::prose() const {
  const auto is_control = [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F;
  };
  auto text = scalar("a text");
  if (!text) return std::nullopt;
  if (std::any_of(text->begin(), text->end(), is_control)) {
    refuse(in_quotes(name_) + " has control characters");
    return std::nullopt;
  }
  text->erase(text->find_last_not_of(" \n") + 1);
  return text;
}

std::optional<std::size_t> Value::word(std::string_view what, std::span<const std::string_view> words) const {
  const auto text = scalar("a word");
  if (!text) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  if (!node_->quoted && is_boolean_word(*text)) {
    refuse(in_quotes(*text) + " is a boolean in YAML, but " + in_quotes(name_) + " takes a word",
           suggestion("", words));
  } else {
    refuse("unknown " + std::string(what) + " " + in_quotes(*text), suggestion(*text, words));
  }
  return std::nullopt;
}

std::optional<bool> Value::flag() const {
  const auto text = scalar("true or false");
  if (!text) return std::nullopt;
  if (*text == "true" && !node_->quoted) return true;
  if (*text == "false" && !node_->quoted) return false;
  refuse(in_quotes(name_) + " must be true or false, not " + in_quotes(*text));
  return std::nullopt;
}

std::optional<std::uint32_t> Value::number(std::uint32_t least, std::uint32_t most) const {
  constexpr auto plain = std::to_array<Unit>({{"", 1}});
  const auto text = scalar("a number");
  if (!text) return std::nullopt;
  const auto number = with_unit(*text, plain);
  if (number && *number >= least && *number <= most) return static_cast<std::uint32_t>(*number);
  refuse(in_quotes(name_) + " must be " + range(least, most, plain) + ", not " + in_quotes(*text));
  return std::nullopt;
}

std::optional<std::uint32_t> Value::bytes(std::uint32_t least, std::uint32_t most) const {
  const auto text = scalar("a size");
  if (!text) return std::nullopt;
  const auto size = with_unit(*text, size_units);
  if (!size) {
    refuse(in_quotes(*text) + " is not a size", "bytes, or a number with its unit: 64KiB, 16MiB, 1GiB");
  } else if (*size < least || *size > most) {
    refuse(in_quotes(name_) + " must be " + range(least, most, size_units) + ", not " + in_quotes(*text));
  } else {
    return static_cast<std::uint32_t>(*size);
  }
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> Value::duration(std::chrono::milliseconds least,
                                                         std::chrono::milliseconds most) const {
  const auto text = scalar("a time");
  if (!text) return std::nullopt;
  const auto time = with_unit(*text, time_units);
  const auto lowest = static_cast<std::uint64_t>(least.count());
  const auto highest = static_cast<std::uint64_t>(most.count());
  if (!time) {
    refuse(in_quotes(*text) + " is not a time", "a number with its unit: 500ms, 30s, 2min, 1h");
  } else if (*time < lowest || *time > highest) {
    refuse(in_quotes(name_) + " must be " + range(lowest, highest, time_units) + ", not " + in_quotes(*text));
  } else {
    return std::chrono::milliseconds(static_cast<std::int64_t>(*time));
  }
  return std::nullopt;
}

std::optional<policy::Network> Value::network() const {
  const auto written = text();
  if (!written) return std::nullopt;
  auto network = policy::parse_network(*written);
  if (!network) {
    const auto meant = policy::without_host_bits(*written);
    refuse(in_quotes(*written) + " is not a network",
           meant ? "did you mean " + in_quotes(*meant) + "?"
                 : "for example 10.0.0.0/8, 2001:db8::/32, ::1 or unix");
  }
  return network;
}

std::vector<Value> Value::items() const {
  std::vector<Value> items;
  if (node_->kind == YamlNode::Kind::scalar) {
    refuse(in_quotes(name_) + " must be a list, not a single value", "write [" + node_->text + "]");
    return items;
  }
  if (!is(YamlNode::Kind::list, "a list")) return items;
  for (const YamlNode& item : node_->items) items.emplace_back(item, name_, *problems_);
  return items;
}

Fields Value::fields(std::span<const std::string_view> keys) const {
  if (is(YamlNode::Kind::map, "a map of keys")) {
    for (const YamlEntry& entry : node_->entries) {
      if (std::find(keys.begin(), keys.end(), entry.key) == keys.end()) {
        problems_->add(entry.at, "unknown key " + in_quotes(entry.key), suggestion(entry.key, keys));
      } else if (entry.value.kind == YamlNode::Kind::null) {
        problems_->add(entry.at, in_quotes(entry.key) + " has no value",
                       "give it a value or leave the key out");
      }
    }
  }
  return {*node_, *problems_};
}

std::vector<Value> Value::entries() const {
  std::vector<Value> entries;
  if (!is(YamlNode::Kind::map, "a map of names")) return entries;
  for (const YamlEntry& entry : node_->entries) entries.emplace_back(entry.value, entry.key, *problems_);
  return entries;
}

std::optional<Value> Fields::find(std::string_view key) const {
  for (const YamlEntry& entry : map_->entries) {
    if (entry.key == key && entry.value.kind != YamlNode::Kind::null)
      return Value(entry.value, entry.key, *problems_);
  }
  return std::nullopt;
}

std::optional<Value> Fields::required(std::string_view key) const {
  // A key without a value, or that was misspelt, has its problem already.
  const auto is_meant = [&](const YamlEntry& entry) { return !nearest(entry.key, std::array{key}).empty(); };
  auto value = find(key);
  if (!value && map_->kind == YamlNode::Kind::map &&
      std::none_of(map_->entries.begin(), map_->entries.end(), is_meant)) {
    problems_->add(map_->at, "missing key " + in_quotes(key));
  }
  return value;
}

}  // namespace pgwarden::config
