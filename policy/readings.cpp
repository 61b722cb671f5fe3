#include "policy/readings.h"

#include <functional>
#include <utility>

namespace pgwarden::policy {

namespace {

constexpr std::size_t text_bytes_max = 4096;
constexpr std::size_t reading_bytes_max = std::size_t{16} * 1024;

std::size_t hash_of(std::string_view sql) { return std::hash<std::string_view>()(sql); }

template <class SomeFact>
auto views_of(SomeFact& fact) {
  static_assert(sizeof(Fact) == 16 + 4 * sizeof(std::string_view), "another view has to be here, too");
  return std::array{&fact.command, &fact.schema, &fact.name, &fact.argument};
}

std::size_t names_bytes(const Reading& reading) {
  std::size_t bytes = 0;
  for (const Fact& fact : reading.facts) {
    for (const std::string_view* view : views_of(fact)) bytes += view->size();
  }
  return bytes;
}

std::size_t bytes_of(const Reading& reading) {
  return names_bytes(reading) + reading.facts.size() * sizeof(Fact) +
         reading.statements.size() * sizeof(StatementSpan);
}

}  // namespace

const Reading* Readings::find(std::string_view sql, LexerSettings settings) {
  if (sql.size() > text_bytes_max) return nullptr;
  Slot& slot = (*slots_)[hash_of(sql) % slots];
  if (slot.known == nullptr || slot.known->sql != sql || slot.known->settings != settings) return nullptr;
  slot.seen_once = 0;
  return &slot.known->reading;
}

void Readings::note(std::string_view sql, LexerSettings settings, const Reading& reading) {
  if (sql.size() > text_bytes_max || !reading.error.empty()) return;
  const std::size_t hash = hash_of(sql);
  Slot& slot = (*slots_)[hash % slots];
  if (std::exchange(slot.seen_once, hash) != hash || bytes_of(reading) > reading_bytes_max) return;
  slot.seen_once = 0;
  slot.known = copy(sql, settings, reading);
}

/// With nothing of libpg_query's memory. (There is no `error`.)
std::unique_ptr<const Readings::Known> Readings::copy(std::string_view sql, LexerSettings settings,
                                                      const Reading& reading) {
  static_assert(sizeof(Reading) == 2 * sizeof(std::vector<Fact>) + sizeof(std::string) + 3 * sizeof(void*),
                "another member has to be here, too");
  auto known = std::make_unique<Known>(Known{std::string(sql), settings, {}, {}});
  known->reading.facts = reading.facts;
  known->reading.statements = reading.statements;
  known->reading.may_change_lexing = reading.may_change_lexing;
  known->reading.may_hide_temporary = reading.may_hide_temporary;
  known->names.reserve(names_bytes(reading));  // it does not move from here on
  for (Fact& fact : known->reading.facts) {
    for (std::string_view* view : views_of(fact)) {
      const std::size_t begin = known->names.size();
      known->names += *view;
      *view = std::string_view(known->names).substr(begin);
    }
  }
  return known;
}

}  // namespace pgwarden::policy
