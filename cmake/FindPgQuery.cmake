# PgQuery::PgQuery: libpg_query's static library with the parser's internal headers (design decision D1).
find_path(PgQuery_INCLUDE_DIR pg_query/pg_query_internal.h REQUIRED)
find_library(PgQuery_LIBRARY NAMES libpg_query.a REQUIRED)
find_library(PgQuery_PROTOBUF_C_LIBRARY NAMES protobuf-c REQUIRED)

add_library(PgQuery::PgQuery STATIC IMPORTED)
set_target_properties(
  PgQuery::PgQuery
  PROPERTIES IMPORTED_LOCATION ${PgQuery_LIBRARY}
             INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
             "${PgQuery_INCLUDE_DIR};${PgQuery_INCLUDE_DIR}/pg_query;${PgQuery_INCLUDE_DIR}/pg_query/postgres"
             INTERFACE_INCLUDE_DIRECTORIES
             "${PgQuery_INCLUDE_DIR};${PgQuery_INCLUDE_DIR}/pg_query;${PgQuery_INCLUDE_DIR}/pg_query/postgres"
             INTERFACE_LINK_LIBRARIES "${PgQuery_PROTOBUF_C_LIBRARY};Threads::Threads")
