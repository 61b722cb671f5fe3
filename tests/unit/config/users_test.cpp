// Users, how they log in, and what is wrong with a file that says so.
#include "config/users.h"

#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/load.h"

namespace pgwarden::config {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

const std::string managed = "listeners: [{listen: 'h:1', upstream: 'postgres://boss@db', auth: managed}]\n";
const std::string verifier =
    "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2Fs$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    ":AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

/// A folder for one test, and files in it that nobody else can read.
class Folder {
 public:
  Folder() { fs::create_directory(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  std::string write(const std::string& name, const std::string& text,
                    fs::perms mode = fs::perms(0600)) const {
    const fs::path file = path_ / name;
    std::ofstream(file) << text;
    fs::permissions(file, mode);
    return file.string();
  }

 private:
  fs::path path_ = fs::temp_directory_path() / ("pgwarden-users-test-" + std::to_string(::getpid()));
};

/// An environment variable for one test.
class Variable {
 public:
  explicit Variable(const char* value) { ::setenv(name, value, 1); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name); }

  static constexpr const char* name = "PGWARDEN_USERS_TEST";
};

Config loaded_users(const Loaded& result) {
  for (const Diagnostic& diagnostic : result.diagnostics) UNSCOPED_INFO(format(diagnostic));
  REQUIRE(result.config);
  return *result.config;
}

/// "file:line:column: message / hint" of every problem, and whether what is printed of them keeps `secret`.
Lines problems_of_users(const Loaded& result, const std::string& secret = "hunter2") {
  CHECK_FALSE(result.config);
  Lines lines;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    std::string line = fs::path(diagnostic.file).filename().string() + ":" + std::to_string(diagnostic.line) +
                       ":" + std::to_string(diagnostic.column) + ": " + diagnostic.message;
    if (!diagnostic.hint.empty()) line += " / " + diagnostic.hint;
    CHECK(format(diagnostic).find(secret) == std::string::npos);
    lines.push_back(line);
  }
  return lines;
}

Lines problems_of_users(const std::string& text) { return problems_of_users(load_text(text, "f.yaml")); }

/// Of one user, on line 2 behind "users: [".
Lines user_problems(const std::string& user) {
  return problems_of_users(managed + "users: [" + user + "]\n");
}

TEST_CASE("every key of a user", "[users]") {
  const Config config = loaded_users(load_text(R"(
listeners:
  - listen: h:1
    upstream: postgres://boss:secret@db/shop?sslmode=require&channel_binding=require
    auth: managed
    tls: {mode: verify-ca, certificate: /dev/null, key: /dev/null, client_ca: /dev/null}
users:
  - name: bot
    label: agent
    password: )" + verifier + R"(
    certificates: ["*.bots.example.com", bot]
    upstream: {user: app_readonly, password: pw, database: shop_copy}
  - {name: local, trust: true}
)",
                                               "f.yaml"));
  const Listener& first = config.listeners.at(0);
  CHECK(first.auth.mode == AuthMode::managed);
  CHECK(first.auth.query.empty());
  CHECK(first.upstream->user == "boss");
  CHECK(first.upstream->password.view() == "secret");
  CHECK(first.upstream->channel_binding == ChannelBinding::require);
  REQUIRE(config.users.size() == 2);
  const User& bot = config.users.at("bot");
  CHECK(bot.name == "bot");
  CHECK(bot.label == "agent");
  REQUIRE(bot.verifier);
  CHECK(bot.verifier->iterations == 4096);
  CHECK(bot.verifier->salt == "saltsaltsaltsal");
  CHECK(bot.certificates == Lines{"*.bots.example.com", "bot"});
  CHECK_FALSE(bot.trust);
  CHECK(bot.upstream.user == "app_readonly");
  CHECK(bot.upstream.password.view() == "pw");
  CHECK(bot.upstream.database == "shop_copy");
  CHECK_FALSE(bot.fits_key_passthrough());
  const User& local = config.users.at("local");
  CHECK(local.trust);
  CHECK_FALSE(local.verifier);
  CHECK(local.label.empty());
}

TEST_CASE("logins pass through unless something else is said", "[users]") {
  const Config config =
      loaded_users(load_text("listeners: [{listen: 'h:1', upstream: 'postgres://db'}]\n", "f.yaml"));
  CHECK(config.listeners.at(0).auth.mode == AuthMode::passthrough);
  CHECK(config.users.empty());
}

