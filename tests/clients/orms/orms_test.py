"""ORMs and their migration tools on a protected host with the preset guarded: ordinary work is the same as without
pgwarden, migrations are refused in words that the tool shows.

PGWARDEN_WRITE_DOCS=1 writes what the tools show to docs/clients.md, which otherwise has to hold just that."""

import concurrent.futures
import dataclasses
import json
import os
import re
import unittest

import transcripts
from shop import Project, Shop
from tools import TOOLS

STEPS = {"create": "no-ddl", "alter": "no-ddl", "drop": "no-drop"}
MESSAGE = re.compile(r'cannot execute [A-Z ]+ on \w+ "[^"]+": rule "([\w-]+)" denies it on protected host "127.0.0.1" '
                     r"\(pgwarden ([2-9A-HJ-NP-Z]{6})\)")


@dataclasses.dataclass
class Refusal:
    exit_code: int
    output: str
    unchanged: bool
    direct: tuple = (0, "")  # the same without pgwarden: exit code and output


@dataclasses.dataclass
class Outcome:
    """What a tool did."""

    work: dict  # by whether it was direct: exit codes and outputs
    statements: dict  # by whether it was direct: what the server ran
    denials: list  # of ordinary work
    empty: Refusal
    migrations: dict
    products_left: str


def play(shop, tool):
    name = tool.name
    with Project(name) as project:
        shop.create_database(name)
        if tool.start:
            shop.postgres.psql(name, f"SET ROLE shop; {tool.start}")
        for command in (*tool.prepare, tool.migrate):
            exit_code, output = project.run(command, shop.url(name, direct=True))
            if exit_code:
                raise AssertionError(f"{command}: {output}")
        start = f"{name}_start"
        shop.postgres.psql("postgres", f"ALTER DATABASE {name} RENAME TO {start}")

        work, statements = {}, {}
        for direct in (True, False):
            shop.create_database(name, start)
            mark = shop.log_mark()
            url = shop.url(name, direct)
            work[direct] = [project.run(command, url) for command in (tool.work, *tool.more_work)]
            statements[direct] = sorted(map(transcripts.without_chance, shop.statements(name, mark)))
        denials = denials_of(shop, name)
        empty = refusal(shop, project, name, [*tool.work, "empty"])
        migrations = {}
        for step in STEPS:
            project.add(step)
            migrations[step] = refusal(shop, project, name, tool.migrate, tool.bookkeeping)
            if tool.after_refusal:
                shop.postgres.psql(name, tool.after_refusal)
            migrations[step].direct = project.run(tool.migrate, shop.url(name, direct=True))
        products_left = shop.postgres.psql(name, """SELECT to_regclass('"Product"')""")
        return Outcome(work, statements, denials, empty, migrations, products_left)


def refusal(shop, project, database, command, bookkeeping=None):
    before = shop.dump(database, bookkeeping)
    exit_code, output = project.run(command, shop.url(database, direct=False))
    return Refusal(exit_code, output, shop.dump(database, bookkeeping) == before)


def denials_of(shop, database):
    records = [json.loads(line) for line in shop.pgwarden.log_text().splitlines() if line.startswith("{")]
    return [record for record in records if record["message"] == "statement denied" and record["database"] == database]


class Orms(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with Shop() as shop, concurrent.futures.ThreadPoolExecutor(3) as pool:
            futures = {tool: pool.submit(play, shop, tool) for tool in TOOLS}
            concurrent.futures.wait(futures.values())
            cls.denials = {tool: {record["decision"]: record for record in denials_of(shop, tool.name)} for tool in TOOLS}
        cls.outcomes = {tool: future.result() for tool, future in futures.items()}

    def test_ordinary_work_passes_as_it_does_without_pgwarden(self):
        for tool, outcome in self.outcomes.items():
            with self.subTest(tool.title):
                self.assertEqual(outcome.denials, [])
                self.assertEqual(outcome.work[False], outcome.work[True])
                for exit_code, output in outcome.work[False]:
                    self.assertEqual(exit_code, 0, output)

    def test_the_server_sees_the_same_statements(self):
        for tool, outcome in self.outcomes.items():
            with self.subTest(tool.title):
                self.assertEqual(outcome.statements[False], outcome.statements[True])
                self.assertGreater(len(outcome.statements[False]), 20)

    def test_migrations_are_refused_in_our_words(self):
        for tool, outcome in self.outcomes.items():
            with self.subTest(tool.title):
                for step, rule in STEPS.items():
                    refused = outcome.migrations[step]
                    self.assertNotEqual(refused.exit_code, 0, refused.output)
                    self.assertTrue(refused.unchanged, step)
                    self.assert_shows(tool, refused.output, {rule, "no-ddl"} if tool.name == "drizzle" else {rule})
                    exit_code, output = refused.direct
                    self.assertEqual(exit_code, 0, output)
                self.assertEqual(outcome.products_left, "")

    def test_emptying_a_table_is_refused(self):
        for tool, outcome in self.outcomes.items():
            with self.subTest(tool.title):
                self.assertNotEqual(outcome.empty.exit_code, 0)
                self.assertTrue(outcome.empty.unchanged)
                self.assert_shows(tool, outcome.empty.output, {"no-unbounded-write"})

    def assert_shows(self, tool, output, rules):
        found = MESSAGE.search(output)
        self.assertIsNotNone(found, output)
        self.assertIn(found[1], rules)
        self.assertEqual(self.denials[tool][found[2]]["rule"], found[1])

    def test_the_docs_show_it(self):
        sections = {tool: transcripts.section(tool, self.outcomes[tool]) for tool in TOOLS}
        if os.environ.get("PGWARDEN_WRITE_DOCS"):
            transcripts.write("".join(sections.values()))
        written = transcripts.written()
        for tool in TOOLS:
            with self.subTest(tool.title):
                self.assertIn(f"\n### {tool.title} ", written)
                if transcripts.heading(tool) in written:  # of another version it may look otherwise
                    self.assertIn(sections[tool], written)


if __name__ == "__main__":
    unittest.main()
