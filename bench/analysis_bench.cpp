// What the analysis of a statement costs: text to verdict, beside libpg_query's bare raw parse and its
// protobuf parse of the same text. Prints medians of rounds that take turns, in microseconds, and their
// ratios.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "config/presets.h"
#include "policy/pg_query/pg_tree.h"
#include "policy/verdict.h"

namespace {

using namespace pgwarden;

constexpr int rounds = 31;
constexpr std::chrono::milliseconds round_time{4};

struct Statement {
  const char* name;
  std::string sql;
};

std::string list(const std::string& item, int count) {
  std::string text = item;
  for (int i = 1; i < count; ++i) text += ", " + item;
  return text;
}

std::vector<Statement> statements() {
  return {
      {"pgbench select", "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;"},
      {"pgbench update", "UPDATE pgbench_accounts SET abalance = abalance + -17 WHERE aid = 4711;"},
      {"pgbench insert",
       "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, 4711, -17, "
       "CURRENT_TIMESTAMP);"},
      {"begin", "BEGIN"},
      {"select 1", "SELECT 1"},
      {"set", "SET application_name = 'worker'"},
      {"Prisma findUnique",
       R"(SELECT "public"."User"."id", "public"."User"."email", "public"."User"."name" FROM "public"."User" WHERE )"
       R"(("public"."User"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3)"},
      {"Prisma create",
       R"(INSERT INTO "public"."Order" ("total","createdAt","userId") VALUES ($1,$2,$3) RETURNING )"
       R"("public"."Order"."id", "public"."Order"."total", "public"."Order"."createdAt")"},
      {"Prisma update",
       R"(UPDATE "public"."Product" SET "stock" = $1, "updatedAt" = $2 WHERE ("public"."Product"."id" = $3 AND 1=1))"},
      {"Django get",
       R"(SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login", "auth_user"."is_superuser", )"
       R"("auth_user"."username", "auth_user"."email" FROM "auth_user" WHERE "auth_user"."id" = 7 LIMIT 21)"},
      {"Django join",
       R"(SELECT "shop_order"."id", "shop_order"."total", "auth_user"."username" FROM "shop_order" INNER JOIN )"
       R"("auth_user" ON ("shop_order"."user_id" = "auth_user"."id") WHERE ("shop_order"."created" >= '2026-01-01' )"
       R"(AND NOT ("shop_order"."cancelled")) ORDER BY "shop_order"."created" DESC LIMIT 50)"},
      {"Django count", R"(SELECT COUNT(*) AS "__count" FROM "shop_product" WHERE "shop_product"."active")"},
      {"SQLAlchemy select",
       "SELECT users.id, users.name, addresses.id AS id_1, addresses.email FROM users LEFT OUTER JOIN "
       "addresses ON "
       "users.id = addresses.user_id WHERE users.name = $1::VARCHAR ORDER BY addresses.id"},
      {"SQLAlchemy delete", "DELETE FROM addresses WHERE addresses.id = 12 AND addresses.user_id = 7"},
      {"analytics",
       "WITH daily AS (SELECT date_trunc('day', created) AS day, product_id, sum(total) AS total FROM orders "
       "WHERE "
       "created > now() - interval '30 days' GROUP BY 1, 2) SELECT day, p.name, total, rank() OVER "
       "(PARTITION BY day "
       "ORDER BY total DESC) FROM daily JOIN products p ON p.id = daily.product_id WHERE total > 100 ORDER "
       "BY day"},
      {"upsert",
       "INSERT INTO counters (key, value) VALUES ($1, 1) ON CONFLICT (key) DO UPDATE SET value = "
       "counters.value + 1 "
       "RETURNING value"},
      {"queue",
       "UPDATE jobs SET state = 'running', started = now() WHERE id = (SELECT id FROM jobs WHERE state = "
       "'ready' "
       "ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING *"},
      {"json",
       "SELECT data->>'name', jsonb_array_length(data->'tags') FROM docs WHERE data @> '{\"kind\": \"a\"}'"},
      {"INSERT of 100 rows", "INSERT INTO t (a, b, c) VALUES " + list("(1, 'text', now())", 100)},
      {"IN list of 5,000", "SELECT * FROM t WHERE id IN (" + list("123456", 5000) + ")"},
  };
}

void verdict(const policy::Policy& policy, const policy::Principal& who, const std::string& sql) {
  (void)policy::decide(policy, who, policy::read_statements(sql, {}));
}

void raw_parse(const std::string& sql) {
  MemoryContext memory = pg_query_enter_memory_context();
  const PgQueryInternalParsetreeAndError result = pg_query_raw_parse(sql.c_str(), 0);
  if (result.error != nullptr) pg_query_free_error(result.error);
  std::free(result.stderr_buffer);
  pg_query_exit_memory_context(memory);
}

void protobuf_parse(const std::string& sql) {
  pg_query_free_protobuf_parse_result(pg_query_parse_protobuf(sql.c_str()));
}

/// Microseconds for one call, over one round.
template <class Work>
double once(Work work) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  int calls = 0;
  do {
    work();
    ++calls;
  } while (Clock::now() - began < round_time);
  return std::chrono::duration<double, std::micro>(Clock::now() - began).count() / calls;
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + rounds / 2, values.end());
  return values[rounds / 2];
}

}  // namespace

int main() {
  policy::Policy policy;
  std::vector<config::Diagnostic> diagnostics;
  if (!config::add_preset("guarded", policy, diagnostics)) return 1;
  policy::Principal who;
  who.user = "app";
  who.database = "shop";
  who.application_name = "bench";
  who.host = "db.example.com";
  std::printf("%-22s %9s %9s %9s %8s %8s\n", "statement", "verdict", "raw", "protobuf", "/raw", "protobuf/");
  std::vector<double> to_raw;
  std::vector<double> faster;
  for (const Statement& statement : statements()) {
    std::vector<double> ours;
    std::vector<double> raw;
    std::vector<double> protobuf;
    for (int round = 0; round < rounds; ++round) {
      ours.push_back(once([&] { verdict(policy, who, statement.sql); }));
      raw.push_back(once([&] { raw_parse(statement.sql); }));
      protobuf.push_back(once([&] { protobuf_parse(statement.sql); }));
    }
    const double a = median(ours);
    const double b = median(raw);
    const double c = median(protobuf);
    to_raw.push_back(a / b);
    faster.push_back(c / a);
    std::printf("%-22s %9.2f %9.2f %9.2f %8.2f %8.1f\n", statement.name, a, b, c, a / b, c / a);
  }
  std::sort(to_raw.begin(), to_raw.end());
  std::sort(faster.begin(), faster.end());
  std::printf("median of %zu statements: %.2f of the raw parse, %.1f times faster than the protobuf parse\n",
              to_raw.size(), to_raw[to_raw.size() / 2], faster[faster.size() / 2]);
}