TEST_CASE("users that are none", "[users]") {
  const std::string verifier_hint =
      " / \"pgwarden hash-password\" makes one from a password; so does the server, in pg_authid.rolpassword";
  CHECK(user_problems("{name: a, password: hunter2}") ==
        Lines{"f.yaml:2:29: \"password\" is not a SCRAM-SHA-256 verifier" + verifier_hint});
  CHECK(user_problems("{name: a, password: md5hunter2hunter2}") ==
        Lines{"f.yaml:2:29: \"password\" is not a SCRAM-SHA-256 verifier" + verifier_hint});
  CHECK(user_problems("{name: a, passwrd: hunter2}")[0] ==
        "f.yaml:2:9: user \"a\" has no way to log in / add \"password\", \"certificates\", or \"trust: "
        "true\" for "
        "this machine only");
  CHECK(user_problems("{name: a, passwrd: hunter2}")[1] ==
        "f.yaml:2:19: unknown key \"passwrd\" / did you mean \"password\"?");
  CHECK(user_problems("{name: a, trust: false}").size() == 1);
  CHECK(user_problems("{name: a, trust: true, password: " + verifier + "}") ==
        Lines{"f.yaml:2:26: \"trust\" asks for nothing, and is not to be had with \"password\" or "
              "\"certificates\""});
  CHECK(user_problems("{name: a, trust: true, certificates: [x]}").size() == 1);
  CHECK(user_problems("{name: a, certificates: []}") ==
        Lines{"f.yaml:2:33: \"certificates\" is an empty list"});
  CHECK(user_problems("{trust: true}") == Lines{"f.yaml:2:9: missing key \"name\""});
  CHECK(user_problems("{name: a, trust: true, upstream: {role: b}}") ==
        Lines{"f.yaml:2:43: unknown key \"role\" / one of: user, password, password_env, password_file, "
              "database"});
  CHECK(user_problems("hunter2") == Lines{"f.yaml:2:9: \"users\" must be a map of keys, not a single value"});
  CHECK(problems_of_users(managed + "users:\n  a: hunter2\n") ==
        Lines{"f.yaml:3:3: \"users\" must be a list, not a map"});
  CHECK(user_problems("{name: a, trust: true}, {name: a, trust: true}") ==
        Lines{"f.yaml:2:33: another user has the name \"a\" already / it is at f.yaml:2:9"});
}

TEST_CASE("a file of users", "[users]") {
  const Folder folder;
  const auto load = [&](const std::string& users, fs::perms mode = fs::perms(0600)) {
    folder.write("users.yaml", users, mode);
    return load_file(
        folder.write("f.yaml", managed + "users: [{name: a, trust: true}]\nusers_file: users.yaml\n"));
  };
  const Config config = loaded_users(load("- {name: b, password: '" + verifier + "'}\n"));
  CHECK(config.users.size() == 2);
  CHECK(config.users.at("b").verifier);

  const auto first = [](const Lines& lines) {
    REQUIRE(lines.size() == 1);
    return lines[0];
  };
  CHECK(first(problems_of_users(load("- {name: b, password: hunter2}\n")))
            .starts_with("users.yaml:1:23: \"password\" is not a SCRAM-SHA-256 verifier"));
  CHECK(first(problems_of_users(load("- {name: a, trust: true}\n")))
            .starts_with("users.yaml:1:3: another user has the name \"a\""));
  CHECK(first(problems_of_users(load("hunter2\n"))) ==
        "users.yaml:1:1: the file must hold a list of users / as \"users\" has it");
  CHECK(first(problems_of_users(load("a: hunter2\n"))) ==
        "users.yaml:1:1: the file must hold a list of users / as \"users\" has it");
  CHECK(problems_of_users(load("\"a\" \"hunter2\"\n"))[0].starts_with("users.yaml:1:"));  // PgBouncer's
  for (const auto mode : {fs::perms(0644), fs::perms(0604), fs::perms(0602)}) {
    CHECK(
        first(problems_of_users(load("- {name: b, trust: true}\n", mode)))
            .find(
                "users.yaml: the file holds secrets, and others than its owner can get at it / chmod 600") !=
        std::string::npos);
  }
  CHECK(first(problems_of_users(load_text(managed + "users_file: /nonexistent\n", "f.yaml"))) ==
        "f.yaml:2:13: /nonexistent: cannot read the file: No such file or directory");
}

