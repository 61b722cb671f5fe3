#include "cli/doctor/upstreams.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <stdexcept>
#include <utility>

#include "cli/doctor/listeners.h"
#include "cli/doctor/login.h"
#include "cli/doctor/probe.h"
#include "config/endpoint.h"
#include "config/keys.h"
#include "policy/grammar_version.h"

namespace pgwarden::cli::doctor {

namespace {

using config::SslMode;

/// What to do about an error of the proxy's own connecting, which is in words of libpq and OpenSSL.
std::string advice_for(const std::string& failure) {
  constexpr auto advices = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"refused", "is the server running, and does it listen on this address (listen_addresses)?"},
      {"timeout", "is the address right, and does a firewall let pgwarden through?"},
      {"Host not found", "check the name, and the resolver of this machine"},
      {"No such file", "check the directory of the socket, and the port"},
      {"does not support SSL", "turn on ssl on the server, or weaken sslmode"},
      {"expired", "renew the server's certificate"},
      {"mismatch", "use a host that the server's certificate names, or sslmode=verify-ca"},
      {"self-signed", "let sslrootcert name the authority that signed the server's certificate"},
      {"unable to get", "let sslrootcert name the authority that signed the server's certificate"},
      {"ALPN", "sslnegotiation=direct needs PostgreSQL 17 or later"},
      {"protocol",
       "the server's TLS version is outside ssl_min_protocol_version and ssl_max_protocol_version"},
  });
  const auto* const found = std::find_if(advices.begin(), advices.end(), [&](const auto& advice) {
    return failure.find(advice.first) != std::string::npos;
  });
  return found == advices.end() ? "clients would get this error" : std::string(found->second);
}

/// What the checks of one host share.
struct Case {
  Report& report;
  const config::Config& config;
  const config::Listener& listener;
  const config::Upstream& upstream;
  const config::Host& host;
  Credentials login;

  bool local() const { return is_local(host.endpoint); }
  bool protects() const { return config.policy->protects(host.endpoint.host); }
};

void check_protection(const Case& the) {
  if (the.protects()) {
    the.report.ok("protected, with the preset \"" + the.config.policy->preset + "\"");
  } else {
    the.report.warning("not protected: what would be denied is only logged", "add it to \"protect\"");
  }
}

void check_tls(const Case& the, const Probe& probe) {
  const SslMode mode = the.upstream.tls.mode;
  const std::string word(config::sslmode_words[static_cast<std::size_t>(mode)]);
  if (the.host.endpoint.is_unix()) return;
  if (probe.tls.empty()) {
    if (the.local()) {
      the.report.ok("without TLS, on this machine");
    } else {
      the.report.warning("without TLS (sslmode=" + word + ")",
                         "turn on ssl on the server, and use sslmode=verify-full");
    }
  } else {
    the.report.ok("TLS: " + probe.tls);
    if (mode < SslMode::verify_full && !the.local()) {
      the.report.warning("sslmode=" + word + " does not make sure that it is this server",
                         "use sslmode=verify-full with sslrootcert");
    }
    if (probe.certificate) {
      check_validity(the.report, *probe.certificate, "the server's certificate",
                     probe.verified ? Level::problem : Level::warning);
    }
  }
  if (the.listener.tls.mode >= SslMode::require && mode < SslMode::require && !the.local()) {
    the.report.warning("clients have to use TLS, but sslmode=" + word + " lets it go on in clear",
                       "use sslmode=require or above");
  }
}

std::string advice_for_error(const Answer& answer) {
  if (answer.sqlstate == "28000")
    return "the server's pg_hba.conf has to let pgwarden's address in: all clients come from there";
  if (answer.sqlstate == "3D000") return "check the database in the URL";
  if (answer.sqlstate == "57P03") return "the server starts, stops or recovers";
  if (answer.sqlstate == "53300") return "raise max_connections, or use a pooler";
  return "clients would get this error";
}

void check_scram(const Case& the, const Probe& probe) {
  const auto& offered = probe.answer.mechanisms;
  const bool binds = std::find(offered.begin(), offered.end(), "SCRAM-SHA-256-PLUS") != offered.end();
  the.report.ok(binds ? "users log in by SCRAM-SHA-256, with channel binding"
                      : "users log in by SCRAM-SHA-256");
  const bool relayed = the.listener.auth.mode == config::AuthMode::passthrough;
  if (!binds || !relayed || the.listener.tls.mode == SslMode::disable) return;
  const bool clear_too = the.listener.tls.mode < SslMode::require;
  the.report.problem(
      "clients that use TLS and bind the channel (libpq, pgjdbc) cannot log in: there are two TLS "
      "connections",
      std::string("let them use channel_binding=disable, ") +
          (clear_too ? "or sslmode=disable up to pgwarden, " : "") +
          "or let pgwarden log them in itself (\"auth: managed\" or \"auth: key_passthrough\")");
}

