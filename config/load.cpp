#include "config/load.h"

#include <utility>

#include "config/keys.h"
#include "config/listeners.h"
#include "config/presets.h"
#include "config/rules.h"
#include "config/text_file.h"
#include "config/users.h"
#include "config/values.h"
#include "policy/network.h"

namespace pgwarden::config {

namespace {

using std::chrono::milliseconds;

constexpr std::string_view default_preset = "guarded";
constexpr std::uint32_t statement_bytes_least = 1u << 10;
constexpr std::uint32_t statement_bytes_most = 1u << 30;  // PostgreSQL takes no larger message
constexpr std::uint64_t memory_most = std::uint64_t{1} << 50;
constexpr std::uint32_t connections_most = 1'000'000;
constexpr milliseconds time_none{0};
constexpr milliseconds time_least{1};
constexpr milliseconds time_most{24 * 3'600'000};
constexpr std::uint32_t workers_most = 1024;

/// Puts `value` into `target` when there is one.
template <typename T>
void assign(T& target, std::optional<T> value) {
  if (value) target = std::move(*value);
}

policy::Protect read_protect(const Value& list) {
  policy::Protect protect;
  for (const Value& item : list.items()) {
    auto text = item.text();
    if (!text) continue;
    if (const auto network = policy::parse_network(*text)) {
      protect.networks.push_back(*network);
    } else if (text->find('/') != std::string::npos && !text->starts_with('/')) {
      const auto meant = policy::without_host_bits(*text);
      item.refuse("\"" + *text + "\" is neither a network nor a host pattern",
                  meant ? "did you mean \"" + *meant + "\"?"
                        : "for example db.example.com, *.prod.example.com or 10.0.0.0/8");
    } else {
      protect.hosts.push_back(std::move(*text));
    }
  }
  return protect;
}

Limits read_limits(const Value& value) {
  const Fields fields = value.fields(limits_keys);
  Limits limits;
  if (const auto size = fields.find("max_statement_bytes")) {
    const auto bytes = size->bytes(statement_bytes_least, statement_bytes_most);
    if (bytes) limits.max_statement_bytes = static_cast<std::uint32_t>(*bytes);
  }
  if (const auto size = fields.find("max_memory")) assign(limits.max_memory, size->bytes(0, memory_most));
  const auto read_number = [&](std::string_view key, std::uint32_t& number, std::uint32_t least) {
    if (const auto field = fields.find(key)) assign(number, field->number(least, connections_most));
  };
  read_number("max_connections", limits.max_connections, 1);
  read_number("max_connections_per_user", limits.max_connections_per_user, 0);
  read_number("max_connections_per_address", limits.max_connections_per_address, 0);
  read_number("max_failed_logins", limits.max_failed_logins, 0);
  const auto read_time = [&](std::string_view key, milliseconds& time, milliseconds least) {
    if (const auto field = fields.find(key)) assign(time, field->duration(least, time_most));
  };
  read_time("login_timeout", limits.login_timeout, time_least);
  read_time("idle_timeout", limits.idle_timeout, time_none);
  read_time("idle_in_transaction_timeout", limits.idle_in_transaction_timeout, time_none);
  read_time("write_timeout", limits.write_timeout, time_none);
  read_time("drain_timeout", limits.drain_timeout, time_none);
  read_time("upstream_connect_timeout", limits.upstream_connect_timeout, time_least);
  return limits;
}

Log read_log(const Value& value) {
  const Fields fields = value.fields(log_keys);
  Log log;
  if (const auto format = fields.find("format")) {
    if (const auto index = format->word("log format", log_format_words)) {
      log.format = static_cast<LogFormat>(*index);
    }
  }
  if (const auto level = fields.find("level")) {
    if (const auto index = level->word("log level", log_level_words)) log.level = log_level_words[*index];
  }
  if (const auto flag = fields.find("log_literals")) assign(log.log_literals, flag->flag());
  return log;
}

/// The file's own rules, then those of the preset.
policy::Policy read_policy(const Fields& fields, std::vector<Diagnostic>& of_preset) {
  policy::Policy policy;
  policy.protect.hosts = {"*"};
  if (const auto protect = fields.find("protect")) policy.protect = read_protect(*protect);
  std::string_view preset = default_preset;
  if (const auto name = fields.find("preset")) {
    if (const auto index = name->word("preset", preset_names)) preset = preset_names[*index];
  }
  if (const auto rules = fields.find("rules")) policy.rules = read_rules(*rules);
  add_preset(preset, policy, of_preset);
  if (const auto flag = fields.find("server_read_only")) assign(policy.server_read_only, flag->flag());
  return policy;
}

/// What is wrong in other files goes to `elsewhere`.
Config read_config(const Value& root, std::vector<Diagnostic>& elsewhere) {
  const Fields fields = root.fields(root_keys);
  Config config;
  if (const auto version = fields.find("version")) version->number(1, 1);
  const auto listeners = fields.required("listeners");
  if (listeners) config.listeners = read_listeners(*listeners);
  config.users = read_users(fields, elsewhere);
  // Of users that could not be read nothing more is said.
  if (root.problems().count() == 0 && elsewhere.empty()) check_logins(*listeners, config);
  if (const auto limits = fields.find("limits")) config.limits = read_limits(*limits);
  if (const auto log = fields.find("log")) config.log = read_log(*log);
  if (const auto workers = fields.find("workers")) assign(config.workers, workers->number(0, workers_most));
  if (const auto flag = fields.find("io_uring")) assign(config.io_uring, flag->flag());
  config.policy = std::make_shared<policy::Policy>(read_policy(fields, elsewhere));
  return config;
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& file_name) {
  Loaded loaded;
  Problems problems(file_name, text);
  std::vector<Diagnostic> elsewhere;
  if (const auto root = parse_yaml(text, problems)) {
    if (root->kind == YamlNode::Kind::null) {
      problems.add({}, "the file is empty", "it needs at least \"listeners\"");
    } else {
      loaded.config = read_config(Value(*root, "configuration", problems), elsewhere);
    }
  }
  loaded.diagnostics = problems.take();
  loaded.diagnostics.insert(loaded.diagnostics.end(), elsewhere.begin(), elsewhere.end());
  if (!loaded.diagnostics.empty()) loaded.config.reset();
  return loaded;
}

Loaded load_file(const std::string& path) {
  auto text = read_text_file(path);
  if (!text.value) return {std::nullopt, {Diagnostic{path, 0, 0, text.error, "", ""}}};
  Loaded loaded = load_text(*text.value, path);
  protocol::wipe(*text.value);
  return loaded;
}

}  // namespace pgwarden::config
