#include "config/load.h"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pgwarden::config {
namespace {

using std::chrono::milliseconds;
using Lines = std::vector<std::string>;

const std::string listener =
    "listeners: [{listen: '127.0.0.1:6432', upstream: 'postgres://db.example.com'}]\n";

Config loaded(const std::string& text) {
  Loaded result = load_text(text, "f.yaml");
  for (const Diagnostic& diagnostic : result.diagnostics) UNSCOPED_INFO(format(diagnostic));
  REQUIRE(result.config);
  return *result.config;
}

/// "line:column: message / hint" of every problem.
Lines problems(const std::string& text) {
  const Loaded result = load_text(text, "f.yaml");
  CHECK_FALSE(result.config);
  Lines lines;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    std::string line =
        std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.column) + ": " + diagnostic.message;
    if (!diagnostic.hint.empty()) line += " / " + diagnostic.hint;
    lines.push_back(line);
  }
  return lines;
}

/// The same for a text that follows a sound first line.
Lines problems_after_listener(const std::string& text) { return problems(listener + text); }

TEST_CASE("the least configuration, and its defaults", "[load]") {
  const Config config = loaded(listener);
  REQUIRE(config.listeners.size() == 1);
  CHECK(config.listeners[0].listen == Endpoint{"127.0.0.1", 6432});
  REQUIRE(config.listeners[0].upstream);
  CHECK(config.listeners[0].upstream->hosts.front().endpoint == Endpoint{"db.example.com", 5432});
  CHECK(config.listeners[0].databases.empty());
  CHECK(config.limits.max_statement_bytes == 16u << 20);
  CHECK(config.limits.login_timeout == milliseconds(30'000));
  CHECK(config.limits.max_connections == 1000);
  CHECK(config.limits.max_connections_per_user == 0);
  CHECK(config.limits.max_connections_per_address == 0);
  CHECK(config.limits.max_failed_logins == 10);
  CHECK(config.limits.max_memory == 0);
  CHECK(config.limits.idle_timeout == milliseconds(0));
  CHECK(config.limits.idle_in_transaction_timeout == milliseconds(0));
  CHECK(config.limits.write_timeout == milliseconds(0));
  CHECK(config.limits.drain_timeout == milliseconds(30'000));
  CHECK(config.limits.upstream_connect_timeout == milliseconds(10'000));
  CHECK(config.log.format == LogFormat::automatic);
  CHECK(config.log.level == "info");
  CHECK_FALSE(config.log.log_literals);
  CHECK(config.workers == 0);
  REQUIRE(config.policy);
  CHECK(config.policy->preset == "guarded");
  CHECK(config.policy->default_effect == policy::Effect::allow);
  CHECK(config.policy->protects("db.example.com"));
  CHECK(config.policy->protects("/var/run/postgresql"));
}

TEST_CASE("every key", "[load]") {
  const Config config = loaded(R"(
version: 1
listeners:
  - listen: 0.0.0.0:6433
    databases:
      app: {url: postgres://db1:5433/app_prod}
      "*": postgres://db2
    proxy_protocol_networks: [10.0.0.5, "2001:db8::/32"]
  - listen: /run/.s.PGSQL.6432
    upstream: postgres:///?host=/tmp
    proxy_protocol_networks: [unix]
protect: ["*.example.com", 10.0.0.0/8, unix]
preset: read_only
server_read_only: false
rules:
  - name: r
    effect: warn
    match: {classes: [ddl_drop]}
limits:
  {max_statement_bytes: 64kB, login_timeout: 500ms, drain_timeout: 0s, upstream_connect_timeout: 2min,
   max_connections: 1, max_connections_per_user: 2, max_connections_per_address: 3, max_failed_logins: 4,
   max_memory: 16GiB, idle_timeout: 5s, idle_in_transaction_timeout: 6s, write_timeout: 7s}
log: {format: json, level: debug, log_literals: true}
workers: 3
)");
  REQUIRE(config.listeners.size() == 2);
  CHECK(config.listeners[0].databases.at("app").hosts.front().endpoint == Endpoint{"db1", 5433});
  CHECK(config.listeners[0].databases.at("app").database == "app_prod");
  CHECK(config.listeners[0].databases.at("*").database.empty());
  CHECK_FALSE(config.listeners[0].upstream);
  CHECK(config.listeners[0].is_proxy(*policy::parse_address("10.0.0.5")));
  CHECK(config.listeners[0].is_proxy(*policy::parse_address("2001:db8::1")));
  CHECK_FALSE(config.listeners[0].is_proxy(*policy::parse_address("10.0.0.6")));
  CHECK_FALSE(config.listeners[0].is_proxy({}));
  CHECK(config.listeners[1].is_proxy({}));
  CHECK(config.listeners[1].listen.is_unix());
  CHECK(config.listeners[1].upstream->hosts.front().endpoint.is_unix());
  CHECK(config.policy->protect.hosts == std::vector<std::string>{"*.example.com"});
  CHECK(config.policy->protect.networks.size() == 2);
  CHECK(config.policy->preset == "read_only");
  CHECK_FALSE(config.policy->server_read_only);
  CHECK(config.policy->default_effect == policy::Effect::deny);
  REQUIRE(config.policy->rules.size() > 1);
  CHECK(config.policy->rules[0].name == "r");
  CHECK(config.policy->rules[0].file == "f.yaml");
  CHECK(config.policy->rules[0].line == 16);
  CHECK(config.policy->rules[1].file == "read_only");
  CHECK(config.limits.max_statement_bytes == 65536);
  CHECK(config.limits.login_timeout == milliseconds(500));
  CHECK(config.limits.max_connections == 1);
  CHECK(config.limits.max_connections_per_user == 2);
  CHECK(config.limits.max_connections_per_address == 3);
  CHECK(config.limits.max_failed_logins == 4);
  CHECK(config.limits.max_memory == std::uint64_t{16} << 30);
  CHECK(config.limits.idle_timeout == milliseconds(5'000));
  CHECK(config.limits.idle_in_transaction_timeout == milliseconds(6'000));
  CHECK(config.limits.write_timeout == milliseconds(7'000));
  CHECK(config.limits.drain_timeout == milliseconds(0));
  CHECK(config.limits.upstream_connect_timeout == milliseconds(120'000));
  CHECK(config.log.format == LogFormat::json);
  CHECK(config.log.level == "debug");
  CHECK(config.log.log_literals);
  CHECK(config.workers == 3);
}

TEST_CASE("an empty list protects nothing", "[load]") {
  CHECK_FALSE(loaded(listener + "protect: []\n").policy->protects("db.example.com"));
}

TEST_CASE("files that are no configuration", "[load]") {
  CHECK(problems("") == Lines{"0:0: the file is empty / it needs at least \"listeners\""});
  CHECK(problems("# nothing\n") == Lines{"0:0: the file is empty / it needs at least \"listeners\""});
  CHECK(problems("- a\n") == Lines{"1:1: \"configuration\" must be a map of keys, not a list"});
  CHECK(problems("preset: guarded\n") == Lines{"1:1: missing key \"listeners\""});
}

TEST_CASE("YAML's own errors have a place", "[load]") {
  CHECK(problems("a: [b\nc: d\n") == Lines{"2:2: not valid YAML: end of sequence flow not found"});
  CHECK(problems("\tx: y\n") == Lines{"1:3: not valid YAML: illegal map value"});
  CHECK(problems(", a: {").back() == "1:1: a second YAML document in the same file");
  CHECK(problems_after_listener("workers: &x 1\n") ==
        Lines{"2:10: YAML anchors and aliases are not supported / write the value out"});
  CHECK(problems_after_listener("workers: !!int 1\n") ==
        Lines{"2:10: YAML tags are not supported / leave the tag out"});
  CHECK(problems_after_listener("[a, b]: 1\n").front() == "2:1: a key must be a word");
  CHECK(problems_after_listener("---\nworkers: 1\n") ==
        Lines{"2:1: a second YAML document in the same file"});
}

TEST_CASE("bytes that are no text", "[load]") {
  CHECK(problems_after_listener("preset: g\xFFuarded\n") == Lines{"2:10: not UTF-8 text"});
  CHECK(problems_after_listener("# \xC3\xB6\xC3\n") == Lines{"2:4: not UTF-8 text"});
  CHECK(problems_after_listener("workers: 1\x04\nzzz: 1\n") == Lines{"2:11: a control character"});
  CHECK(problems(std::string("a\0", 2)) == Lines{"1:2: a control character"});
}

TEST_CASE("unknown, duplicate and empty keys", "[load]") {
  CHECK(problems_after_listener("workres: 1\n") ==
        Lines{"2:1: unknown key \"workres\" / did you mean \"workers\"?"});
  CHECK(problems_after_listener("zzz: 1\n") ==
        Lines{"2:1: unknown key \"zzz\" / one of: version, listeners, "
              "users, users_file, protect, preset, server_read_only, rules, limits, log, "
              "workers, io_uring"});
  CHECK(problems_after_listener("workers: 1\nlog: {}\nworkers: 2\n") ==
        Lines{"4:1: duplicate key \"workers\" / it is already set on line 2"});
  CHECK(problems_after_listener("rules:\nlog: {level: info}\n") ==
        Lines{"2:1: \"rules\" has no value / give it a value or leave the key out"});
  CHECK(problems("lisseners: []\n") == Lines{"1:1: unknown key \"lisseners\" / did you mean \"listeners\"?"});
}

TEST_CASE("values of the wrong kind", "[load]") {
  CHECK(problems_after_listener("limits: 1\n") ==
        Lines{"2:9: \"limits\" must be a map of keys, not a single value"});
  CHECK(problems_after_listener("log: []\n") == Lines{"2:6: \"log\" must be a map of keys, not a list"});
  CHECK(problems_after_listener("protect: '*'\n") ==
        Lines{"2:10: \"protect\" must be a list, not a single value / write [*]"});
  CHECK(problems_after_listener("protect: {a: b}\n") == Lines{"2:10: \"protect\" must be a list, not a map"});
  CHECK(problems_after_listener("protect: [~, '', \"a\\n\"]\n") ==
        Lines{"2:11: \"protect\" must be a text, not nothing", "2:14: \"protect\" is empty",
              "2:18: \"protect\" has control characters or several lines"});
  CHECK(problems_after_listener("workers: [1]\n") == Lines{"2:10: \"workers\" must be a number, not a list"});
}

TEST_CASE("numbers, sizes and times", "[load]") {
  CHECK(problems_after_listener("version: 2\n") == Lines{"2:10: \"version\" must be 1, not \"2\""});
  CHECK(problems_after_listener("workers: -1\n") ==
        Lines{"2:10: \"workers\" must be from 0 to 1024, not \"-1\""});
  CHECK(problems_after_listener("workers: 1.5\n") ==
        Lines{"2:10: \"workers\" must be from 0 to 1024, not \"1.5\""});
  const auto limit = [](const std::string& key_and_value) {
    return problems_after_listener("limits:\n  " + key_and_value + "\n").front();
  };
  const std::string size_hint = " / bytes, or a number with its unit: 64KiB, 16MiB, 1GiB";
  CHECK(limit("max_statement_bytes: lots") == "3:24: \"lots\" is not a size" + size_hint);
  CHECK(limit("max_statement_bytes: 16 MiB") == "3:24: \"16 MiB\" is not a size" + size_hint);
  CHECK(limit("max_statement_bytes: 16mib") == "3:24: \"16mib\" is not a size" + size_hint);
  CHECK(limit("max_statement_bytes: 99999999999999999999999") ==
        "3:24: \"99999999999999999999999\" is not a size" + size_hint);
  CHECK(limit("max_statement_bytes: 1000") ==
        "3:24: \"max_statement_bytes\" must be from 1KiB to 1GiB, not \"1000\"");
  CHECK(limit("max_statement_bytes: 2GiB") ==
        "3:24: \"max_statement_bytes\" must be from 1KiB to 1GiB, not \"2GiB\"");
  CHECK(limit("max_connections: 0") == "3:20: \"max_connections\" must be from 1 to 1000000, not \"0\"");
  CHECK(limit("login_timeout: 30") ==
        "3:18: \"30\" is not a time / a number with its unit: 500ms, 30s, 2min, 1h");
  CHECK(limit("login_timeout: 0s") == "3:18: \"login_timeout\" must be from 1ms to 24h, not \"0s\"");
  CHECK(limit("drain_timeout: 25h") == "3:18: \"drain_timeout\" must be from 0ms to 24h, not \"25h\"");
  CHECK(loaded(listener + "limits: {max_statement_bytes: 2048, login_timeout: 1h}")
            .limits.max_statement_bytes == 2048);
}

TEST_CASE("words, and YAML's own words", "[load]") {
  CHECK(problems_after_listener("preset: gaurded\n") ==
        Lines{"2:9: unknown preset \"gaurded\" / did you mean \"guarded\"?"});
  CHECK(problems_after_listener("preset: strict\n") ==
        Lines{"2:9: unknown preset \"strict\" / one of: observe, guarded, append_only, read_only"});
  CHECK(problems_after_listener("log: {format: off}\n") ==
        Lines{"2:15: \"off\" is a boolean in YAML, but \"format\" takes a word / one of: auto, text, json"});
  CHECK(problems_after_listener("log: {format: 'off'}\n") ==
        Lines{"2:15: unknown log format \"off\" / one of: auto, text, json"});
  CHECK(problems_after_listener("log: {level: warn}\n") ==
        Lines{"2:14: unknown log level \"warn\" / one of: debug, info, warning, error"});
  CHECK(problems_after_listener("log: {log_literals: yes}\n") ==
        Lines{"2:21: \"log_literals\" must be true or false, not \"yes\""});
}

TEST_CASE("TLS to clients", "[load]") {
  const auto tls_problems = [](const std::string& tls) {
    return problems("listeners:\n  - listen: h:1\n    upstream: postgres://h\n    tls: {" + tls + "}\n");
  };
  CHECK(tls_problems("mode: requires, certificate: /dev/null, key: /dev/null") ==
        Lines{"4:17: unknown mode \"requires\" / did you mean \"require\"?"});
  CHECK(tls_problems("key: /dev/null") == Lines{"4:10: missing key \"certificate\""});
  CHECK(tls_problems("mode: verify-ca, certificate: /dev/null, key: /dev/null") ==
        Lines{"4:10: missing key \"client_ca\""});
  CHECK(tls_problems("certificate: /nonexistent, key: /dev/null") ==
        Lines{"4:24: /nonexistent: cannot read the file: No such file or directory"});
  CHECK(tls_problems("min_version: TLSv1.1, certificate: /dev/null, key: /dev/null") ==
        Lines{"4:24: unknown TLS version \"TLSv1.1\" / did you mean \"TLSv1.2\"?"});
}

TEST_CASE("listeners", "[load]") {
  CHECK(problems("listeners: []\n") == Lines{"1:12: \"listeners\" is an empty list"});
  CHECK(problems("listeners:\n  - upstream: postgres://h\n") == Lines{"2:5: missing key \"listen\""});
  CHECK(problems("listeners:\n  - listen: h:1\n") ==
        Lines{"2:5: the listener leads nowhere / add \"upstream\" or \"databases\""});
  CHECK(problems("listeners:\n  - listen: h\n    upstream: postgres://h\n") ==
        Lines{"2:13: \"h\" names no port / write HOST:PORT, for example 127.0.0.1:6432"});
  CHECK(problems("listeners:\n  - listen: h:1\n    upstream: postgres://u:x@h/d?sslmode=required\n") ==
        Lines{"3:15: unknown sslmode \"required\" / did you mean \"require\"?"});
  CHECK(problems("listeners:\n  - listen: h:1\n    upstream: postgres://h/d?schema=public\n") ==
        Lines{"3:15: unknown parameter \"schema\" in the URL / parameters of a driver or an ORM belong in "
              "the client's "
              "URL"});
  CHECK(problems("listeners:\n  - listen: h:1\n    databases: {}\n") ==
        Lines{"3:16: \"databases\" names no database / \"*\" stands for every database"});
  CHECK(problems("listeners:\n  - listen: h:1\n    databases:\n      app_*: postgres://h\n") ==
        Lines{"4:14: \"app_*\" is not a database name / patterns are not supported here, only \"*\" for all "
              "others"});
  CHECK(problems("listeners:\n  - listen: h:1\n    upstream: postgres://h\n    databases: {'*': "
                 "'postgres://h'}\n") == Lines{"3:15: \"upstream\" and the \"*\" of \"databases\" are for "
                                               "the same databases / remove one of them"});
  CHECK(problems("listeners:\n  - {listen: 'h:1', upstream: 'postgres://h'}\n  - {listen: 'H:1', upstream: "
                 "'postgres://h'}\n") == Lines{"3:5: two listeners on h:1 / the first is on line 2"});
  CHECK(loaded("listeners:\n  - {listen: 'h:0', upstream: 'postgres://h'}\n  - {listen: 'h:0', upstream: "
               "'postgres://h'}\n")
            .listeners.size() == 2);
}

TEST_CASE("networks of proxies", "[load]") {
  const auto one = [](const std::string& listen, const std::string& networks) {
    return problems("listeners:\n  - listen: " + listen +
                    "\n    upstream: postgres://h\n    proxy_protocol_networks: " + networks + "\n");
  };
  const std::string hint = " / \"unix\" is for a Unix-domain socket, and nothing else is";
  CHECK(one("h:1", "10.0.0.5") ==
        Lines{"4:30: \"proxy_protocol_networks\" must be a list, not a single value / write [10.0.0.5]"});
  CHECK(one("h:1", "[10.0.0.5/8]") ==
        Lines{"4:31: \"10.0.0.5/8\" is not a network / did you mean \"10.0.0.0/8\"?"});
  CHECK(one("h:1", "[haproxy]") ==
        Lines{"4:31: \"haproxy\" is not a network / for example 10.0.0.0/8, 2001:db8::/32, ::1 or unix"});
  CHECK(one("h:1", "[unix]") == Lines{"4:31: no client of this listener has an address in \"unix\"" + hint});
  CHECK(one("/run/.s.PGSQL.1", "[10.0.0.5]") ==
        Lines{"4:31: no client of this listener has an address in \"10.0.0.5/32\"" + hint});
}

TEST_CASE("protected hosts", "[load]") {
  CHECK(problems_after_listener("protect: [10.1.2.3/8]\n") ==
        Lines{"2:11: \"10.1.2.3/8\" is neither a network nor a host pattern / did you mean \"10.0.0.0/8\"?"});
  CHECK(problems_after_listener("protect: [db/x]\n") ==
        Lines{"2:11: \"db/x\" is neither a network nor a host pattern / for example db.example.com, "
              "*.prod.example.com or "
              "10.0.0.0/8"});
}

TEST_CASE("all problems are found at once, in the order of the file", "[load]") {
  CHECK(problems("preset: nope\nlisteners: [{listen: x, upstream: y}]\nlog: {levle: info}\n") ==
        Lines{"1:9: unknown preset \"nope\" / one of: observe, guarded, append_only, read_only",
              "2:22: \"x\" names no port / write HOST:PORT, for example 127.0.0.1:6432",
              "2:35: not a PostgreSQL URL / write postgres://USER@HOST:5432/DATABASE",
              "3:7: unknown key \"levle\" / did you mean \"level\"?"});
}

TEST_CASE("files", "[load]") {
  const auto path =
      std::filesystem::temp_directory_path() / ("pgwarden-load-test-" + std::to_string(::getpid()));
  std::ofstream(path) << listener << "zzz: 1\n";
  const Loaded wrong = load_file(path.string());
  std::ofstream(path) << listener;
  const Loaded right = load_file(path.string());
  std::filesystem::remove(path);
  REQUIRE(wrong.diagnostics.size() == 1);
  CHECK(wrong.diagnostics[0].file == path.string());
  CHECK(wrong.diagnostics[0].source_line == "zzz: 1");
  CHECK(right.config);

  const auto unreadable = [](const std::string& name) {
    const Loaded loaded = load_file(name);
    CHECK_FALSE(loaded.config);
    REQUIRE(loaded.diagnostics.size() == 1);
    return format(loaded.diagnostics[0]);
  };
  CHECK(unreadable("/nonexistent/f.yaml") ==
        "/nonexistent/f.yaml: error: cannot read the file: No such file or directory");
  CHECK(unreadable("/tmp") == "/tmp: error: cannot read the file: Is a directory");
  CHECK(unreadable("/dev/zero") == "/dev/zero: error: cannot read the file: it is larger than 4 MiB");
}

TEST_CASE("the configuration of a URL alone", "[load]") {
  Upstream upstream;
  upstream.hosts = {{{"db.example.com", 5432}, ""}, {{"standby.example.com", 5432}, ""}};
  const Config config = zero_config(upstream, {"127.0.0.1", 6432});
  REQUIRE(config.listeners.size() == 1);
  CHECK(config.listeners[0].listen == Endpoint{"127.0.0.1", 6432});
  CHECK(config.listeners[0].upstream->hosts == upstream.hosts);
  CHECK(config.policy->preset == "guarded");
  CHECK(config.policy->protects("db.example.com"));
  CHECK(config.policy->protects("standby.example.com"));
  CHECK_FALSE(config.policy->protects("db2.example.com"));
}

}  // namespace
}  // namespace pgwarden::config
