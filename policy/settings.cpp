#include "policy/settings.h"

#include <algorithm>
#include <array>

#include "policy/letters.h"

namespace pgwarden::policy {
namespace {

constexpr std::array lexing_settings{std::string_view{"standard_conforming_strings"},
                                     std::string_view{"client_encoding"}};

constexpr std::array privileged_settings{
    std::string_view{"session_authorization"},   std::string_view{"session_replication_role"},
    std::string_view{"allow_system_table_mods"}, std::string_view{"zero_damaged_pages"},
    std::string_view{"ignore_checksum_failure"}, std::string_view{"lo_compat_privileges"},
    std::string_view{"local_preload_libraries"}, std::string_view{"session_preload_libraries"},
    std::string_view{"dynamic_library_path"},    std::string_view{"extension_control_path"},
    std::string_view{"plperl.on_plperl_init"},   std::string_view{"plperl.on_plperlu_init"},
    std::string_view{"event_triggers"}};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view entry) { return equal_ignoring_case(entry, name); });
}

}  // namespace

bool is_lexing_setting(std::string_view name) { return contains(lexing_settings, name); }

bool is_privileged_setting(std::string_view name) { return contains(privileged_settings, name); }

}  // namespace pgwarden::policy
