#include "config/users.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "config/keys.h"
#include "config/text_file.h"

namespace pgwarden::config {

namespace {

/// Where each user is, for those who come twice.
using Places = std::map<std::string, std::string, std::less<>>;

std::string in_quotes(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string read_text(const Fields& fields, std::string_view key) {
  const auto value = fields.find(key);
  return value ? value->text().value_or("") : "";
}

/// Takes over what is not empty, and wipes the text.
protocol::Secret secret(std::string text, const Value& value) {
  protocol::Secret result{text};
  protocol::wipe(text);
  if (result.empty()) value.refuse(in_quotes(value.name()) + " gives an empty password");
  return result;
}

protocol::Secret of_environment(const Value& value) {
  const auto name = value.text();
  const char* const found = name ? std::getenv(name->c_str()) : nullptr;
  if (found != nullptr) return secret(found, value);
  if (name) value.refuse("the environment variable that \"password_env\" names is not set");
  return {};
}

/// Editors and `echo` end a file with a newline that is no part of the password.
protocol::Secret of_file(const Value& value) {
  const auto path = value.path();
  if (!path) return {};
  auto text = read_secret_file(*path);
  if (!text.value) {
    value.refuse("\"password_file\": " + text.error, text.hint);
    return {};
  }
  if (text.value->ends_with('\n')) text.value->pop_back();
  if (text.value->ends_with('\r')) text.value->pop_back();
  if (text.value->find_first_of(std::string_view("\n\0", 2)) == std::string::npos) {
    return secret(std::move(*text.value), value);
  }
  protocol::wipe(*text.value);
  value.refuse("the file that \"password_file\" names holds more than one line");
  return {};
}

UpstreamLogin read_upstream_login(const Value& value) {
  const Fields fields = value.fields(user_upstream_keys);
  return {read_text(fields, "user"), read_password(fields), read_text(fields, "database")};
}

std::optional<protocol::ScramVerifier> read_verifier(const Value& value) {
  auto text = value.text();
  if (!text) return std::nullopt;
  auto verifier = protocol::ScramVerifier::parse(*text);
  protocol::wipe(*text);
  if (!verifier) {
    value.refuse("\"password\" is not a SCRAM-SHA-256 verifier",
                 "\"pgwarden hash-password\" makes one from a password; so does the server, in "
                 "pg_authid.rolpassword");
  }
  return verifier;
}

std::vector<std::string> read_certificates(const Value& list) {
  std::vector<std::string> patterns;
  const auto items = list.items();
  if (items.empty() && list.is_list()) list.refuse("\"certificates\" is an empty list");
  for (const Value& item : items) {
    if (auto pattern = item.text()) patterns.push_back(std::move(*pattern));
  }
  return patterns;
}

User read_user(const Value& value) {
  const Fields fields = value.fields(user_keys);
  User user;
  if (const auto name = fields.required("name")) user.name = name->text().value_or("");
  user.label = read_text(fields, "label");
  const auto password = fields.find("password");
  const auto certificates = fields.find("certificates");
  const auto trust = fields.find("trust");
  if (password) user.verifier = read_verifier(*password);
  if (certificates) user.certificates = read_certificates(*certificates);
  if (trust) user.trust = trust->flag().value_or(false);
  if (const auto upstream = fields.find("upstream")) user.upstream = read_upstream_login(*upstream);
  if (user.trust && (password || certificates)) {
    trust->refuse("\"trust\" asks for nothing, and is not to be had with \"password\" or \"certificates\"");
  } else if (!user.trust && !password && !certificates && value.is_map()) {
    value.refuse("user " + in_quotes(user.name) + " has no way to log in",
                 "add \"password\", \"certificates\", or \"trust: true\" for this machine only");
  }
  return user;
}

void read_list(const Value& list, Users& users, Places& places) {
  for (const Value& item : list.items()) {
    User user = read_user(item);
    if (user.name.empty()) continue;
    const std::string place = item.problems().file() + ":" + std::to_string(item.at().line) + ":" +
                              std::to_string(item.at().column);
    if (const auto [first, is_new] = places.emplace(user.name, place); !is_new) {
      item.refuse("another user has the name " + in_quotes(user.name) + " already",
                  "it is at " + first->second);
    }
    users.insert_or_assign(user.name, std::move(user));
  }
}

void read_file(const Value& value, Users& users, Places& places, std::vector<Diagnostic>& of_file) {
  const auto path = value.path();
  if (!path) return;
  auto text = read_secret_file(*path);
  if (!text.value) {
    value.refuse(*path + ": " + text.error, text.hint);
    return;
  }
  Problems problems(*path, *text.value, Problems::Lines::hidden);
  if (const auto root = parse_yaml(*text.value, problems)) {
    if (root->kind == YamlNode::Kind::list) {
      read_list(Value(*root, "users", problems), users, places);
    } else {  // a password perhaps, or a file for another program
      problems.add(root->at, "the file must hold a list of users", "as \"users\" has it");
    }
  }
  protocol::wipe(*text.value);
  const auto all = problems.take();
  of_file.insert(of_file.end(), all.begin(), all.end());
}

}  // namespace

protocol::Secret read_password(const Fields& fields) {
  const auto written = fields.find("password");
  const auto variable = fields.find("password_env");
  const auto file = fields.find("password_file");
  if ((written && variable) || (written && file) || (variable && file)) {
    (file ? file : variable)->refuse("more than one password", "keep one of the keys that give it");
    return {};
  }
  if (variable) return of_environment(*variable);
  if (file) return of_file(*file);
  auto text = written ? written->text() : std::nullopt;
  return text ? secret(std::move(*text), *written) : protocol::Secret();
}

Users read_users(const Fields& root, std::vector<Diagnostic>& of_file) {
  Users users;
  Places places;
  if (const auto list = root.find("users")) read_list(*list, users, places);
  if (const auto file = root.find("users_file")) read_file(*file, users, places, of_file);
  return users;
}

}  // namespace pgwarden::config
