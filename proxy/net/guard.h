// Questions of pgwarden's own to servers, over connections that no session shares (D13).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "proxy/net/thread.h"

namespace pgwarden::net {

namespace asio = boost::asio;

/// Asks through libpq, which blocks, on a few threads of its own. Each thread keeps its connections: one for
/// each server that it was asked about last.
class Guard {
 public:
  /// There was no answer to be had; the text says why, without any secret.
  struct Unanswered {
    std::string why;
  };
  /// The only column of the only row; nullopt when there is no row, or it is NULL.
  using Answer = std::variant<std::optional<std::string>, Unanswered>;

  Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  /// Ends with the question under way.
  ~Guard();

  /// Runs `query`, whose $1 is `parameter`, as the user of the upstream's URL, in its database or else in
  /// "postgres". Takes at most a few seconds longer than there are questions in front. A server that has kept
  /// a question waiting in vain gets no other for as long. Any thread.
  asio::awaitable<Answer> ask(std::shared_ptr<const config::Upstream> upstream, std::string query,
                              std::string parameter);

 private:
  using Upstream = std::shared_ptr<const config::Upstream>;
  using Clock = std::chrono::steady_clock;
  struct Failure {
    Unanswered answer;
    Clock::time_point until;
  };

  std::optional<Answer> answer_without_asking(const Upstream& upstream);
  void note(const Upstream& upstream, const Answer& answer, Clock::time_point asked);

  std::mutex mutex_;
  std::map<Upstream, Failure> failures_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace pgwarden::net
