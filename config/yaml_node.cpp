#include "config/yaml_node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <unordered_map>
#include <utility>

#include "policy/utf8.h"

namespace pgwarden::config {

namespace {

Position position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

/// Builds the tree from yaml-cpp's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  YamlNode take() { return std::move(root_); }
  bool has_one_document() const { return documents_ <= 1; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) problems_.add(position_of(mark), "a second YAML document in the same file");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    open(YamlNode::Kind::null, mark, anchor);
    close();
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    open(YamlNode::Kind::null, mark, anchor);
    close();
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode& node = open(YamlNode::Kind::scalar, mark, anchor);
    node.text = value;
    node.quoted = tag == "!";
    const bool explicit_tag = tag != "!" && tag != "?" && !tag.empty();
    if (explicit_tag) problems_.add(node.at, "YAML tags are not supported", "leave the tag out");
    close();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map that is not complete, and the key whose value comes next.
  struct Level {
    YamlNode node;
    std::optional<YamlEntry> pending;
    std::unordered_map<std::string, int> key_lines;
  };

  YamlNode& open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    Level& level = levels_.emplace_back();
    level.node.kind = kind;
    level.node.at = position_of(mark);
    if (anchor != YAML::NullAnchor) {
      problems_.add(level.node.at, "YAML anchors and aliases are not supported", "write the value out");
    }
    return level.node;
  }

  void close() {
    YamlNode node = std::move(levels_.back().node);
    levels_.pop_back();
    if (levels_.empty()) {
      if (documents_ <= 1) root_ = std::move(node);
      return;
    }
    Level& parent = levels_.back();
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.pending) {
      begin_entry(parent, std::move(node));
    } else {
      end_entry(parent, std::move(node));
    }
  }

  void begin_entry(Level& parent, YamlNode key) {
    if (key.kind != YamlNode::Kind::scalar) problems_.add(key.at, "a key must be a word");
    parent.pending = YamlEntry{std::move(key.text), key.at, {}};
  }

  void end_entry(Level& parent, YamlNode value) {
    YamlEntry entry = *std::exchange(parent.pending, std::nullopt);
    // yaml-cpp places an absent value at whatever follows it.
    if (value.kind == YamlNode::Kind::null) value.at = entry.at;
    entry.value = std::move(value);
    const auto [first, is_new] = parent.key_lines.try_emplace(entry.key, entry.at.line);
    if (!is_new) {
      problems_.add(entry.at, "duplicate key \"" + entry.key + "\"",
                    "it is already set on line " + std::to_string(first->second));
      return;
    }
    parent.node.entries.push_back(std::move(entry));
  }

  Problems& problems_;
  YamlNode root_;
  std::vector<Level> levels_;
  int documents_ = 0;
};

/// yaml-cpp takes some bytes for the end of the file (what follows would silently be left out) and does not
/// come to an end with others: only text reaches it.
bool check_is_text(std::string_view text, Problems& problems) {
  Position at{1, 1};
  while (!text.empty()) {
    const auto character = policy::utf8_character(text);
    const bool is_space = character.code == '\n' || character.code == '\r' || character.code == '\t';
    if (character.bytes == 0 || (character.code < 0x20 && !is_space) || character.code == 0x7F) {
      problems.add(at, character.bytes == 0 ? "not UTF-8 text" : "a control character");
      return false;
    }
    at.column += static_cast<int>(character.bytes);
    if (character.code == '\n') at = {at.line + 1, 1};
    text.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, Problems& problems) {
  if (!check_is_text(text, problems)) return std::nullopt;
  std::istringstream stream{std::string(text)};
  TreeBuilder builder(problems);
  try {
    YAML::Parser parser(stream);
    // Of some broken texts (", a: {") yaml-cpp makes documents without end.
    while (builder.has_one_document() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    problems.add(position_of(error.mark), "not valid YAML: " + error.msg);
    return std::nullopt;
  }
  return builder.take();
}

}  // namespace pgwarden::config
