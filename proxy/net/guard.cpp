#include "proxy/net/guard.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "proxy/net/libpq.h"

namespace pgwarden::net {

namespace {

using Result = LibpqResult;

std::string first_line(const char* message) {
  const std::string_view text = message;
  return std::string(text.substr(0, text.find('\n')));
}

using Upstream = std::shared_ptr<const config::Upstream>;

constexpr std::size_t threads = 2;
constexpr std::size_t connections_max = 8;  ///< of one thread
constexpr int connect_seconds_max = 5;
constexpr int direct_tls_since = 17'00'00;  ///< version of libpq
constexpr std::chrono::seconds answer_time_max{5};
/// How long a failure is remembered after its time.
constexpr std::chrono::minutes failure_kept{1};
/// Asked first: who owns the database chooses its search_path, and by it what an operator of the query does
/// with the rights of who asks.
constexpr const char* only_pg_catalog = "SELECT pg_catalog.set_config('search_path', $1, false)";

/// One thing of each host, as libpq's lists have them.
template <typename Of>
std::string listed(const config::Upstream& upstream, Of of) {
  std::string list;
  for (const config::Host& host : upstream.hosts) {
    if (&host != &upstream.hosts.front()) list += ',';
    list += of(host);
  }
  return list;
}

LibpqConnection connect(const config::Upstream& upstream) {
  const config::UpstreamTls& tls = upstream.tls;
  constexpr std::array bindings{"disable", "prefer", "require"};
  const bool has_address = std::any_of(upstream.hosts.begin(), upstream.hosts.end(),
                                       [](const config::Host& host) { return !host.address.empty(); });
  LibpqKeywords keywords{
      {"host", listed(upstream, [](const config::Host& host) { return host.endpoint.host; })},
      {"hostaddr",
       has_address ? listed(upstream, [](const config::Host& host) { return host.address; }) : ""},
      {"port", listed(upstream, [](const config::Host& host) { return std::to_string(host.endpoint.port); })},
      {"user", upstream.user},
      {"password", std::string(upstream.password.view())},
      {"dbname", upstream.database.empty() ? "postgres" : upstream.database},
      {"channel_binding", bindings.at(static_cast<std::size_t>(upstream.channel_binding))},
      // Older ones ask for TLS first, which servers that know the direct way answer, too.
      {"sslnegotiation", tls.direct && PQlibVersion() >= direct_tls_since ? "direct" : ""},
      {"sslsni", tls.sni ? "1" : "0"},
      {"connect_timeout", std::to_string(connect_seconds_max)},
      {"application_name", "pgwarden"}};
  add_tls(keywords, tls);
  LibpqConnection connection = connect_libpq(keywords);
  for (auto& [name, value] : keywords) protocol::wipe(value);
  return connection;
}

/// Waits for the result of what was sent; nullptr when it does not come in time.
Result result(PGconn& connection) {
  const auto deadline = std::chrono::steady_clock::now() + answer_time_max;
  while (PQisBusy(&connection) != 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wanted{PQsocket(&connection), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wanted, 1, static_cast<int>(left.count())) < 0) break;
    if (PQconsumeInput(&connection) == 0) break;
  }
  return {PQisBusy(&connection) != 0 ? nullptr : PQgetResult(&connection), PQclear};
}

/// nullopt when the connection is of no use: it has ended, or does not answer.
std::optional<Guard::Answer> ask(PGconn& connection, const std::string& query, const std::string& parameter) {
  const std::array values{parameter.c_str()};
  if (PQsendQueryParams(&connection, query.c_str(), 1, nullptr, values.data(), nullptr, nullptr, 0) == 0)
    return std::nullopt;
  const Result answer = result(connection);
  if (answer == nullptr) return std::nullopt;
  while (const Result more = result(connection)) {  // up to the end, which may be the connection's
  }
  if (PQstatus(&connection) != CONNECTION_OK) return std::nullopt;
  if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK)
    return Guard::Unanswered{first_line(PQresultErrorMessage(answer.get()))};
  if (PQnfields(answer.get()) != 1 || PQntuples(answer.get()) > 1) {
    return Guard::Unanswered{"the query gave more than one row or column"};
  }
  if (PQntuples(answer.get()) == 0 || PQgetisnull(answer.get(), 0, 0) != 0)
    return std::optional<std::string>();
  return std::optional<std::string>(PQgetvalue(answer.get(), 0, 0));
}

