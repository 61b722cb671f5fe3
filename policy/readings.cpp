#include "policy/readings.h"

#include <functional>
#include <utility>

namespace pgwarden::policy {

namespace {

constexpr std::size_t text_bytes_max = 4096;
constexpr std::size_t reading_bytes_max = std::size_t{16} * 1024;

std::array<std::string_view*, 4> views_of(Fact& fact) {
  static_assert(sizeof(Fact) == 16 + 4 * sizeof(std::string_view), "another view has to be here, too");
  return {&fact.command, &fact.schema, &fact.name, &fact.argument};
}

}  // namespace

const Reading* Readings::find(std::string_view sql, LexerSettings settings) {
  if (sql.size() > text_bytes_max) return nullptr;
  Place& place = (*places_)[std::hash<std::string_view>()(sql) % places];
  if (place.kept == nullptr || place.kept->sql != sql || place.kept->settings != settings) return nullptr;
  place.waiting = 0;
  return &place.kept->reading;
}

void Readings::note(std::string_view sql, LexerSettings settings, const Reading& reading) {
  if (sql.size() > text_bytes_max || !reading.error.empty()) return;
  const std::size_t hash = std::hash<std::string_view>()(sql);
  Place& place = (*places_)[hash % places];
  if (std::exchange(place.waiting, hash) != hash) return;
  place.waiting = 0;
  place.kept = kept(sql, settings, reading);
}

/// A copy with nothing of libpg_query's memory; nullptr when it would be large.
std::unique_ptr<const Readings::Kept> Readings::kept(std::string_view sql, LexerSettings settings,
                                                     const Reading& reading) {
  auto copy = std::make_unique<Kept>(Kept{std::string(sql), settings, {}, {}});
  copy->reading.facts = reading.facts;
  copy->reading.statements = reading.statements;
  copy->reading.may_change_lexing = reading.may_change_lexing;
  copy->reading.may_hide_temporary = reading.may_hide_temporary;
  std::size_t names_bytes = 0;
  for (Fact& fact : copy->reading.facts) {
    for (const std::string_view* view : views_of(fact)) names_bytes += view->size();
  }
  const std::size_t reading_bytes =
      names_bytes + reading.facts.size() * sizeof(Fact) + reading.statements.size() * sizeof(StatementSpan);
  if (reading_bytes > reading_bytes_max) return nullptr;
  copy->names.reserve(names_bytes);  // it does not move from here on
  for (Fact& fact : copy->reading.facts) {
    for (std::string_view* view : views_of(fact)) {
      const std::size_t begin = copy->names.size();
      copy->names += *view;
      *view = std::string_view(copy->names).substr(begin);
    }
  }
  return copy;
}

}  // namespace pgwarden::policy
