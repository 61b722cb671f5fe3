#include "config/test_file.h"

#include "config/keys.h"
#include "config/values.h"
#include "policy/network.h"

namespace pgwarden::config {

namespace {

void read_text(const Fields& fields, std::string_view key, std::optional<std::string>& target) {
  if (const auto value = fields.find(key)) target = value->text();
}

/// `defaults`, with what `value` says in their place.
Sender read_sender(const Value& value, Sender defaults) {
  const Fields fields = value.fields(sender_keys);
  read_text(fields, "user", defaults.user);
  read_text(fields, "label", defaults.label);
  read_text(fields, "certificate", defaults.certificate);
  read_text(fields, "database", defaults.database);
  read_text(fields, "application", defaults.application);
  read_text(fields, "host", defaults.host);
  if (const auto client = fields.find("client")) {
    defaults.client = client->text();
    if (defaults.client && *defaults.client != "unix" && !policy::parse_address(*defaults.client)) {
      client->refuse("\"" + *defaults.client + "\" is not an address", "an IP address, or unix");
    }
  }
  return defaults;
}

Expectation read_expectation(const Value& value, const Sender& defaults) {
  const Fields fields = value.fields(test_keys);
  Expectation test;
  test.at = value.at();
  test.who = defaults;
  if (const auto statement = fields.required("statement")) test.statement = statement->prose().value_or("");
  if (const auto who = fields.find("who")) test.who = read_sender(*who, defaults);
  if (const auto effect = fields.required("expect")) {
    if (const auto index = effect->word("verdict", effect_words))
      test.effect = static_cast<policy::Effect>(*index);
  }
  read_text(fields, "rule", test.rule);
  return test;
}

TestFile read_test_file(const Value& root) {
  const Fields fields = root.fields(test_file_keys);
  TestFile file;
  if (const auto config = fields.find("config")) file.config = config->text().value_or("");
  Sender defaults;
  if (const auto who = fields.find("who")) defaults = read_sender(*who, {});
  if (const auto tests = fields.required("tests")) {
    const auto items = tests->items();
    for (const Value& test : items) file.tests.push_back(read_expectation(test, defaults));
    if (items.empty() && tests->is_list()) tests->refuse("\"tests\" is an empty list");
  }
  return file;
}

}  // namespace

LoadedTests load_tests(std::string_view text, const std::string& file_name) {
  LoadedTests loaded;
  Problems problems(file_name, text);
  if (const auto root = parse_yaml(text, problems)) {
    loaded.file = read_test_file(Value(*root, "test file", problems));
  }
  loaded.diagnostics = problems.take();
  if (!loaded.diagnostics.empty()) loaded.file.reset();
  return loaded;
}

}  // namespace pgwarden::config
