// Small judgements about parts of a statement.
#pragma once

#include <optional>

#include "policy/pg_query/pg_tree.h"

namespace pgwarden::policy::pg {

/// Whether UPDATE or DELETE of `target` with this WHERE clause takes every row: there is none, or one side of
/// an OR (all sides of an AND) does not depend on the row (`true`, `1 = 1`, `$1`, `id = id`, `other.id = 1`)
/// and is not certainly false (`1 = 0`). A condition that looks at a column is taken at its word, also when
/// it happens to be true for all rows (`id IS NOT NULL`).
bool concerns_every_row(const Node* where, const RangeVar* target);

/// The same for MERGE: it changes or deletes, without a further condition, what a join takes that lets every
/// row through, or whatever a join leaves over (WHEN NOT MATCHED BY SOURCE).
bool concerns_every_row(const MergeStmt* merge);

/// Whether EXPLAIN runs its statement (ANALYZE); true unless it is certain that it does not.
bool runs_statement(const ExplainStmt* explain);

}  // namespace pgwarden::policy::pg
