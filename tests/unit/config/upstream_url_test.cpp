#include "config/upstream_url.h"

#include <catch2/catch_test_macros.hpp>
#include <string>

namespace pgwarden::config {
namespace {

Upstream parsed(std::string_view url) {
  auto result = parse_upstream_url(url, UnknownParameters::keep);
  INFO(url << ": " << result.error);
  REQUIRE(result.value);
  return *result.value;
}

std::string refused(std::string_view url, UnknownParameters unknown = UnknownParameters::keep) {
  const auto result = parse_upstream_url(url, unknown);
  INFO(url);
  CHECK_FALSE(result.value);
  return result.hint.empty() ? result.error : result.error + " / " + result.hint;
}

TEST_CASE("the parts of a URL", "[upstream_url]") {
  const Upstream upstream = parsed("postgres://us%20er:p%40ss@DB.example.com:5433/my%20db?sslmode=disable");
  CHECK(upstream.hosts.front().endpoint == Endpoint{"db.example.com", 5433});
  CHECK(upstream.user == "us er");
  CHECK(upstream.password.view() == "p@ss");
  CHECK(upstream.database == "my db");
  CHECK(upstream.tls.mode == SslMode::disable);
  CHECK(upstream.parameters.empty());
}

TEST_CASE("what may be left out", "[upstream_url]") {
  const Upstream upstream = parsed("postgresql://db");
  CHECK(upstream.hosts.front().endpoint == Endpoint{"db", 5432});
  CHECK(upstream.user.empty());
  CHECK(upstream.database.empty());
  CHECK(upstream.tls.mode == SslMode::prefer);
  CHECK(parsed("POSTGRES://db:/").database.empty());
  CHECK(parsed("postgres://db/a/b").database == "a/b");
}

TEST_CASE("addresses and sockets", "[upstream_url]") {
  CHECK(parsed("postgres://[2001:db8::1]:5433/x").hosts.front().endpoint == Endpoint{"2001:db8::1", 5433});
  CHECK(parsed("postgres:///x?host=/var/run/postgresql").hosts.front().endpoint ==
        Endpoint{"/var/run/postgresql", 5432});
  CHECK(parsed("postgres://u@/x?host=/var/run/postgresql/&port=5433").hosts.front().endpoint ==
        Endpoint{"/var/run/postgresql", 5433});
  CHECK(parsed("postgres://%2Fvar%2Frun/x").hosts.front().endpoint == Endpoint{"/var/run", 5432});
  CHECK(parsed("postgres://localhost/x?host=/tmp").hosts.front().endpoint.is_unix());
}

TEST_CASE("query parameters win, as in libpq", "[upstream_url]") {
  const Upstream upstream = parsed("postgres://a:b@h:1/d?host=h2&port=2&dbname=d2&user=u2&password=p2");
  CHECK(upstream.hosts.front().endpoint == Endpoint{"h2", 2});
  CHECK(upstream.database == "d2");
  CHECK(upstream.user == "u2");
  CHECK(upstream.password.view() == "p2");
}

TEST_CASE("other parameters are kept, and unknown ones only if they may be there", "[upstream_url]") {
  const std::string url = "postgres://h/d?application_name=a%20b+c&schema=public";
  CHECK(parsed(url).parameters ==
        std::vector<Parameter>{{"application_name", "a b+c"}, {"schema", "public"}});
  CHECK(refused(url, UnknownParameters::refuse) ==
        "unknown parameter \"schema\" in the URL / parameters of a driver or an ORM belong in the client's "
        "URL");
  CHECK(refused("postgres://h/d?sslmod=disable", UnknownParameters::refuse) ==
        "unknown parameter \"sslmod\" in the URL / did you mean \"sslmode\"?");
  CHECK(parse_upstream_url("postgres://h/d?connect_timeout=5", UnknownParameters::refuse).value);
}

TEST_CASE("several hosts", "[upstream_url]") {
  using Hosts = std::vector<Host>;
  CHECK(parsed("postgres://u:p%2C,@a:1,B,[2001:db8::1]:3,10.0.0.1/d").hosts ==
        Hosts{{{"a", 1}, ""}, {{"b", 5432}, ""}, {{"2001:db8::1", 3}, ""}, {{"10.0.0.1", 5432}, ""}});
  CHECK(parsed("postgres://u:p%2C,@a:1,b/d").password.view() == "p,,");
  CHECK(parsed("postgres://a,b:5433/d").hosts == Hosts{{{"a", 5432}, ""}, {{"b", 5433}, ""}});
  CHECK(parsed("postgres://a%2Cb/d").hosts == parsed("postgres://a,b/d").hosts);
  CHECK(parsed("postgres://x:9/d?host=a,/run/pg/,b&port=1,,3").hosts ==
        Hosts{{{"a", 1}, ""}, {{"/run/pg", 5432}, ""}, {{"b", 3}, ""}});
  CHECK(parsed("postgres:///d?host=a,b&port=7").hosts == Hosts{{{"a", 7}, ""}, {{"b", 7}, ""}});
  CHECK(parsed("postgres://a:7/d?host=a,b").hosts == Hosts{{{"a", 7}, ""}, {{"b", 7}, ""}});

  SECTION("and where they are") {
    CHECK(parsed("postgres://a,b/d?hostaddr=10.0.0.1,2001:db8::1&port=1,2").hosts ==
          Hosts{{{"a", 1}, "10.0.0.1"}, {{"b", 2}, "2001:db8::1"}});
    CHECK(parsed("postgres:///d?hostaddr=10.0.0.1").hosts == Hosts{{{"10.0.0.1", 5432}, "10.0.0.1"}});
    CHECK(parsed("postgres://a,b/d?hostaddr=,10.0.0.2").hosts ==
          Hosts{{{"a", 5432}, ""}, {{"b", 5432}, "10.0.0.2"}});
    CHECK(refused("postgres://a/d?hostaddr=a") ==
          "hostaddr \"a\" is not an IP address / names belong in host");
    CHECK(refused("postgres:///d?host=/run&hostaddr=10.0.0.1") ==
          "a host has both a socket's directory and hostaddr");
    CHECK(refused("postgres:///d?hostaddr=10.0.0.1&sslmode=verify-full") ==
          "sslmode=verify-full needs a host: the certificate is for a name");
  }
  SECTION("that cannot be read") {
    CHECK(refused("postgres://a,,b/d") == "host 2 of 3: it is empty");
    CHECK(refused("postgres://a,/d") == "host 2 of 2: it is empty");
    CHECK(refused("postgres://a,b:0/d") == "host 2 of 2: \"0\" is not a port / a number from 1 to 65535");
    CHECK(refused("postgres://a,b_%7E/d") == "host 2 of 2: \"b_~\" is not a host name or an IP address");
    CHECK(refused("postgres:///d?host=a&port=1,2") ==
          "could not match 2 port numbers to 1 hosts / one port for all, or one for each host");
    CHECK(refused("postgres:///d?host=a,b,c&port=1,2") ==
          "could not match 2 port numbers to 3 hosts / one port for all, or one for each host");
    CHECK(refused("postgres://a,b/d?hostaddr=10.0.0.1") ==
          "could not match 2 host names to 1 hostaddr values");
    const std::string unreadable =
        "cannot read the URL / percent-encode special characters, for example \"@\" in a password as %40";
    for (const char* url : {"postgres://a,[::1/d", "postgres://a,::1/d", "postgres://a,[b]/d",
                            "postgres://a,[::1]x/d", "postgres://a:1:2,b/d", "postgres://a,b:x/d"}) {
      CHECK(refused(url) == unreadable);
    }
  }
}

TEST_CASE("which host is taken", "[upstream_url]") {
  const Upstream plain = parsed("postgres://a,b/d");
  CHECK_FALSE(plain.random_order);
  CHECK(plain.target_session == protocol::TargetSession::any);
  CHECK(plain.connect_timeout.count() == 0);
  CHECK(parsed("postgres://a,b/d?load_balance_hosts=random").random_order);
  CHECK(parsed("postgres://a/d?target_session_attrs=prefer-standby").target_session ==
        protocol::TargetSession::prefer_standby);
  CHECK(parsed("postgres://a/d?connect_timeout=10").connect_timeout.count() == 10);
  CHECK(parsed("postgres://a/d?connect_timeout=1").connect_timeout.count() == 2);
  CHECK(parsed("postgres://a/d?connect_timeout=-1").connect_timeout.count() == 0);
  CHECK(refused("postgres://a/d?connect_timeout=5s") == "connect_timeout \"5s\" is not a number of seconds");
  CHECK(refused("postgres://a/d?load_balance_hosts=on") ==
        "unknown load_balance_hosts \"on\" / one of: disable, random");
  CHECK(refused("postgres://a/d?target_session_attrs=read_write") ==
        "unknown target_session_attrs \"read_write\" / did you mean \"read-write\"?");
}

TEST_CASE("TLS to the server", "[upstream_url]") {
  const UpstreamTls plain = parsed("postgres://h/d").tls;
  CHECK(plain.mode == SslMode::prefer);
  CHECK(plain.sni);
  CHECK(parsed("postgres://h/d?ssl=true").tls.mode == SslMode::require);
  CHECK(parsed("postgres://h/d?ssl=false").tls == plain);
  CHECK(parsed("postgres://h/d?sslrootcert=system").tls.mode == SslMode::verify_full);
  const UpstreamTls all =
      parsed(
          "postgres://h/d?sslmode=verify-ca&sslrootcert=/r&sslcert=/c&sslkey=/k&sslpassword=p&sslcrl=/l"
          "&sslsni=0&sslnegotiation=direct&ssl_min_protocol_version=TLSv1.3"
          "&ssl_max_protocol_version=TLSv1.3")
          .tls;
  CHECK(all == UpstreamTls{SslMode::verify_ca, true, false, "/r", "/l", "/c", "/k", "p", true, "TLSv1.3",
                           "TLSv1.3"});
}

TEST_CASE("demands that would not be met are refused, never ignored", "[upstream_url]") {
  CHECK(refused("postgres://h/d?sslmode=required") ==
        "unknown sslmode \"required\" / did you mean \"require\"?");
  CHECK(refused("postgres://h/d?sslmode=require&sslrootcert=system") ==
        "sslrootcert=system needs sslmode=verify-full / weaker modes would accept anybody's certificate");
  CHECK(refused("postgres://h/d?sslnegotiation=direct") ==
        "sslnegotiation=direct needs sslmode=require or above");
  CHECK(refused("postgres://h/d?ssl_min_protocol_version=TLSv1.1") ==
        "unknown ssl_min_protocol_version \"TLSv1.1\" / did you mean \"TLSv1.2\"?");
  CHECK(refused("postgres://h/d?channel_binding=require") ==
        "channel_binding=require cannot be met: the client logs in through pgwarden, over a connection of "
        "its own / remove it and use sslmode=verify-full, or let pgwarden log in: \"auth: managed\" or "
        "\"auth: key_passthrough\"");
  CHECK(refused("postgres://h/d?channel_binding=requre") ==
        "unknown channel_binding \"requre\" / did you mean \"require\"?");
  CHECK(
      refused("postgres://h,i/d?target_session_attrs=primary") ==
      "target_session_attrs with several hosts needs a login that can be made again / name one host, or let "
      "pgwarden log in: \"auth: managed\" or \"auth: key_passthrough\"");
  CHECK(parse_upstream_url("postgres://h,i/d?target_session_attrs=primary", UnknownParameters::keep,
                           LoginDemands::ignore)
            .value);
  CHECK(refused("postgres://h/d?gssencmode=require") ==
        "GSSAPI encryption to the upstream is not supported / use gssencmode=disable");
}

TEST_CASE("channel binding, where pgwarden logs in itself", "[upstream_url]") {
  const auto parse = [](const std::string& url) {
    return parse_upstream_url(url, UnknownParameters::refuse, LoginDemands::meet);
  };
  CHECK(parse("postgres://h").value->channel_binding == ChannelBinding::prefer);
  CHECK(parse("postgres://h?channel_binding=disable").value->channel_binding == ChannelBinding::disable);
  CHECK(parse("postgres://h?channel_binding=require").value->channel_binding == ChannelBinding::require);
  CHECK(parse("postgres://h?require_auth=scram-sha-256").error ==
        "the parameter \"require_auth\" is not supported where pgwarden logs in");
  const std::string error = "channel_binding=require needs TLS to the server";
  CHECK(parse("postgres://h?channel_binding=require&sslmode=disable").error == error);
  CHECK(parse("postgres:///d?host=/tmp&channel_binding=require").error == error);
}

TEST_CASE("what is not a URL of one server", "[upstream_url]") {
  const std::string example = " / write postgres://USER@HOST:5432/DATABASE";
  const std::string unreadable =
      "cannot read the URL / percent-encode special characters, for example \"@\" in a password as %40";
  CHECK(refused("") == "not a PostgreSQL URL" + example);
  CHECK(refused("mysql://u:secret@h/d") == "not a PostgreSQL URL" + example);
  CHECK(refused("host=h dbname=d") == "not a PostgreSQL URL" + example);
  CHECK(refused("postgres:///d") ==
        "the URL names no host" + example + ", or ?host=/var/run/postgresql for a socket");
  CHECK(refused("postgres://h:99999/d") == "\"99999\" is not a port / a number from 1 to 65535");
  CHECK(refused("postgres://h:0/d") == "\"0\" is not a port / a number from 1 to 65535");
  CHECK(refused("postgres://h%20x/d") == "\"h x\" is not a host name or an IP address");
  CHECK(refused("postgres://h/d#x") ==
        "the URL has a \"#\", which begins a fragment / write %23 for a \"#\" in a password");
  CHECK(refused("postgres://u%00@h/d") == "the URL holds a NUL (%00)");
  CHECK(refused("postgres://[::1]5433/d") == unreadable);
  SECTION("a password with special characters, of which nothing is shown") {
    CHECK(refused("postgres://u:sec ret@h/d") == unreadable);
    CHECK(refused("postgres://u:sec@ret@h/d") == unreadable);
    CHECK(refused("postgres://u:12/34@h/d") == unreadable);
    CHECK(refused("postgres://u:sec/ret@h/d") == unreadable);
    CHECK(refused("postgres://u:sec%ret@h/d") == unreadable);
    CHECK(refused("postgres://u:sec?ret@h/d") == unreadable);
    CHECK(refused("postgres://u:12?ret@h/d") == unreadable);
    CHECK(refused("postgres://u:12,secret?ret@h/d") == unreadable);
    CHECK(refused("postgres://u:se,cr,et/x@h/d") == unreadable);
  }
}

TEST_CASE("the client's URL", "[upstream_url]") {
  const Endpoint listen{"127.0.0.1", 6432};
  const auto rewritten = [&](std::string_view url) { return rewritten_url(url, listen, true); };
  CHECK(rewritten("postgres://h") == "postgres://127.0.0.1:6432?sslmode=disable");
  CHECK(rewritten("postgresql://us%20er:p%40ss@db.example.com:5433/my%20db?options=-c%20a%3Db") ==
        "postgresql://us%20er:p%40ss@127.0.0.1:6432/my%20db?options=-c%20a%3Db&sslmode=disable");
  CHECK(rewritten("postgres://h/d?schema=public&sslmode=prefer&connection_limit=5&pgbouncer=true&a=b+c") ==
        "postgres://127.0.0.1:6432/d?schema=public&sslmode=disable&connection_limit=5&pgbouncer=true&a=b+c");
  SECTION("the way to the server is not the client's") {
    CHECK(rewritten("postgres://u:p@a:1,[::1],b/d?hostaddr=10.0.0.1,10.0.0.2,10.0.0.3&port=1,2,3") ==
          "postgres://u:p@127.0.0.1:6432/d?sslmode=disable");
    CHECK(rewritten("postgres:///d?host=a,b") == "postgres://127.0.0.1:6432/d?sslmode=disable");
    CHECK(rewritten(
              "postgres://h/d?channel_binding=prefer&sslrootcert=/x&sslcert=y&sslaccept=strict&sslmode=allow"
              "&sslmode=allow&requirepeer=postgres&gssencmode=prefer") ==
          "postgres://127.0.0.1:6432/d?sslmode=disable");
    CHECK(rewritten("postgres://u@/d?host=/var/run/postgresql&port=5433") ==
          "postgres://u@127.0.0.1:6432/d?sslmode=disable");
  }
  SECTION("what cannot be read is not rewritten") {
    CHECK(rewritten("nonsense").empty());
    CHECK(rewritten("postgres://h,/d").empty());
  }
}

TEST_CASE("passwords in the client's URL", "[upstream_url]") {
  const Endpoint listen{"127.0.0.1", 6432};
  CHECK(rewritten_url("postgres://u:secret@h/d", listen, false) ==
        "postgres://u:***@127.0.0.1:6432/d?sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d?password=secret", listen, false) ==
        "postgres://u@127.0.0.1:6432/d?password=***&sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d?p%61ssword=secret", listen, false) ==
        "postgres://u@127.0.0.1:6432/d?password=***&sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d?password=secret", listen, true) ==
        "postgres://u@127.0.0.1:6432/d?password=secret&sslmode=disable");
}

TEST_CASE("the client's URL for other listeners", "[upstream_url]") {
  CHECK(rewritten_url("postgres://u@h/d", {"::1", 6432}, false) ==
        "postgres://u@[::1]:6432/d?sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d", {"::", 6432}, false) ==
        "postgres://u@[::1]:6432/d?sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d", {"0.0.0.0", 6432}, false) ==
        "postgres://u@127.0.0.1:6432/d?sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d", {"gate.example.com", 6432}, false) ==
        "postgres://u@gate.example.com:6432/d?sslmode=disable");
  CHECK(rewritten_url("postgres://u@h/d", {"/run/pg warden/.s.PGSQL.6432", 6432}, false) ==
        "postgres://u@localhost:6432/d?sslmode=disable&host=/run/pg%20warden");
}

}  // namespace
}  // namespace pgwarden::config