/// The connections of one thread, the one used last at the end.
class Connections {
 public:
  Guard::Answer ask(const Upstream& upstream, const std::string& query, const std::string& parameter) {
    if (LibpqConnection kept = take(upstream)) {
      if (auto answer = net::ask(*kept, query, parameter)) {
        keep(upstream, std::move(kept));
        return std::move(*answer);
      }
    }
    LibpqConnection fresh = connect(*upstream);
    if (PQstatus(fresh.get()) != CONNECTION_OK)
      return Guard::Unanswered{first_line(PQerrorMessage(fresh.get()))};
    auto answer = net::ask(*fresh, only_pg_catalog, "pg_catalog");
    if (answer && !std::holds_alternative<Guard::Unanswered>(*answer)) {
      answer = net::ask(*fresh, query, parameter);
    }
    if (!answer) return Guard::Unanswered{"the server does not answer"};
    keep(upstream, std::move(fresh));
    return std::move(*answer);
  }

 private:
  LibpqConnection take(const Upstream& upstream) {
    const auto found =
        std::find_if(kept_.begin(), kept_.end(), [&](const auto& one) { return one.first == upstream; });
    if (found == kept_.end()) return {nullptr, PQfinish};
    LibpqConnection connection = std::move(found->second);
    kept_.erase(found);
    return connection;
  }

  void keep(const Upstream& upstream, LibpqConnection connection) {
    if (kept_.size() == connections_max) kept_.erase(kept_.begin());
    kept_.emplace_back(upstream, std::move(connection));
  }

  std::vector<std::pair<Upstream, LibpqConnection>> kept_;
};

}  // namespace

Guard::Guard() {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.push_back(std::make_unique<Thread>([this] { context_.run(); }));
  }
}

Guard::~Guard() {
  context_.stop();
  threads_.clear();
}

/// The last answer again while the server is not to be asked. Who finds that time over is the one to try it
/// anew; the others go on without. Else the questions to one server, which cost a client nothing, would keep
/// those to all others waiting.
std::optional<Guard::Answer> Guard::answer_without_asking(const Upstream& upstream) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(upstream);
  if (found == failures_.end()) return std::nullopt;
  Failure& failure = found->second;
  const auto now = Clock::now();
  if (now < failure.until) return failure.answer;
  failure.until = now + 2 * answer_time_max + std::chrono::seconds(connect_seconds_max);
  return std::nullopt;
}

void Guard::note(const Upstream& upstream, const Answer& answer, Clock::time_point asked) {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  failures_.erase(upstream);
  std::erase_if(failures_, [&](const auto& each) { return each.second.until + failure_kept < now; });
  if (const auto* unanswered = std::get_if<Unanswered>(&answer))
    failures_.emplace(upstream, Failure{*unanswered, now + (now - asked)});
}

asio::awaitable<Guard::Answer> Guard::ask(Upstream upstream, std::string query, std::string parameter) {
  auto asked = [this, upstream = std::move(upstream), query = std::move(query),
                parameter = std::move(parameter)]() -> asio::awaitable<std::shared_ptr<Answer>> {
    thread_local Connections connections;
    if (auto known = answer_without_asking(upstream)) co_return std::make_shared<Answer>(std::move(*known));
    const auto begin = Clock::now();
    auto answer = std::make_shared<Answer>(connections.ask(upstream, query, parameter));
    note(upstream, *answer, begin);
    co_return answer;
  };
  const auto answer = co_await asio::co_spawn(context_, std::move(asked), asio::use_awaitable);
  co_return std::move(*answer);
}

}  // namespace pgwarden::net
