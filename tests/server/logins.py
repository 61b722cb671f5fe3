"""All logins that there are: how the client reaches pgwarden, how pgwarden reaches the server, who checks what. Each works
or gives one error; docs/logins.md has them as a table."""

import itertools
import typing

from support import BINARY, ServerTest
from lib.servers import ROOT, Pgwarden, ScratchPostgres, free_port

DOCS = ROOT / "docs" / "logins.md"
AUTHS = ("passthrough", "managed", "key_passthrough")
TLS = ("off", "on", "direct")
ROLES = {"trust": "trusted", "password": "plain", "md5": "hashed", "scram-sha-256": "scram", "cert": "certified"}
MANAGED_PASSWORD = "hers"  # of all managed users, ROLE_client
DIRECT_SINCE = 170000  # server_version_num that knows TLS without an SSLRequest

DOCS_HEAD = """\
# Which logins work

Every combination of [`auth`](config.md#auth), the method that the server asks for, and TLS on either side: `off`, `on`
(by an SSLRequest), `direct` (`sslnegotiation=direct`; of the server PostgreSQL 17 and later). Where the table says
nothing, the client is logged in as the right role. The others get the error of that letter, and nothing else; which it is
depends on the configuration alone, so the first client that tries shows it.

Psql, node-postgres and pgjdbc try all of them against a real server:
[login_matrix_test.py](../tests/server/login_matrix_test.py), [logins_test.py](../tests/clients/drivers/logins_test.py).

"""

DOCS_LEGEND = """
The columns: TLS between client and pgwarden / between pgwarden and server. With `passthrough`, `trust` and `cert` ask the
client for nothing: it is pgwarden's address, or its certificate, that the server trusts, and whoever reaches the listener
is logged in. `managed` asks.

"""


class Fault(typing.NamedTuple):
    """An error that logins end with, {user} being the client and {role} whom the server knows; what it means."""

    letter: str
    message: str
    meaning: str


COULD_NOT = 'pgwarden could not log in to upstream "127.0.0.1:{port}" as "{role}": '
REJECTED = 'pg_hba.conf rejects connection for host "127.0.0.1", user "{role}", database "postgres", no encryption'
FAULTS = [
    BINDING := Fault("A", "SCRAM channel binding cannot pass through pgwarden: TLS to the server begins there",
                     "Only of clients that bind (libpq, psql; node-postgres with `enableChannelBinding`, which gets it in "
                     "clear, too); all others log in. Connect with `channel_binding=disable`, or without TLS to pgwarden, "
                     "or change `auth`."),
    NO_TLS := Fault("B", REJECTED, "The server wants pgwarden's certificate, which it shows by TLS only: `sslmode`, "
                    "`sslcert` and `sslkey` in the upstream's URL. The message is the server's own."),
    NO_TLS_MANAGED := Fault("C", COULD_NOT + REJECTED, "The same, where pgwarden logs in."),
    IN_CLEAR := Fault("D", COULD_NOT + "it asks for the password as it is, which is sent by TLS only",
                      "Anybody between could read it: `sslmode=verify-full` in the upstream's URL, or have the server ask "
                      "by `scram-sha-256`."),
    ONLY_A_KEY := Fault("E", COULD_NOT + "it asks for a password, and there is only a SCRAM key",
                        "pgwarden never has the password: have the server ask by `scram-sha-256`."),
    NO_VERIFIER := Fault("F", 'password authentication failed for user "{user}"',
                         "The server keeps an MD5 hash of this role's password, which proves nothing to pgwarden: set the "
                         "password again with `password_encryption = 'scram-sha-256'`. The log says `the server keeps "
                         "no SCRAM-SHA-256 verifier of it`."),
]


class Login(typing.NamedTuple):
    auth: str
    method: str  # of the server, as in pg_hba.conf
    upstream: str  # TLS to the server
    client: str  # TLS of the client

    @property
    def role(self):
        return ROLES[self.method]

    @property
    def user(self):
        """What the client calls itself."""
        return f"{self.role}_client" if self.auth == "managed" else self.role

    @property
    def password(self):
        return MANAGED_PASSWORD if self.auth == "managed" else f"password of {self.role}"

    def fault(self, binds):
        """The error that it ends with; None: it works. `binds`: whether the client says that it could bind the
        login to a TLS connection."""
        managed, keys = self.auth == "managed", self.auth == "key_passthrough"
        if self.method == "cert" and self.upstream == "off":
            return NO_TLS if self.auth == "passthrough" else NO_TLS_MANAGED
        if self.method == "scram-sha-256" and self.auth == "passthrough" and self.upstream != "off":
            return BINDING if binds else None
        if self.method == "password" and (managed and self.upstream == "off" or keys):
            return IN_CLEAR if managed else ONLY_A_KEY
        return NO_VERIFIER if self.method == "md5" and keys else None


