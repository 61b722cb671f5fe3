#include "proxy/audit/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "policy/utf8.h"
#include "proxy/audit/standard_error.h"

namespace pgwarden::audit {

namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

bool is_plain(std::string_view text) {
  const auto special = [](unsigned char c) {
    return c <= ' ' || c == 0x7f || c == '"' || c == '=' || c == '\\';
  };
  return !text.empty() && std::none_of(text.begin(), text.end(), special);
}

/// JSON is UTF-8; names and statements come in any encoding.
std::string as_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t bytes = policy::utf8_character(text).bytes;
    result.append(bytes > 0 ? text.substr(0, bytes) : "\uFFFD");
    text.remove_prefix(std::max<std::size_t>(bytes, 1));
  }
  return result;
}

boost::json::value as_utf8(const boost::json::value& value) {
  if (value.is_string()) return boost::json::value(as_utf8(std::string_view(value.get_string())));
  if (!value.is_array()) return value;
  boost::json::array array;
  for (const boost::json::value& element : value.get_array()) array.push_back(as_utf8(element));
  return array;
}

/// `key=value`, with quotes where the value would not read as one word.
std::string as_text(std::string_view message, const boost::json::object& fields) {
  std::string line(message);
  for (const auto& [key, raw] : fields) {
    const boost::json::value value = as_utf8(raw);
    line.append("  ").append(key).append("=");
    if (value.is_string() && is_plain(value.get_string())) {
      line.append(value.get_string());
    } else {
      line.append(boost::json::serialize(value));  // a quoted string, a list or a number
    }
  }
  return line;
}

/// The record without its opening brace: spdlog's pattern puts time and level in front.
std::string as_json(std::string_view message, const boost::json::object& fields) {
  boost::json::object record{{"message", message}};
  for (const auto& [key, value] : fields) record[key] = as_utf8(value);
  return boost::json::serialize(record).substr(1);
}

bool is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool wants_json(config::LogFormat format) {
  return format == config::LogFormat::automatic ? !is_terminal() : format == config::LogFormat::json;
}

}  // namespace

Log::Log(const config::Log& settings) : json_(wants_json(settings.format)) {
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (is_terminal() && !json_) {
    sink = std::make_shared<spdlog::sinks::stderr_color_sink_st>();
  } else {
    sink = std::make_shared<StandardError>();
  }
  logger_ = std::make_shared<spdlog::logger>("pgwarden", std::move(sink));
  if (json_) {
    logger_->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)",
                         spdlog::pattern_time_type::utc);
  } else {
    logger_->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%-7l%$ %v");
  }
  logger_->set_level(spdlog::level::from_str(settings.level));
  logger_->flush_on(spdlog::level::debug);
  logger_->set_error_handler([this](const std::string&) { failed_ = true; });
}

bool Log::enabled(Level level) const { return logger_->should_log(spdlog_level(level)); }

void Log::write(Level level, std::string_view message, const boost::json::object& fields,
                std::uint64_t count) const {
  if (!enabled(level)) return;
  const std::lock_guard lock(mutex_);
  if (level != Level::debug && !quota_.admits(message, count, Quota::Clock::now())) return;
  if (!put(level, message, fields)) lost_[std::string(message)] += count;
}

void Log::write_left_out() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [kind, count] : quota_.take()) {
    if (!put(Level::warning, "records left out: too many a second", {{"of", kind}, {"count", count}}))
      lost_[kind] += count;
  }
  for (const auto& [kind, count] : std::exchange(lost_, {})) {
    if (!put(Level::error, "records lost: the log could not be written", {{"of", kind}, {"count", count}}))
      lost_[kind] += count;
  }
}

/// False when it could not be written. With mutex_ locked.
bool Log::put(Level level, std::string_view message, const boost::json::object& fields) const {
  failed_ = false;
  logger_->log(spdlog_level(level), "{}", json_ ? as_json(message, fields) : as_text(message, fields));
  return !failed_;
}

}  // namespace pgwarden::audit