TEST_CASE("passwords from the environment and from files", "[users]") {
  const Folder folder;
  const auto load = [&](const std::string& keys) {
    return load_text(managed + "users: [{name: a, trust: true, upstream: {" + keys + "}}]\n", "f.yaml");
  };
  const auto password = [&](const std::string& keys) {
    return std::string(loaded_users(load(keys)).users.at("a").upstream.password.view());
  };
  const auto problem = [&](const std::string& keys) {
    const Lines lines = problems_of_users(load(keys));
    REQUIRE(lines.size() == 1);
    return lines[0].substr(lines[0].find(' ') + 1);
  };
  const std::string variable = "password_env: " + std::string(Variable::name);
  CHECK(problem(variable) == "the environment variable that \"password_env\" names is not set");
  {
    const Variable set("from env");
    CHECK(password(variable) == "from env");
    CHECK(problem(variable + ", password: hunter2") ==
          "more than one password / keep one of the keys that give it");
    CHECK(problem(variable + ", password_file: /dev/null") ==
          "more than one password / keep one of the keys that give it");
  }
  {
    const Variable set("");
    CHECK(problem(variable) == "\"password_env\" gives an empty password");
  }
  CHECK(problem("password: ''") == "\"password\" is empty");
  CHECK(password("password_file: " + folder.write("p", "hunter2\n")) == "hunter2");
  CHECK(password("password_file: " + folder.write("p", "hunter2\r\n")) == "hunter2");
  CHECK(password("password_file: " + folder.write("p", " hunter2 ")) == " hunter2 ");
  CHECK(problem("password_file: " + folder.write("p", "\n")) == "\"password_file\" gives an empty password");
  CHECK(problem("password_file: " + folder.write("p", "hunter2\nhunter3\n")) ==
        "the file that \"password_file\" names holds more than one line");
  CHECK(
      problem("password_file: " + folder.write("p", "hunter2", fs::perms(0604)))
          .starts_with("\"password_file\": the file holds secrets, and others than its owner can get at it"));
  CHECK(problem("password_file: /nonexistent/hunter2") ==
        "\"password_file\": cannot read the file: No such file or directory");
}

TEST_CASE("an upstream's password from elsewhere", "[users]") {
  const Variable set("from env");
  const auto load = [](const std::string& auth, const std::string& url) {
    return load_text("listeners: [{listen: 'h:1', auth: " + auth + ", upstream: {url: '" + url +
                         "', password_env: PGWARDEN_USERS_TEST}}]\nusers: [{name: a, trust: true}]\n",
                     "f.yaml");
  };
  const Config config = loaded_users(load("managed", "postgres://boss@db"));
  CHECK(config.listeners.at(0).upstream->user == "boss");
  CHECK(config.listeners.at(0).upstream->password.view() == "from env");
  CHECK(problems_of_users(load("managed", "postgres://boss:hunter2@db")) ==
        Lines{"f.yaml:1:60: more than one password / remove the URL's"});
  CHECK(problems_of_users(load("passthrough", "postgres://boss@db")) ==
        Lines{"f.yaml:1:58: the password has no use: clients log in to the server with their own / \"auth: "
              "managed\" has pgwarden log in"});
  CHECK(problems_of_users("listeners: [{listen: 'h:1', upstream: {password: hunter2}}]\n") ==
        Lines{"f.yaml:1:39: missing key \"url\"",
              "f.yaml:1:40: unknown key \"password\" / one of: url, password_env, "
              "password_file"});
}

TEST_CASE("channel_binding=require is for logins of pgwarden's own", "[users]") {
  const auto load = [](const std::string& auth) {
    return load_text("listeners: [{listen: 'h:1', upstream: 'postgres://db?channel_binding=require', auth: " +
                         auth + "}]\nusers: [{name: a, password: " + verifier + "}]\n",
                     "f.yaml");
  };
  loaded_users(load("managed"));
  loaded_users(load("key_passthrough"));
  CHECK(problems_of_users(load("passthrough")).size() == 1);
}

