#include "cli/judged.h"

#include <stdexcept>

#include "policy/utf8.h"

namespace pgwarden::cli {

namespace {

const config::Upstream* route(const config::Config& config, const std::string& database) {
  for (const config::Listener& listener : config.listeners) {
    if (const config::Upstream* upstream = listener.route(database)) return upstream;
  }
  return nullptr;
}

void check_is_text(std::string_view sql) {
  while (!sql.empty()) {
    const std::size_t bytes = sql.front() == '\0' ? 0 : policy::utf8_character(sql).bytes;
    if (bytes == 0) throw std::runtime_error("the statement is not UTF-8 text");
    sql.remove_prefix(bytes);
  }
}

}  // namespace

policy::Principal principal(const config::Sender& sender, const config::Config& config) {
  policy::Principal who;
  who.user = sender.user.value_or("");
  who.database = sender.database.value_or(who.user);
  who.application_name = sender.application.value_or("");
  who.client = sender.client.value_or("127.0.0.1");
  if (who.client != "unix") {
    const auto address = policy::parse_address(who.client);
    if (!address) throw std::runtime_error("\"" + who.client + "\" is neither an IP address nor unix");
    who.address = *address;
  }
  if (sender.host) {
    who.host = *sender.host;
  } else if (!config.listeners.empty()) {
    const config::Upstream* upstream = route(config, who.database);
    if (upstream == nullptr) {
      throw std::runtime_error("no listener has a route for database \"" + who.database + "\"");
    }
    who.host = upstream->hosts.front().endpoint.host;
    if (!upstream->database.empty()) who.database = upstream->database;
  }
  return who;
}

Judged judge(const policy::Policy& policy, const policy::Principal& who, std::string_view sql) {
  check_is_text(sql);
  Judged judged;
  judged.reading = policy::read_statements(
      sql, policy::LexerSettings{.standard_conforming_strings = true, .temporary_first = true});
  judged.verdict = policy::decide(policy, who, judged.reading);
  judged.protected_host = policy.protects(who.host);
  return judged;
}

std::optional<session::Refusal> refusal_of(const Judged& judged, const std::string& host) {
  if (judged.verdict.finding == nullptr) return std::nullopt;
  return session::refusal_of(*judged.verdict.finding, judged.verdict.effect, host, "------");
}

}  // namespace pgwarden::cli
