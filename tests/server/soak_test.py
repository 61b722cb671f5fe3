"""The soak run, for a few seconds, and that its check finds what is wrong."""

import unittest

from support import ServerTest
from soak import ledger
from soak.mixed_load import POLICIES, Soak
from soak.samples import slope


class Check(ServerTest):
    extra = POLICIES[0]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.soak = Soak(cls.postgres, cls.pgwarden, 3, of_each=1)
        cls.soak.run()

    def rows_of(self, end):
        """(writer, number) of one that ended so."""
        return next((account.writer, account.ends.index(end)) for account in self.soak.accounts if end in account.ends)

    def assert_finds(self, sql, *words):
        """What is wrong when `sql` has been done past pgwarden."""
        self.postgres.psql("postgres", sql)
        (wrong,) = self.soak.wrong()
        for word in words:
            self.assertIn(word, wrong)

    def test_1_nothing_is_wrong(self):
        self.assertEqual(self.soak.wrong(), [])
        for account in self.soak.accounts:
            self.assertGreater(account.rounds, 0, account.name)
        self.assertGreater(self.soak.denials(), 0)
        self.assertIn(" accounted for in a log ", self.soak.figures())

    def test_2_a_write_that_is_lost_or_there_twice_or_was_refused_is_found(self):
        writer, n = self.rows_of(ledger.WRITTEN)
        row = f"({writer}, {n})"
        self.assert_finds(f"INSERT INTO ledger VALUES {row}", f"{n} of ", " is written, and 2 times there")
        self.assert_finds(f"DELETE FROM ledger WHERE (writer, n) = {row}", f"{n} of ", " is written, and 0 times there")
        self.postgres.psql("postgres", f"INSERT INTO ledger VALUES {row}")
        refused = self.rows_of(ledger.REFUSED)
        self.assert_finds(f"INSERT INTO ledger VALUES {refused}", f"{refused[1]} of ", " is refused, and 1 times there")
        self.postgres.psql("postgres", f"DELETE FROM ledger WHERE (writer, n) = {refused}")
        self.assert_finds("INSERT INTO ledger VALUES (-1, 0)", "nobody wrote it")
        self.postgres.psql("postgres", "DELETE FROM ledger WHERE writer = -1")
        self.assert_finds("INSERT INTO forbidden VALUES (1)", "1 rows that were denied are there")
        self.postgres.psql("postgres", "DELETE FROM forbidden")
        self.assert_finds("DELETE FROM pgbench_history WHERE ctid IN (SELECT ctid FROM pgbench_history LIMIT 1)",
                          "pgbench: ")


class Slope(unittest.TestCase):
    def test_is_that_of_the_line_through_the_points(self):
        self.assertEqual(slope([(x, 5) for x in range(10)]), 0)
        self.assertAlmostEqual(slope([(x, 7 + 3 * x + (-1) ** x) for x in range(100)]), 3, places=2)


if __name__ == "__main__":
    unittest.main()
