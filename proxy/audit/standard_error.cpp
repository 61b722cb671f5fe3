#include "proxy/audit/standard_error.h"

#include <unistd.h>

#include <cerrno>

namespace pgwarden::audit {

void StandardError::sink_it_(const spdlog::details::log_msg& record) {
  spdlog::memory_buf_t line;
  if (cut_) line.push_back('\n');
  formatter_->format(record, line);
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t size = ::write(STDERR_FILENO, line.data() + written, line.size() - written);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      if (written > 0) cut_ = line[written - 1] != '\n';
      spdlog::throw_spdlog_ex("cannot write to standard error", errno);
    }
    written += static_cast<std::size_t>(size);
  }
  cut_ = false;
}

}  // namespace pgwarden::audit
