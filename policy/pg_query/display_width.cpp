#include "policy/display_width.h"

#include <algorithm>

#include "policy/pg_query/pg_tree.h"
#include "policy/utf8.h"

namespace pgwarden::policy {

std::size_t display_width(std::string_view text) {
  // PostgreSQL's function relies on the bytes that the first one promises.
  if (utf8_character(text).bytes == 0) return 1;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  return static_cast<std::size_t>(std::max(pg_wchar_table[PG_UTF8].dsplen(bytes), 1));
}

}  // namespace pgwarden::policy
