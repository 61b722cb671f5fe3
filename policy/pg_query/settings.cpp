#include "policy/pg_query/settings.h"

#include "policy/pg_query/read_only.h"
#include "policy/settings.h"

namespace pgwarden::policy::pg {

void add_setting(FactCollector& collector, std::string_view name, std::optional<std::string_view> value,
                 int position) {
  const StatementClass cls = is_privileged_setting(name) ? StatementClass::system : StatementClass::session;
  Fact& fact = collector.add(cls, ObjectKind::setting, "SET", {{}, name, {}, position});
  fact.argument = value.value_or(std::string_view{});
  if (const std::string_view known = read_only_setting(name); !known.empty()) {
    fact.name = known;
    fact.command = read_only_command(value);
  }
}

}  // namespace pgwarden::policy::pg
