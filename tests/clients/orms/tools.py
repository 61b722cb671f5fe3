"""The tools, each with a project in the folder of its name."""

import dataclasses
import json
import re
import subprocess

from shop import HERE


@dataclasses.dataclass(frozen=True, eq=False)
class Tool:
    name: str
    title: str
    package: str  # of npm, or of Debian
    migrate: list  # the tool's own command for the migrations that are pending
    emptying: str  # what its work.* does when told to empty a table
    work: list = dataclasses.field(default_factory=lambda: ["node", "work.mjs"])
    more_work: tuple = ()  # commands that are ordinary work too
    prepare: tuple = ()  # what a project needs before anything else
    bookkeeping: str = ""  # a table that the tool writes to even when its migration fails
    start: str = ""  # SQL that makes the shop a database that the tool has managed so far
    after_refusal: str = ""  # SQL that takes back what the tool noted of a migration that failed

    def version(self):
        manifest = HERE / "node_modules" / self.package / "package.json"
        if manifest.exists():
            return json.loads(manifest.read_text("utf-8"))["version"]
        debian = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], check=True, capture_output=True,
                                text=True).stdout
        return re.match(r"(?:\d+:)?([\d.]*\d)", debian)[1]


PRISMA = ["node", "node_modules/prisma/build/index.js"]
PYTHON = "/usr/bin/python3"  # Debian's own, which has Debian's packages

TOOLS = [
    Tool(
        "prisma",
        "Prisma",
        "prisma",
        [*PRISMA, "migrate", "deploy"],
        "prisma.tag.deleteMany()",
        more_work=([*PRISMA, "migrate", "status"], [*PRISMA, "db", "pull", "--print"]),
        prepare=([*PRISMA, "generate"], [*PRISMA, "migrate", "resolve", "--applied", "20240101000000_shop"]),
        bookkeeping="_prisma_migrations",
        start='DROP TABLE "_prisma_migrations"',  # the shop's lacks columns that this version of Prisma has
        after_refusal='DELETE FROM "_prisma_migrations" WHERE finished_at IS NULL',
    ),
    Tool(
        "drizzle",
        "Drizzle",
        "drizzle-orm",
        ["node", "node_modules/drizzle-kit/bin.cjs", "migrate"],
        "db.delete(tag)",
        more_work=(
            ["sh", "-c", "node node_modules/drizzle-kit/bin.cjs pull --config pull.config.ts >log || cat log"],
            ["cat", "pulled/schema.ts"],
        ),
    ),
    Tool(
        "typeorm",
        "TypeORM",
        "typeorm",
        ["node", "node_modules/typeorm/cli.js", "migration:run", "-d", "data-source.mjs"],
        "createQueryBuilder().delete()",
    ),
    Tool(
        "sequelize",
        "Sequelize",
        "sequelize",
        ["node", "node_modules/sequelize-cli/lib/sequelize", "db:migrate"],
        "Tag.destroy({ where: {} })",
    ),
    Tool(
        "knex",
        "Knex",
        "knex",
        ["node", "node_modules/knex/bin/cli.js", "migrate:latest"],
        "knex('Tag').del()",
    ),
    Tool(
        "mikro_orm",
        "MikroORM",
        "@mikro-orm/core",
        ["node", "node_modules/@mikro-orm/cli/cli", "migration:up"],
        "em.nativeDelete(Tag, {})",
    ),
    Tool(
        "django",
        "Django",
        "python3-django",
        [PYTHON, "manage.py", "migrate"],
        "Tag.objects.all().delete()",
        work=[PYTHON, "work.py"],
    ),
    Tool(
        "sqlalchemy",
        "SQLAlchemy with Alembic",
        "python3-sqlalchemy",
        [PYTHON, "-m", "alembic", "upgrade", "head"],
        "session.execute(delete(Tag))",
        work=[PYTHON, "work.py"],
    ),
    Tool(
        "rails",
        "Rails ActiveRecord",
        "ruby-activerecord",
        ["rake", "db:migrate"],
        "Tag.delete_all",
        work=["ruby", "work.rb"],
    ),
]
