"""The sticker shop of scripts/demo on a scratch server, pgwarden in front of it, and projects that work with it."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from lib.servers import ROOT, Pgwarden, ScratchPostgres  # noqa: E402

TIMEOUT_S = 120


class Shop:
    """For the time of a `with`. The database "shop" is a template: each project works on copies of it."""

    def __enter__(self):
        self.postgres = ScratchPostgres("log_statement = all\nlog_line_prefix = '%d|'")
        self.postgres.__enter__()
        try:
            self.postgres.psql("postgres", "CREATE ROLE shop LOGIN")
            self.postgres.psql("postgres", "CREATE DATABASE shop OWNER shop")
            self.postgres.psql("shop", "SET SESSION AUTHORIZATION shop;\n" + (ROOT / "scripts/demo.sql").read_text("utf-8"))
            self.pgwarden = Pgwarden(os.environ["PGWARDEN_BINARY"], self.postgres)
            self.pgwarden.__enter__()
        except BaseException:
            self.postgres.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.pgwarden.__exit__()
        finally:
            self.postgres.__exit__()

    def url(self, database, direct):
        port = self.postgres.port if direct else self.pgwarden.protected[1]
        return f"postgresql://shop@127.0.0.1:{port}/{database}"

    def create_database(self, name, template="shop"):
        self.postgres.psql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.postgres.psql("postgres", f"CREATE DATABASE {name} TEMPLATE {template} OWNER shop")

    def dump(self, database, without_data_of=None):
        """The whole database as text."""
        command = ["pg_dump", "--no-password", *(["--exclude-table-data", without_data_of] if without_data_of else [])]
        done = subprocess.run([*command, self.url(database, direct=True)], check=True, capture_output=True, text=True,
                              timeout=TIMEOUT_S)
        return re.sub(r"^\\(un)?restrict .*$", "", done.stdout, flags=re.M)

    def log_mark(self):
        return pathlib.Path(self.postgres.directory, "log").stat().st_size

    def statements(self, database, mark):
        """What the server was told to run in `database` since `mark`."""
        with open(pathlib.Path(self.postgres.directory, "log"), encoding="utf-8") as log:
            log.seek(mark)
            entries = re.split(r"^(?!\t)", log.read(), flags=re.M)
        said = re.compile(rf"{database}\|LOG:  (?:statement|execute [^:]+|fastpath function call): (.*)", re.S)
        return [found[1].strip() for found in map(said.match, entries) if found]


class Project:
    """A copy of a tool's folder `project`, in a folder of its own for the time of a `with`."""

    def __init__(self, tool):
        self.source = HERE / tool

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="pgwarden-orms-")
        self.directory = pathlib.Path(self.home, self.source.name)
        self.add("project")
        (self.directory / "node_modules").symlink_to((HERE / "node_modules").resolve())
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.home, ignore_errors=True)

    def add(self, step):
        """Adds the files of a later state of the project."""
        shutil.copytree(self.source / step, self.directory, dirs_exist_ok=True)

    def run(self, command, url):
        """Exit code and output of a command."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": self.home,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "DATABASE_URL": url,
            "NO_COLOR": "1",
            "NODE_NO_WARNINGS": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "CHECKPOINT_DISABLE": "1",  # Prisma's question for a newer version
        }
        done = subprocess.run(command, cwd=self.directory, env=environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT_S, check=False)
        return done.returncode, done.stdout
