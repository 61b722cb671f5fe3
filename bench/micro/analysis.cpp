// What reading and judging a statement costs, beside libpg_query's bare raw parse and its Protobuf parse of
// the same text.
#include <benchmark/benchmark.h>

#include "bench/material.h"
#include "policy/pg_query/pg_tree.h"
#include "policy/verdict.h"

namespace pgwarden::bench {

namespace {

void facts(const std::string& sql) { benchmark::DoNotOptimize(policy::read_statements(sql, {})); }

void verdict(const std::string& sql, const policy::Policy& policy) {
  static const policy::Principal who = somebody();
  benchmark::DoNotOptimize(policy::decide(policy, who, policy::read_statements(sql, {})));
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

template <class Work>
void measure(const char* what, const Statement& statement, Work work) {
  benchmark::RegisterBenchmark((std::string(what) + "/" + statement.name).c_str(),
                               [work, sql = statement.sql](benchmark::State& state) {
                                 for (auto _ : state) work(sql);
                               })
      ->Unit(benchmark::kMicrosecond);
}

const bool analysis_measured = [] {
  static const policy::Policy preset = guarded();
  static const policy::Policy thousand = guarded(1000);
  for (const Statement& statement : statements()) {
    measure("verdict", statement, [](const std::string& sql) { verdict(sql, preset); });
    measure("verdict_of_1000_rules", statement, [](const std::string& sql) { verdict(sql, thousand); });
    measure("facts", statement, facts);
    measure("raw_parse", statement, raw_parse);
    measure("protobuf_parse", statement, protobuf_parse);
  }
  return true;
}();

}  // namespace

}  // namespace pgwarden::bench
