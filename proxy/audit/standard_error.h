// Where the log goes when it is not read at a terminal.
#pragma once

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

namespace pgwarden::audit {

/// Writes each record to file descriptor 2 at once, and throws spdlog::spdlog_ex when it cannot: spdlog's own
/// sinks for standard error do not look whether anything was written. One thread at a time.
class StandardError final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 private:
  void sink_it_(const spdlog::details::log_msg& record) override;
  void flush_() override {}

  bool cut_ = false;  ///< the last line is only a part of a record
};

}  // namespace pgwarden::audit
