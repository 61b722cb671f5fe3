// The policy: ordered rules and the hosts they protect. Plain, immutable once loaded.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "policy/facts.h"
#include "policy/network.h"

namespace pgwarden::policy {

/// What a rule says of a fact, strictest first. The zero value denies.
enum class Effect : std::uint8_t { deny, warn, allow };

/// What happens to the session after a denial.
enum class OnDeny : std::uint8_t { error, terminate };

/// Who is asking, for one session. `host` is the upstream host as the configuration names it.
struct Principal {
  std::string user;                       ///< that the client logs in as
  std::string label;                      ///< of that user; empty: none
  std::vector<std::string> certificates;  ///< the names of the client's certificate, verified: CN, then DNS
  std::string database;
  std::string application_name;
  std::string client;  ///< as logged: "127.0.0.1:41234" or "unix"
  std::string via;     ///< the proxy that says so, in the same form; empty: none
  Address address;
  std::string host;
};

/// What a rule looks at. An empty list (or unset flag) matches everything; within a list any entry is enough.
struct Match {
  std::bitset<32> classes;                ///< by StatementClass; none set = any (see decide())
  std::bitset<32> kinds;                  ///< by ObjectKind; none set = any
  std::vector<std::string> commands;      ///< globs on Fact::command, upper and lower case alike
  std::vector<std::string> objects;       ///< globs: "name" or "schema.name"
  std::vector<std::string> functions;     ///< globs like `objects`, for facts about functions and procedures
  std::vector<std::string> users;         ///< globs
  std::vector<std::string> labels;        ///< globs; none matches a client without a label
  std::vector<std::string> certificates;  ///< globs, one on one of the names is enough
  std::vector<std::string> databases;     ///< globs
  std::vector<std::string> applications;  ///< globs on application_name (what the client says of itself)
  std::vector<std::string> hosts;         ///< globs, upper and lower case alike
  std::vector<Network> networks;
  std::optional<bool> temporary;
  std::optional<bool> cascade;
  std::optional<bool> dynamic;
};

/// The members of Match, by the names that a policy file gives them.
enum class MatchKey : std::uint8_t {
  classes,
  kinds,
  commands,
  objects,
  functions,
  users,
  labels,
  certificates,
  databases,
  applications,
  networks,
  hosts,
  temporary,
  cascade,
  dynamic,
};

inline constexpr auto match_key_names = std::to_array<std::string_view>(
    {"classes", "kinds", "commands", "objects", "functions", "users", "labels", "certificates", "databases",
     "applications", "networks", "hosts", "temporary", "cascade", "dynamic"});

/// One rule and where it was written.
struct Rule {
  std::string name;
  Effect effect = Effect::deny;
  OnDeny on_deny = OnDeny::error;
  Match match;
  std::string reason;
  std::string hint;
  std::string file;  ///< "guarded" for a rule of a preset
  int line = 0;
};

/// Rules in the order in which they are asked, and found by the class and the name of a fact: a policy may
/// have thousands of rules for single tables.
class Rules {
 public:
  using value_type = Rule;

  Rules() = default;
  Rules(std::vector<Rule> rules) {  // NOLINT(google-explicit-constructor): it is the same list
    for (Rule& rule : rules) push_back(std::move(rule));
  }
  Rules(std::initializer_list<Rule> rules) : Rules(std::vector<Rule>(rules)) {}

  void push_back(Rule rule);

  auto begin() const noexcept { return all_.begin(); }
  auto end() const noexcept { return all_.end(); }
  std::size_t size() const noexcept { return all_.size(); }
  bool empty() const noexcept { return all_.empty(); }
  const Rule& operator[](std::size_t index) const { return all_[index]; }

  /// The first rule that may match `fact` and of which `matches(rule)` says that it does; nullptr: none.
  template <typename Matches>
  const Rule* first(const Fact& fact, Matches matches) const {
    const OfClass& candidates = of_class_[static_cast<std::size_t>(fact.cls)];
    const std::vector<std::uint32_t> none;
    // A fact without a name may be about any object.
    const auto& unnamed = fact.name.empty() ? candidates.all : candidates.of_any_name;
    const auto named = candidates.of_name.find(fact.name);
    const auto& of_name = fact.name.empty() || named == candidates.of_name.end() ? none : named->second;
    for (std::size_t i = 0, k = 0; i < unnamed.size() || k < of_name.size();) {
      const bool next_is_named = i == unnamed.size() || (k < of_name.size() && of_name[k] < unnamed[i]);
      const Rule& rule = all_[next_is_named ? of_name[k++] : unnamed[i++]];
      if (matches(rule)) return &rule;
    }
    return nullptr;
  }

 private:
  struct HashOfName {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept {
      return std::hash<std::string_view>()(name);
    }
  };
  using Places = std::vector<std::uint32_t>;
  /// Places in all_ of the rules for one class, ascending.
  struct OfClass {
    Places all;
    Places of_any_name;
    std::unordered_map<std::string, Places, HashOfName, std::equal_to<>> of_name;  ///< the others
  };

  std::vector<Rule> all_;
  std::array<OfClass, statement_class_names.size()> of_class_;
};

/// The hosts that are protected.
struct Protect {
  std::vector<std::string> hosts;  ///< globs on the upstream host, upper and lower case alike
  std::vector<Network> networks;   ///< for upstream hosts given as IP addresses; "unix" for sockets
};

/// Rules of the file, then those of the preset; the first that matches a fact answers for it.
struct Policy {
  Rules rules;
  Effect default_effect = Effect::deny;  ///< of a fact that no rule matches
  std::string preset;
  Protect protect;
  /// Sessions with protected hosts begin with default_transaction_read_only = on, so that the server itself
  /// refuses what writes, also from within functions.
  bool server_read_only = false;
  std::uint64_t version = 0;  ///< counts reloads, for the log

  /// Whether statements for this upstream host are judged (and not only observed). `host` is taken as it is
  /// written: names are not resolved, so a host given by name is found by a pattern and not by a network.
  bool protects(const std::string& host) const;
};

}  // namespace pgwarden::policy
