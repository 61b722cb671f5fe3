// The operations log: lines for people on a terminal, JSON Lines for machines.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/audit/quota.h"

namespace spdlog {
class logger;
}

namespace pgwarden::audit {

enum class Level : std::uint8_t { debug, info, warning, error };

/// Writes to standard error. Thread-safe; each record is one line. Of records with the same sentence so many
/// are written a second (Quota), the others counted; so are those that cannot be written, because a disk is
/// full for example.
class Log {
 public:
  explicit Log(const config::Log& settings);

  bool enabled(Level level) const;
  /// One record: a sentence, and what it is about. The sentence is the same for all records of its kind.
  /// `count`: how many events it stands for.
  void write(Level level, std::string_view message, const boost::json::object& fields = {},
             std::uint64_t count = 1) const;
  /// Records what was left out or could not be written. To be called now and then, and at the end.
  void write_left_out() const;

 private:
  bool put(Level level, std::string_view message, const boost::json::object& fields) const;

  std::shared_ptr<spdlog::logger> logger_;
  bool json_ = false;
  mutable std::mutex mutex_;
  mutable Quota quota_;
  mutable std::map<std::string, std::uint64_t> lost_;  ///< how many events of each kind
  mutable bool failed_ = false;                        ///< the record being written
};

}  // namespace pgwarden::audit
