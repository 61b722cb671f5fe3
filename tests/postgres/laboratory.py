"""Where PostgreSQL's own tests run: a folder that belongs to an unprivileged user, with a copy of their source and what
is compiled of it, and the three ways to the server."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from lib.servers import Pgwarden, ScratchPostgres  # noqa: E402

OBSERVE = "preset: observe\n"
# A run of the longest suite takes a few minutes on a busy machine.
TIMEOUT_S = 900


class Route(typing.NamedTuple):
    """A way to the server; `protect` is the host that the pgwarden on it protects, none when it is direct."""

    name: str
    protect: str | None


DIRECT = Route("direct", None)
UNPROTECTED = Route("through, unprotected", "elsewhere.invalid")
OBSERVED = Route("through, observe", "*")
ROUTES = (DIRECT, UNPROTECTED, OBSERVED)


class Laboratory:
    def __init__(self, source, binary):
        self.temporary = tempfile.TemporaryDirectory(prefix="pgwarden-suites-")
        self.folder = pathlib.Path(self.temporary.name)
        # The newest, as in scripts/scratch-postgres.
        installed = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
        self.pg_config = max(installed, key=lambda path: int(path.parts[4])).with_name("pg_config")
        self.bin = self.directory_of("bindir")
        self.test_programs = self.directory_of("pgxs").parents[1] / "test"
        # The user may not be allowed where these are.
        self.source = self.folder / "source"
        shutil.copytree(source, self.source)
        self.binary = self.folder / "pgwarden"
        shutil.copy(binary, self.binary)
        shutil.copy(pathlib.Path(__file__).with_name("ThroughPgwarden.pm"), self.folder)
        self.compile()
        # PostgreSQL refuses to run as root, and so do its tests.
        self.user = "postgres" if os.geteuid() == 0 else None
        os.chmod(self.folder, 0o755)
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self.user)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def directory_of(self, what):
        done = subprocess.run([self.pg_config, f"--{what}"], check=True, capture_output=True, text=True)
        return pathlib.Path(done.stdout.strip())

    def compile(self):
        """The functions in C that the regression tests load, beside those of contrib, and libpq_pipeline."""
        compiler = ["cc", "-O1", f"-I{self.directory_of('includedir')}", f"-I{self.directory_of('includedir-server')}"]
        libraries = self.directory_of("pkglibdir")
        tests = self.source / "src/test"
        self.loadable = self.folder / "loadable"
        self.loadable.mkdir()
        for name in ("autoinc.so", "refint.so"):
            shutil.copy(libraries / name, self.loadable)
        regress = [tests / "regress/regress.c", "-o", self.loadable / "regress.so"]
        subprocess.run([*compiler, "-fPIC", "-shared", *regress], check=True)
        self.libpq_pipeline = self.folder / "libpq_pipeline"
        pipeline = [tests / "modules/libpq_pipeline/libpq_pipeline.c", "-o", self.libpq_pipeline]
        subprocess.run([*compiler, *pipeline, f"-L{libraries}", "-lpgcommon", "-lpgport", "-lpq"], check=True)

    @contextlib.contextmanager
    def server(self, route):
        """The port of a new server, or of a pgwarden in front of it."""
        with ScratchPostgres(conf="max_prepared_transactions = 2") as postgres:
            if route == DIRECT:
                yield postgres.port
            else:
                with Pgwarden(self.binary, postgres, OBSERVE) as pgwarden:
                    yield (pgwarden.protected if route == OBSERVED else pgwarden.unprotected)[1]

    def new_folder(self):
        path = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        if self.user:
            shutil.chown(path, self.user)
        return path

    def run(self, command, folder, **environment):
        """The exit status, and what was written to the standard output and error, as the unprivileged user."""
        as_user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        path = f"{self.bin}:{os.environ['PATH']}"
        done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path, **environment}, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              encoding="utf-8", errors="backslashreplace", timeout=TIMEOUT_S, **as_user)
        return done.returncode, done.stdout
