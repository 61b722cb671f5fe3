#include "cli/doctor/login.h"

#include <poll.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "proxy/net/libpq.h"

namespace pgwarden::cli::doctor {

namespace {

using Connection = net::LibpqConnection;
using Result = net::LibpqResult;

/// A row of texts about the role; an empty text is nothing to speak of.
constexpr const char* role_query = R"(
SELECT CASE WHEN rolsuper THEN 'superuser' END,
       concat_ws(', ', CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END,
                       CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolbypassrls THEN 'BYPASSRLS' END),
       (SELECT pg_catalog.string_agg(member.rolname, ', ') FROM pg_catalog.pg_roles member
        WHERE member.rolname IN ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files',
                                 'pg_write_all_data', 'pg_signal_backend', 'pg_maintain', 'pg_create_subscription')
          AND pg_catalog.pg_has_role(member.oid, 'MEMBER')),
       (SELECT NULLIF(pg_catalog.count(*), 0) FROM pg_catalog.pg_class
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND relpersistence <> 't'
          AND relnamespace::pg_catalog.regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
          AND pg_catalog.pg_has_role(relowner, 'USAGE')),
       (SELECT pg_catalog.string_agg(nspname, ', ') FROM pg_catalog.pg_namespace
        WHERE nspname !~ '^(pg_|information_schema)' AND pg_catalog.has_schema_privilege(oid, 'CREATE'))
FROM pg_catalog.pg_roles WHERE rolname = current_user)";

net::LibpqKeywords keywords(const config::Host& host, const config::UpstreamTls& tls,
                            const Credentials& login, std::chrono::seconds time_max) {
  net::LibpqKeywords all{{"host", host.endpoint.host},
                         {"hostaddr", host.address},
                         {"port", std::to_string(host.endpoint.port)},
                         {"user", login.user},
                         {"password", login.password},
                         {"dbname", login.database},
                         {"connect_timeout", std::to_string(std::max<std::int64_t>(time_max.count(), 2))},
                         {"application_name", "pgwarden doctor"},
                         {"gssencmode", "disable"}};
  net::add_tls(all, tls);
  return all;
}

/// libpq's words in one line.
std::string error_of(const PGconn* connection) {
  std::string words = PQerrorMessage(connection);
  while (words.ends_with('\n')) words.pop_back();
  std::replace(words.begin(), words.end(), '\n', ' ');
  return words;
}

/// nullptr without an answer in time: a pooler may have no session to lend.
Result query(PGconn* connection, const char* sql) {
  constexpr int answer_ms_max = 10'000;
  Result result(nullptr, PQclear);
  if (PQsendQuery(connection, sql) != 1) return result;
  while (PQisBusy(connection) == 1) {
    pollfd socket{PQsocket(connection), POLLIN, 0};
    if (::poll(&socket, 1, answer_ms_max) <= 0 || PQconsumeInput(connection) != 1) return result;
  }
  result.reset(PQgetResult(connection));
  while (PGresult* const rest = PQgetResult(connection)) PQclear(rest);
  return result;
}

std::string text(const Result& result, int column) {
  return PQntuples(result.get()) == 1 ? PQgetvalue(result.get(), 0, column) : "";
}

void begin(PGconn* connection) {
  query(connection, "BEGIN READ ONLY");
  query(connection, "SET LOCAL search_path = pg_catalog");
  query(connection, "SET LOCAL statement_timeout = '10s'");
}

void check_role(Report& report, PGconn* connection, const std::string& user) {
  const Result row = query(connection, role_query);
  if (PQresultStatus(row.get()) != PGRES_TUPLES_OK) {
    report.warning("what role \"" + user + "\" may do cannot be read: " + error_of(connection), "");
    return;
  }
  const std::string role = "role \"" + user + "\" ";
  if (!text(row, 0).empty()) {
    report.warning(role + "is a superuser: code behind names can do anything",
                   "let clients log in as a role without rights of its own");
    return;
  }
  if (const std::string has = text(row, 1); !has.empty()) {
    report.warning(role + "has " + has, "ALTER ROLE ... NO" + has.substr(0, has.find(',')));
  }
  if (const std::string member = text(row, 2); !member.empty()) {
    report.warning(role + "is a member of " + member, "REVOKE it: functions and code can use it unseen");
  }
  if (const std::string owned = text(row, 3); !owned.empty()) {
    report.warning(role + "owns " + owned + " tables or views, and can drop and alter them past pgwarden",
                   "let another role own them, and GRANT what this one needs");
  }
  if (const std::string schemas = text(row, 4); !schemas.empty()) {
    report.warning(role + "may create objects in schemas " + schemas, "REVOKE CREATE ON SCHEMA");
  }
  const bool powerless =
      text(row, 1).empty() && text(row, 2).empty() && text(row, 3).empty() && text(row, 4).empty();
  if (powerless) report.ok(role + "owns nothing and may create nothing");
}

/// A pooler gives its clients process ids of its own; one that pools by transactions gives a session that is
/// not in one to the next client.
void check_pooler(Report& report, PGconn* first, PGconn* second) {
  const char* const sql = "SELECT pg_catalog.pg_backend_pid()";
  const std::string served_by = text(query(first, sql), 0);
  if (served_by.empty() || served_by == std::to_string(PQbackendPID(first))) return;
  begin(second);
  if (PQstatus(second) == CONNECTION_OK && text(query(second, sql), 0) == served_by) {
    report.warning(
        "a pooler is in front of the server, and pools by transactions or statements",
        "prepared statements, SET and LISTEN may not reach the session that uses them: docs/poolers.md");
  } else {
    report.ok("a pooler is in front of the server");
  }
}

}  // namespace

std::string check_login(Report& report, const config::Host& host, const config::UpstreamTls& tls,
                        const Credentials& credentials, std::chrono::seconds time_max) {
  constexpr int knows_direct_tls = 170000;
  constexpr int knows_system_roots = 160000;
  const bool too_old = (tls.direct && PQlibVersion() < knows_direct_tls) ||
                       (tls.root_certificate == "system" && PQlibVersion() < knows_system_roots);
  if (too_old) {
    report.warning("no login tried: this libpq does not know what the URL says of TLS", "");
    return "";
  }
  auto all = keywords(host, tls, credentials, time_max);
  if (tls.direct) all.emplace_back("sslnegotiation", "direct");
  const Connection first = net::connect_libpq(all);
  if (PQstatus(first.get()) != CONNECTION_OK) {
    report.problem("cannot log in: " + error_of(first.get()), "check the URL's user, password and database");
    return "";
  }
  report.ok("user \"" + credentials.user + "\" can log in");
  const Connection second = net::connect_libpq(all);
  check_pooler(report, first.get(), second.get());
  begin(first.get());
  check_role(report, first.get(), credentials.user);
  const char* const version = PQparameterStatus(first.get(), "server_version");
  return version == nullptr ? "" : version;
}

}  // namespace pgwarden::cli::doctor
