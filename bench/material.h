// What is measured: texts of every kind, and the policy they are held against.
#pragma once

#include <string>
#include <vector>

#include "policy/policy.h"

namespace pgwarden::bench {

struct Statement {
  std::string name;
  std::string sql;
};

/// As pgbench, Prisma, Django, SQLAlchemy and people with questions write them. The last two are long.
std::vector<Statement> statements();

policy::Principal somebody();

/// The preset `guarded` behind so many rules about other tables.
policy::Policy guarded(int rules = 0);

}  // namespace pgwarden::bench
