"""The accident that pgwarden is for, with the ORM that it happened with: an agent makes a table by hand through the
ORM's raw SQL, a migration follows, and to clean up it drops the products."""

import unittest

from shop import Project, Shop
from tools import TOOLS

PRISMA = next(tool for tool in TOOLS if tool.name == "prisma")
ACCIDENT = ["node", "accident.mjs"]


class PostMortem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shop = cls.enterClassContext_(Shop())
        cls.project = cls.enterClassContext_(Project("prisma"))
        cls.shop.postgres.psql("shop", PRISMA.start)
        for command in PRISMA.prepare:
            cls.run_well(command, cls.shop.url("shop", direct=True))
        cls.project.add("create")

    @classmethod
    def enterClassContext_(cls, manager):
        value = manager.__enter__()
        cls.addClassCleanup(manager.__exit__, None, None, None)
        return value

    @classmethod
    def run_well(cls, command, url):
        exit_code, output = cls.project.run(command, url)
        if exit_code:
            raise AssertionError(f"{command}: {output}")
        return output

    def test_without_pgwarden_the_products_are_gone(self):
        self.shop.create_database("lost")
        url = self.shop.url("lost", direct=True)
        self.assertEqual(self.run_well([*ACCIDENT, "create"], url), "created\n")
        self.run_well(PRISMA.migrate, url)
        self.assertEqual(self.run_well([*ACCIDENT, "drop"], url), "dropped\n")
        self.assertEqual(self.shop.postgres.psql("lost", """SELECT to_regclass('"Product"')"""), "")

    def test_through_pgwarden_they_remain(self):
        self.shop.create_database("kept")
        before = self.shop.dump("kept", PRISMA.bookkeeping)
        url = self.shop.url("kept", direct=False)
        for command, refused, rule in (
            ([*ACCIDENT, "create"], "CREATE TABLE", "no-ddl"),
            (PRISMA.migrate, "CREATE TABLE", "no-ddl"),
            ([*ACCIDENT, "drop"], "DROP TABLE", "no-drop"),
        ):
            exit_code, output = self.project.run(command, url)
            self.assertNotEqual(exit_code, 0)
            self.assertRegex(output, f'cannot execute {refused} on table "[^"]+": rule "{rule}" denies it')
        self.assertEqual(self.shop.dump("kept", PRISMA.bookkeeping), before)
        self.assertEqual(self.shop.postgres.psql("kept", 'SELECT count(*) FROM "Product"'), "590")


if __name__ == "__main__":
    unittest.main()
