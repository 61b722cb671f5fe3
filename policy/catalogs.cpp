#include "policy/catalogs.h"

#include <algorithm>
#include <array>

namespace pgwarden::policy {
namespace {

using namespace std::string_view_literals;

/// Tables, and views that an UPDATE goes through, in order.
constexpr std::array names{"enabled_roles"sv,
                           "pg_aggregate"sv,
                           "pg_am"sv,
                           "pg_amop"sv,
                           "pg_amproc"sv,
                           "pg_attrdef"sv,
                           "pg_attribute"sv,
                           "pg_auth_members"sv,
                           "pg_authid"sv,
                           "pg_cast"sv,
                           "pg_class"sv,
                           "pg_collation"sv,
                           "pg_constraint"sv,
                           "pg_conversion"sv,
                           "pg_database"sv,
                           "pg_db_role_setting"sv,
                           "pg_default_acl"sv,
                           "pg_depend"sv,
                           "pg_description"sv,
                           "pg_enum"sv,
                           "pg_event_trigger"sv,
                           "pg_extension"sv,
                           "pg_foreign_data_wrapper"sv,
                           "pg_foreign_server"sv,
                           "pg_foreign_table"sv,
                           "pg_group"sv,
                           "pg_index"sv,
                           "pg_inherits"sv,
                           "pg_init_privs"sv,
                           "pg_language"sv,
                           "pg_largeobject"sv,
                           "pg_largeobject_metadata"sv,
                           "pg_namespace"sv,
                           "pg_opclass"sv,
                           "pg_operator"sv,
                           "pg_opfamily"sv,
                           "pg_parameter_acl"sv,
                           "pg_partitioned_table"sv,
                           "pg_pltemplate"sv,
                           "pg_policy"sv,
                           "pg_proc"sv,
                           "pg_publication"sv,
                           "pg_publication_namespace"sv,
                           "pg_publication_rel"sv,
                           "pg_range"sv,
                           "pg_replication_origin"sv,
                           "pg_rewrite"sv,
                           "pg_seclabel"sv,
                           "pg_sequence"sv,
                           "pg_settings"sv,
                           "pg_shdepend"sv,
                           "pg_shdescription"sv,
                           "pg_shseclabel"sv,
                           "pg_stat_database_conflicts"sv,
                           "pg_statistic"sv,
                           "pg_statistic_ext"sv,
                           "pg_statistic_ext_data"sv,
                           "pg_subscription"sv,
                           "pg_subscription_rel"sv,
                           "pg_tablespace"sv,
                           "pg_transform"sv,
                           "pg_trigger"sv,
                           "pg_ts_config"sv,
                           "pg_ts_config_map"sv,
                           "pg_ts_dict"sv,
                           "pg_ts_parser"sv,
                           "pg_ts_template"sv,
                           "pg_type"sv,
                           "pg_user_mapping"sv,
                           "sql_features"sv,
                           "sql_implementation_info"sv,
                           "sql_languages"sv,
                           "sql_packages"sv,
                           "sql_parts"sv,
                           "sql_sizing"sv,
                           "sql_sizing_profiles"sv};
static_assert(std::is_sorted(names.begin(), names.end()));

}  // namespace

bool is_catalog(std::string_view schema, std::string_view name) {
  if (schema.empty()) return std::binary_search(names.begin(), names.end(), name);
  return schema == "pg_catalog" || schema == "information_schema" || schema == "pg_toast";
}

}  // namespace pgwarden::policy
