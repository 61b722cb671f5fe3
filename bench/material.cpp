#include "bench/material.h"

#include "config/presets.h"

namespace pgwarden::bench {

namespace {

std::string list(const std::string& item, int count) {
  std::string text = item;
  for (int i = 1; i < count; ++i) text += ", " + item;
  return text;
}

}  // namespace

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

policy::Principal somebody() {
  policy::Principal who;
  who.user = "app";
  who.database = "shop";
  who.application_name = "bench";
  who.host = "db.example.com";
  return who;
}

policy::Policy guarded(int rules) {
  policy::Policy policy;
  for (int i = 0; i < rules; ++i) {
    policy::Rule rule;
    rule.name = "rule-" + std::to_string(i);
    rule.match.classes.set(static_cast<std::size_t>(policy::StatementClass::write));
    rule.match.classes.set(static_cast<std::size_t>(policy::StatementClass::write_unbounded));
    rule.match.objects = {"ledger.table_" + std::to_string(i)};
    policy.rules.push_back(std::move(rule));
  }
  std::vector<config::Diagnostic> diagnostics;
  if (!config::add_preset("guarded", policy, diagnostics)) std::abort();
  return policy;
}

}  // namespace pgwarden::bench