TEST_CASE("the query for verifiers", "[users]") {
  const auto load = [](const std::string& url, const std::string& more) {
    return load_text("listeners: [{listen: 'h:1', upstream: '" + url + "', " + more +
                         "}]\nusers: [{name: a, password: " + verifier + "}]\n",
                     "f.yaml");
  };
  const auto query = [&](const std::string& url, const std::string& more = "auth: key_passthrough") {
    return loaded_users(load(url, more)).listeners.at(0).auth.query;
  };
  CHECK(query("postgres://boss:secret@db") == default_auth_query);
  CHECK(query("postgres://boss@db").empty());
  CHECK(query("postgres://db").empty());
  CHECK(query("postgres://boss@db", "auth: key_passthrough, auth_query: 'SELECT f($1)'") == "SELECT f($1)");
  CHECK(
      problems_of_users(load("postgres://db", "auth: key_passthrough, auth_query: 'SELECT f($1)'")) ==
      Lines{
          "f.yaml:1:91: an upstream's URL does not say as which user pgwarden asks \"auth_query\" / write "
          "postgres://USER@HOST/DATABASE, and the password into \"password_file\" or \"password_env\" beside "
          "\"url\""});
  CHECK(problems_of_users(load("postgres://boss@db", "auth: key_passthrough, auth_query: SELECT 1")) ==
        Lines{"f.yaml:1:96: \"auth_query\" does not ask for $1, the user's name"});
  CHECK(problems_of_users(load("postgres://boss@db", "auth: managed, auth_query: 'SELECT f($1)'")) ==
        Lines{"f.yaml:1:88: \"auth_query\" has a meaning with \"auth: key_passthrough\" only"});
}

TEST_CASE("listeners to which nobody could log in", "[users]") {
  const auto one = [](const std::string& auth, const std::string& users) {
    return problems_of_users("listeners: [{listen: 'h:1', upstream: 'postgres://db', auth: " + auth + "}]\n" +
                             users);
  };
  CHECK(one("managed", "") ==
        Lines{"f.yaml:1:13: nobody can log in to this listener / add \"users\" or \"users_file\""});
  CHECK(one("key_passthrough", "users: []\n") ==
        Lines{"f.yaml:1:13: nobody can log in to this listener / add \"users\" or \"users_file\", or a user "
              "with a "
              "password to the upstream's URL, as whom pgwarden can ask the server"});
  CHECK(one("scram", "") ==
        Lines{"f.yaml:1:62: unknown auth \"scram\" / one of: passthrough, managed, key_passthrough"});
  CHECK(problems_of_users(
            "listeners: [{listen: 'h:1', upstream: 'postgres://db', auth: managed, tls: {mode: disable, "
            "client_ca: "
            "/dev/null}}]\nusers: [{name: a, certificates: [x]}]\n")
            .size() == 1);
  CHECK(one("managed", "users: [{name: a, certificates: [x]}]\n") ==
        Lines{"f.yaml:1:12: user \"a\" has to show a certificate, and no listener asks for one / add "
              "\"client_ca\" to the \"tls\" of a listener with \"auth\""});
}

TEST_CASE("users for whom key_passthrough has no key", "[users]") {
  const auto load = [](const std::string& user, const std::string& more_listeners = "") {
    return load_text("listeners: [{listen: 'h:1', upstream: 'postgres://db', auth: key_passthrough}" +
                         more_listeners + "]\nusers: [{name: a, " + user + "}]\n",
                     "f.yaml");
  };
  const Lines refused{
      "f.yaml:1:12: user \"a\" cannot log in with \"auth: key_passthrough\" / that takes a \"password\", "
      "which the "
      "server has, too, and no other \"user\" or password upstream"};
  const std::string password = "password: " + verifier;
  CHECK(loaded_users(load(password + ", upstream: {database: d}")).users.at("a").fits_key_passthrough());
  CHECK(problems_of_users(load("trust: true")) == refused);
  CHECK(problems_of_users(load(password + ", upstream: {user: b}")) == refused);
  CHECK(problems_of_users(load(password + ", upstream: {password: hunter2}")) == refused);
  // It is the other listener's then.
  const std::string other = ", {listen: 'h:2', upstream: 'postgres://db', auth: managed}";
  CHECK_FALSE(loaded_users(load("trust: true", other)).users.at("a").fits_key_passthrough());
}

TEST_CASE("of a file that is no YAML no secret is shown", "[users]") {
  problems_of_users(
      "listeners: [{listen: 'h:1', upstream: 'postgres://u:hunter2@h'}]\nusers:\n  - name: a\n"
      "    password: \"hunter2\n    trust: 7\n");
  problems_of_users("users:\n  - {name: a, password: hunter2\n    trust: 7]\n");
}

}  // namespace
}  // namespace pgwarden::config
