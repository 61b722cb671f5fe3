"""The suites: of each, where its folder is, how it is run against a server, and how its list of results is read."""

import dataclasses
import pathlib
from typing import Callable

import results


@dataclasses.dataclass(frozen=True)
class Suite:
    """`folder` is relative to the one that holds the suites. `command` and the values of `environment` may name that
    one, {checkouts}, the server's {host}, {port}, {user}, {database} (PGHOST and so on are set anyway), and {report},
    the file for the list of results. Without {report} in the command, the list is what it prints."""

    name: str
    folder: str
    command: tuple[str, ...]
    read: Callable
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def writes_report(self):
        return any("{report}" in word for word in self.command)


DSN = "host={host} port={port} user={user} dbname={database}"
HERE = pathlib.Path(__file__).resolve().parent
# -P and append: the installed driver goes before the one in the suite's folder, which is not built.
PYTEST = ("/usr/bin/python3", "-P", "-m", "pytest", "-q", "--import-mode=append", "--override-ini=cache_dir={report}.cache",
          "--timeout=120", "--junitxml={report}", "tests")
MOCHA = ("../../node_modules/.bin/mocha", "--reporter=xunit", "--reporter-option=output={report}", "--exit")
GO_TEST = ("go", "test", "-json", "-count=1", "-p=1", "-vet=off", "-timeout=10m", "./...")
GO_PACKAGES = "/usr/share/gocode/src/github.com/"  # Debian's packages of Go libraries have the tests in them
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode:{checkouts}/go", "PGSSLMODE": "disable"}
NODE = {"NODE_NO_WARNINGS": "1"}  # they would come between a test's name and its outcome
EACH_FILE = """for file in $(find test/integration -name '*-tests.js' | sort); do
  echo "file $file"; timeout 60 node "$file"; status=$?; echo; echo "exit $status"
done"""

SUITES = (
    Suite("psycopg 3", "psycopg3", (*PYTEST, "-m", "not slow"), results.junit, {"PSYCOPG_TEST_DSN": DSN}),
    Suite("asyncpg", "asyncpg", PYTEST, results.junit),
    Suite("node-postgres", "node-postgres/packages/pg", ("sh", "-c", EACH_FILE), results.node_postgres, NODE),
    Suite("pg-pool", "node-postgres/packages/pg-pool", MOCHA, results.junit),
    Suite("pg-cursor", "node-postgres/packages/pg-cursor", MOCHA, results.junit),
    Suite(
        "pg-query-stream",
        "node-postgres/packages/pg-query-stream",
        (*MOCHA, "-r", "ts-node/register", "test/**/*.ts"),
        results.junit,
    ),
    Suite(
        "postgres.js",
        "postgres.js",
        ("node", f"--experimental-loader={HERE}/postgres_js.mjs", "tests/index.js"),
        results.postgres_js,
    ),
    Suite("psycopg2", "psycopg2", PYTEST, results.junit, {"PSYCOPG2_TESTDB": "{database}", "PSYCOPG2_TEST_REPL_DSN": DSN}),
    Suite(
        "DBD::Pg",
        "dbdpg",
        ("prove", "--verbose", "t"),
        results.tap,
        {
            "DBI_DSN": "dbi:Pg:host={host};port={port};dbname={database}",
            "DBI_USER": "{user}",
            "DBDPG_TEST_ALWAYS_ENV": "1",
            "DBDPG_TEST_NOHELPFILE": "1",
        },
    ),
    Suite(
        "ruby-pg",
        "ruby-pg",
        ("rspec", "--order=defined", "--require=helpers", f"--require={HERE}/ruby_pg.rb", "--format=json", "--out={report}"),
        results.rspec_json,
    ),
    Suite("lib/pq", f"{GO_PACKAGES}lib/pq", GO_TEST, results.go_json, GO),
    Suite(
        "lib/pq, binary parameters",
        f"{GO_PACKAGES}lib/pq",
        GO_TEST,
        results.go_json,
        GO | {"PQTEST_BINARY_PARAMETERS": "yes"},
    ),
    Suite(
        "pgconn",
        f"{GO_PACKAGES}jackc/pgconn",
        GO_TEST,
        results.go_json,
        GO | {"PGX_TEST_CONN_STRING": DSN, "PGX_TEST_TCP_CONN_STRING": DSN},
    ),
    Suite("pgx", f"{GO_PACKAGES}jackc/pgx/v4", GO_TEST, results.go_json, GO | {"PGX_TEST_DATABASE": DSN}),
)
