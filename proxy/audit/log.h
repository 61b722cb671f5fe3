// The operations log: lines for people on a terminal, JSON Lines for machines.
#pragma once

#include <boost/json/object.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "config/config.h"

namespace spdlog {
class logger;
}

namespace pgwarden::audit {

enum class Level : std::uint8_t { debug, info, warning, error };

/// Writes to standard error. Thread-safe; each record is one line.
class Log {
 public:
  explicit Log(const config::Log& settings);

  bool enabled(Level level) const;
  /// One record: a sentence, and what it is about. The sentence is the same for all records of its kind.
  void write(Level level, std::string_view message, const boost::json::object& fields = {}) const;

 private:
  std::shared_ptr<spdlog::logger> logger_;
  bool json_ = false;
};

}  // namespace pgwarden::audit