def documentation():
    """What docs/logins.md has to say."""
    ways = list(itertools.product(TLS, TLS))
    lines = [DOCS_HEAD, "| `auth` | the server asks by | ", " | ".join(f"{client} / {server}" for client, server in ways),
             " |\n|", " --- |" * (2 + len(ways)), "\n"]
    for auth, method in itertools.product(AUTHS, ROLES):
        faults = [Login(auth, method, server, client).fault(client != "off") for client, server in ways]
        cells = [f"`{auth}`", f"`{method}`", *(fault.letter if fault else "" for fault in faults)]
        lines.append(f"| {' | '.join(cells)} |\n")
    lines.append(DOCS_LEGEND)
    for fault in FAULTS:
        message = fault.message.format(port=5432, role="ROLE", user="USER").replace("127.0.0.1:5432", "HOST:PORT")
        lines.append(f"- **{fault.letter}**: `{message}`. {fault.meaning}\n")
    return "".join(lines)


class Logins(ServerTest):
    """A server that has a role for each method, and a listener for each way to it."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.make_authority()
        cls.ca = cls.authority.path
        certificate, key = cls.authority.issue("server", "localhost", ["DNS:localhost", "IP:127.0.0.1"], "postgres")
        hba = [f"host all {role} all {method}" for method, role in ROLES.items() if method != "cert"]
        cls.postgres = cls.enterClassContext_(ScratchPostgres(
            f"ssl = on\nssl_cert_file = '{certificate}'\nssl_key_file = '{key}'\nssl_ca_file = '{cls.ca}'",
            "\n".join([*hba, "hostssl all certified all cert", "host all certified all reject", "host all lookup all md5"])))
        cls.postgres.psql("postgres", "CREATE TABLE written (login text); GRANT INSERT ON written TO PUBLIC;" + "".join(
            f"SET password_encryption = '{'md5' if role == 'hashed' else 'scram-sha-256'}';"
            f"CREATE ROLE {role} LOGIN PASSWORD 'password of {role}';" for role in [*ROLES.values(), "lookup"]
        ) + "GRANT SELECT ON pg_authid TO lookup")
        knows_direct = int(cls.postgres.psql("postgres", "SHOW server_version_num")) >= DIRECT_SINCE
        cls.upstreams = TLS if knows_direct else TLS[:2]
        front = cls.authority.issue("front", "localhost", ["DNS:localhost", "IP:127.0.0.1"])
        own = cls.authority.issue("own", "certified")
        encrypted = f"sslmode=verify-full&sslrootcert={cls.ca}&sslcert={own[0]}&sslkey={own[1]}"
        modes = {"off": "sslmode=disable", "on": encrypted, "direct": encrypted + "&sslnegotiation=direct"}
        verifier = cls.postgres.psql("postgres", f"CREATE ROLE maker PASSWORD '{MANAGED_PASSWORD}'; "
                                                 "SELECT rolpassword FROM pg_authid WHERE rolname = 'maker'")
        cls.ports = {way: free_port() for way in itertools.product(AUTHS, cls.upstreams)}
        lines = ["listeners:"]
        for (auth, upstream), port in cls.ports.items():
            login = "lookup:password%20of%20lookup@" if auth == "key_passthrough" else ""
            lines += [f"  - listen: 127.0.0.1:{port}", f"    auth: {auth}",
                      f"    upstream: postgres://{login}127.0.0.1:{cls.postgres.port}/?{modes[upstream]}",
                      f"    tls: {{mode: prefer, certificate: {front[0]}, key: {front[1]}}}"]
        lines.append("users:")
        lines += [f"  - {{name: {role}_client, password: '{verifier}', upstream: {{user: {role}, "
                  f"password: 'password of {role}'}}}}" for role in ROLES.values()]
        pgwarden = Pgwarden(BINARY, cls.postgres)
        pgwarden.write_config("\n".join(lines) + "\n")
        cls.pgwarden = cls.enterClassContext_(pgwarden)

    def port(self, login):
        return self.ports[login.auth, login.upstream]

    def statements(self, client, login):
        """What `client` does when it is logged in: a write, and a query for who it is and how pgwarden has come in."""
        return (f"INSERT INTO written VALUES ('{client} {' '.join(login)}')",
                "SELECT current_user || ' ' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")

    def check(self, client, ways, log_in, binds):
        """Tries all logins with these ways to pgwarden. `log_in` gives, for each of a list of logins, what the query of
        statements() has answered, or the error. `binds` tells for a login whether the client would bind it."""
        logins = [Login(*each) for each in itertools.product(AUTHS, ROLES, self.upstreams, ways)]
        expected = {}
        for login in logins:
            fault = login.fault(binds(login))
            expected[login] = (f"error: {fault.message}" if fault else "{role} {ssl}").format(
                port=self.postgres.port, role=login.role, user=login.user, ssl=str(login.upstream != "off").lower())
        self.assertEqual(dict(zip(logins, log_in(logins), strict=True)), expected)
        written = self.postgres.psql("postgres", f"SELECT login FROM written WHERE login LIKE '{client} %'").splitlines()
        self.assertEqual(sorted(written), sorted(
            f"{client} {' '.join(login)}" for login in logins if not expected[login].startswith("error")))