void check_answer(const Case& the, const Probe& probe) {
  using Kind = Answer::Kind;
  const bool network_in_clear = probe.tls.empty() && !the.local();
  const bool client_in_clear = the.listener.tls.mode < SslMode::require && !is_local(the.listener.listen);
  switch (probe.answer.kind) {
    case Kind::none:
      the.report.ok("how users log in has not been asked: no user is named (--user)");
      break;
    case Kind::error:
      the.report.problem("it answers: " + probe.answer.message, advice_for_error(probe.answer));
      break;
    case Kind::accepted:
      the.report.warning("lets \"" + the.login.user +
                             "\" in without a password from this machine (trust, peer or a certificate)",
                         "whoever reaches pgwarden is let in, too: ask for scram-sha-256 in pg_hba.conf");
      break;
    case Kind::password:
      the.report.ok("users log in by password, in clear");
      if (network_in_clear || client_in_clear) {
        the.report.problem(std::string("passwords pass in clear over the network ") +
                               (network_in_clear ? "to the server" : "to pgwarden"),
                           "use scram-sha-256 on the server, or TLS");
      }
      break;
    case Kind::md5:
      the.report.warning("users log in by md5, which is broken", "use scram-sha-256 on the server");
      break;
    case Kind::gss:
    case Kind::sspi:
      the.report.problem(
          "users log in by GSSAPI or SSPI: a client's ticket for pgwarden is none for the server",
          "use scram-sha-256 for connections from pgwarden");
      break;
    case Kind::sasl:
      check_scram(the, probe);
      break;
    case Kind::other:
      the.report.problem("it asks for a login that is not known here", "use scram-sha-256 on the server");
  }
}

void check_version(const Case& the, const std::string& version) {
  const auto major = [](std::string_view text) {
    int number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  };
  if (version.empty()) return;
  const std::string grammar(policy::grammar_version());
  the.report.ok("PostgreSQL " + version);
  if (major(version) > major(grammar)) {
    the.report.warning("statements are read with the grammar of PostgreSQL " + grammar,
                       "new syntax of this server is denied as unanalysable where it is protected");
  }
}

/// A copy for one host alone, with its TLS; nullopt when that is not to be had.
std::optional<net::Target> target_of(const Case& the) {
  auto alone = std::make_shared<config::Config>();
  config::Listener& listener = alone->listeners.emplace_back();
  listener.listen = the.listener.listen;
  listener.upstream = the.upstream;
  listener.upstream->hosts = {the.host};
  try {
    const net::TlsContexts contexts(*alone);
    const std::shared_ptr<const config::Upstream> upstream(alone, &*listener.upstream);
    return net::Target{upstream, contexts.upstream(*upstream)};
  } catch (const std::runtime_error& error) {
    the.report.problem(error.what(), "pgwarden would not start");
    return std::nullopt;
  }
}

void check_host(const Case& the) {
  the.report.begin("upstream " + config::to_string(the.host.endpoint));
  check_protection(the);
  const auto target = target_of(the);
  if (!target) return;
  const auto time_max = the.config.limits.upstream_connect_timeout;
  std::string name_failure;
  const auto probes = probe(*target, the.login.user, the.login.database, time_max, name_failure);
  if (probes.empty()) the.report.problem(name_failure, advice_for(name_failure));
  const auto reached =
      std::find_if(probes.begin(), probes.end(), [](const Probe& one) { return one.failure.empty(); });
  for (const Probe& one : probes) {
    if (one.failure.empty()) continue;
    const std::string text = "cannot connect to " + one.address + ": " + one.failure;
    if (reached == probes.end()) {
      the.report.problem(text, advice_for(one.failure));
    } else {
      the.report.warning(text, "another address of this host answers, after some time perhaps");
    }
  }
  if (reached == probes.end()) return;
  the.report.ok("can be connected to at " + reached->address);
  check_tls(the, *reached);
  check_answer(the, *reached);
  std::string version = reached->answer.server_version;
  const bool has_password = !the.login.password.empty() && reached->answer.kind != Answer::Kind::error;
  if (has_password || reached->answer.kind == Answer::Kind::accepted) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time_max);
    const std::string found = check_login(the.report, the.host, the.upstream.tls, the.login, seconds);
    if (!found.empty()) version = found;
  }
  check_version(the, version);
}

}  // namespace

void check_upstream(Report& report, const config::Config& config, const config::Listener& listener,
                    const config::Upstream& upstream, const std::string& user, const std::string& database) {
  Credentials login{user.empty() ? upstream.user : user, "", upstream.database};
  if (login.user == upstream.user) login.password = std::string(upstream.password.view());
  if (login.database.empty()) login.database = database.empty() ? login.user : database;
  for (const config::Host& host : upstream.hosts) {
    check_host({report, config, listener, upstream, host, login});
  }
}

}  // namespace pgwarden::cli::doctor
