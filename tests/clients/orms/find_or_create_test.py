"""Sequelize's findOrCreate makes a function in pg_temp: refused as code, unless a rule that docs/config.md shows lets
functions of the session pass."""

import os
import re
import unittest

from shop import ROOT, Pgwarden, Project, Shop

WORK = ["node", "work.mjs", "find-or-create"]


def documented_rule():
    """As in the docs, which are Markdown: YAML between fences."""
    docs = (ROOT / "docs" / "config.md").read_text("utf-8")
    return re.search(r"```yaml\n(rules:\n  - name: functions-of-the-session\n.*?)```", docs, re.S)[1]


class FindOrCreate(unittest.TestCase):
    def test_a_rule_lets_it_pass(self):
        with Shop() as shop, Project("sequelize") as project:
            exit_code, output = project.run(WORK, shop.url("shop", direct=False))
            self.assertNotEqual(exit_code, 0)
            self.assertIn('cannot execute CREATE OR REPLACE FUNCTION on function "pg_temp.testfunc": rule "no-ddl"', output)
            with Pgwarden(os.environ["PGWARDEN_BINARY"], shop.postgres, documented_rule()) as pgwarden:
                url = f"postgresql://shop@127.0.0.1:{pgwarden.protected[1]}/shop"
                exit_code, output = project.run(WORK, url)
            self.assertEqual((exit_code, output), (0, "find or create [400,true]\nfind or create [400,false]\n"))


if __name__ == "__main__":
    unittest.main()
