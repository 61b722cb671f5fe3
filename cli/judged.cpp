#include "cli/judged.h"

#include <algorithm>
#include <stdexcept>

#include "policy/utf8.h"

namespace pgwarden::cli {

namespace {

/// Where a client that asks for this database goes: the first listener with a route. Throws when there is
/// none.
const config::Listener& route(const config::Config& config, const std::string& database) {
  const auto has_route = [&](const config::Listener& listener) {
    return listener.route(database) != nullptr;
  };
  const auto found = std::find_if(config.listeners.begin(), config.listeners.end(), has_route);
  if (found != config.listeners.end()) return *found;
  throw std::runtime_error("no listener has a route for database \"" + database + "\"");
}

/// The entry of this user; nullptr: none, or `listener` does not log users in.
const config::User* entry(const config::Config& config, const config::Listener* listener,
                          const std::string& name) {
  const bool passes_through = listener != nullptr && listener->auth.mode == config::AuthMode::passthrough;
  const auto found = config.users.find(name);
  return passes_through || found == config.users.end() ? nullptr : &found->second;
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
  if (sender.certificate) who.certificates = {*sender.certificate};
  const config::Listener* const listener =
      sender.host || config.listeners.empty() ? nullptr : &route(config, who.database);
  const config::User* const user = entry(config, listener, who.user);
  if (listener != nullptr) {
    const config::Upstream& upstream = *listener->route(who.database);
    who.host = upstream.hosts.front().endpoint.host;
    if (!upstream.database.empty()) who.database = upstream.database;
    if (user != nullptr && !user->upstream.database.empty()) who.database = user->upstream.database;
  }
  if (sender.host) who.host = *sender.host;
  who.label = sender.label.value_or(user != nullptr ? user->label : "");
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
