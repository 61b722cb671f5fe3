"""The suites: of each, where its folder is, how it is run against a server, and how its list of results is read."""

import dataclasses
import pathlib
from typing import Callable

import results


@dataclasses.dataclass(frozen=True)
class Suite:
    """`folder` is relative to the one that holds the suites. `command` and the values of `environment` may name that
    one, {checkouts}, the server's {host}, {port}, {user}, {database} (PGHOST and so on are set anyway), and {report},
    the file for the list of results. Without {report}, the list is what it prints."""

    name: str
    folder: str
    version: tuple[str, ...]  # prints the version of the driver
    command: tuple[str, ...]
    read: Callable
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def writes_report(self):
        return any("{report}" in word for word in (*self.command, *self.environment.values()))




def debian(package):
    return ("dpkg-query", "--show", "--showformat=${Version}", package)


OWN_VERSION = ("node", "-p", "require('./package.json').version")
DSN = "host={host} port={port} user={user} dbname={database}"
HERE = pathlib.Path(__file__).resolve().parent
# -P and append: the installed driver goes before the one in the suite's folder, which is not built.
PYTEST = (
    *("/usr/bin/python3", "-P", "-m", "pytest", "-q", "--import-mode=append", "tests"),
    *("--timeout=120", "--junitxml={report}", "--override-ini=cache_dir={report}.cache"),
)
RSPEC_REPORT = ("--format=json", "--out={report}")
MOCHA = ("../../node_modules/.bin/mocha", "--reporter=xunit", "--reporter-option=output={report}", "--exit")
GO_TEST = ("go", "test", "-json", "-count=1", "-p=1", "-vet=off", "-timeout=10m", "./...")
GO_PACKAGES = "/usr/share/gocode/src/github.com/"  # Debian's packages of Go libraries have the tests in them
GO = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode:{checkouts}/go", "PGSSLMODE": "disable"}
NODE = {"NODE_NO_WARNINGS": "1"}  # they would come between a test's name and its outcome
EACH_FILE = """for file in $(find test/integration -name '*-tests.js' | sort); do
  echo "file $file"; timeout 60 node "$file"; status=$?; echo; echo "exit $status"
done"""

SUITES = (
    Suite(
        "psycopg 3",
        "psycopg3",
        debian("python3-psycopg"),
        (*PYTEST, "-m", "not slow"),
        results.junit,
        {"PSYCOPG_TEST_DSN": DSN},
    ),
    Suite("asyncpg", "asyncpg", debian("python3-asyncpg"), PYTEST, results.junit),
    Suite(
        "node-postgres",
        "node-postgres/packages/pg",
        OWN_VERSION,
        ("sh", "-c", EACH_FILE),
        results.node_postgres,
        NODE,
    ),
    Suite("pg-pool", "node-postgres/packages/pg-pool", OWN_VERSION, MOCHA, results.junit),
    Suite("pg-cursor", "node-postgres/packages/pg-cursor", OWN_VERSION, MOCHA, results.junit),
    Suite(
        "pg-query-stream",
        "node-postgres/packages/pg-query-stream",
        OWN_VERSION,
        (*MOCHA, "-r", "ts-node/register", "test/**/*.ts"),
        results.junit,
    ),
    Suite(
        "postgres.js",
        "postgres.js",
        OWN_VERSION,
        ("node", f"--experimental-loader={HERE}/postgres_js.mjs", "tests/index.js"),
        results.postgres_js,
    ),
    Suite(
        "psycopg2",
        "psycopg2",
        debian("python3-psycopg2"),
        PYTEST,
        results.junit,
        {"PSYCOPG2_TESTDB": "{database}", "PSYCOPG2_TEST_REPL_DSN": DSN},
    ),
    Suite(
        "DBD::Pg",
        "dbdpg",
        debian("libdbd-pg-perl"),
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
        debian("ruby-pg"),
        ("rspec", "--order=defined", "--require=helpers", f"--require={HERE}/ruby_pg.rb", *RSPEC_REPORT),
        results.rspec_json,
    ),
    Suite(
        "php-pgsql",
        "php",
        ("php", "-r", "echo phpversion('pgsql');"),
        ("php", "run-tests.php", "-q", "--offline", "ext/pgsql", "ext/pdo_pgsql", "ext/pdo"),
        results.junit,
        {
            "TEST_PHP_EXECUTABLE": "/usr/bin/php",
            "TEST_PHP_JUNIT": "{report}",
            "PGSQL_TEST_CONNSTR": DSN,
            "PDO_PGSQL_TEST_DSN": f"pgsql:{DSN}",
        },
    ),
    Suite("lib/pq", f"{GO_PACKAGES}lib/pq", debian("golang-github-lib-pq-dev"), GO_TEST, results.go_json, GO),
    Suite(
        "lib/pq, binary parameters",
        f"{GO_PACKAGES}lib/pq",
        debian("golang-github-lib-pq-dev"),
        GO_TEST,
        results.go_json,
        GO | {"PQTEST_BINARY_PARAMETERS": "yes"},
    ),
    Suite(
        "pgconn",
        f"{GO_PACKAGES}jackc/pgconn",
        debian("golang-github-jackc-pgconn-dev"),
        GO_TEST,
        results.go_json,
        GO | {"PGX_TEST_CONN_STRING": DSN, "PGX_TEST_TCP_CONN_STRING": DSN},
    ),
    Suite(
        "pgx",
        f"{GO_PACKAGES}jackc/pgx/v4",
        debian("golang-github-jackc-pgx-v4-dev"),
        GO_TEST,
        results.go_json,
        GO | {"PGX_TEST_DATABASE": DSN},
    ),
)
