#include "policy/pg_query/read_only.h"

namespace pgwarden::policy::pg {
namespace {

constexpr std::string_view read_write = "SET ... READ WRITE";

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [text](std::string_view word) { return equal_ignoring_case(text, word); });
}

}  // namespace

std::string_view read_only_setting(std::string_view name) {
  for (const std::string_view setting : {"transaction_read_only", "default_transaction_read_only"}) {
    if (equal_ignoring_case(name, setting)) return setting;
  }
  return {};
}

std::string_view read_only_command(std::optional<std::string_view> value) {
  return value && is_one_of(*value, {"on", "true", "yes", "1"}) ? "SET" : read_write;
}

void add_read_write(FactCollector& collector, const List* modes, std::string_view setting) {
  for (const ListCell& cell : cells(modes)) {
    const auto* mode = as_if<DefElem>(node_of(cell), T_DefElem);
    if (mode == nullptr || view(mode->defname) != "transaction_read_only") continue;
    const auto* value = as_if<A_Const>(mode->arg, T_A_Const);
    const bool on = value != nullptr && nodeTag(&value->val.node) == T_Integer && value->val.ival.ival == 1;
    if (on) continue;
    collector.add(StatementClass::session, ObjectKind::setting, read_write,
                  {{}, setting, {}, mode->location});
  }
}

}  // namespace pgwarden::policy::pg
