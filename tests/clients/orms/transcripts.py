"""What tools print, for docs/clients.md."""

import re
import shlex

from shop import ROOT

DOCS = ROOT / "docs" / "clients.md"
MARK = "<!-- Written by tests/clients/orms/orms_test.py: PGWARDEN_WRITE_DOCS=1 -->\n"
MOST_LINES = 40

FRAMES = [
    r"^ *at .*\n",  # Node.js
    r'^  File ".*\n(?:    .*\n)*',  # Python
    r"^\t*(?:from )?/.*:\d+:in .*\n",  # Ruby
]
VARYING = [
    (r"\x1b\[[0-9;]*[A-Za-z]", ""),
    (r"(?:\[[^\]]\] applying migrations\.\.\.)+", "[⣷] applying migrations..."),
    (r"\(pgwarden \w{6}\)", "(pgwarden 7Q4K2M)"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:6432"),
    (r"\b\d+\.\d+s\b", "0.0s"),
    (r"Node: [\d.]+", "Node: 20"),
    (r"^Node\.js v.*\n", ""),
    (r"^ *(?:length: \d+|\w+: undefined),?\n", ""),
    (r"( line: )'\d+'", r"\1'1'"),
    (r"(?:/[^\s/']+)+/node_modules/", "node_modules/"),
    (r"/[^\s']*/pgwarden-orms-\w+/", "/home/"),
    (r"\n{3,}", "\n\n"),
]


def without_chance(statement):
    """A statement as it is in every run: without times, identifiers of threads and the like.

    Knex names a savepoint by one counter for transactions and connections, and its pool opens as many as it needs."""
    statement = re.sub(r"\btrx\d+", "trxNUMBER", statement)
    statement = re.sub(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", statement)
    statement = re.sub(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*", "TIME", statement)
    return re.sub(r"[0-9a-f]{6,}", "NUMBER", statement)


def readable(output):
    for frames in FRAMES:
        output = re.sub(rf"(?:{frames})+", "    ...\n", output, flags=re.M)
    for pattern, replacement in VARYING:
        output = re.sub(pattern, replacement, output, flags=re.M)
    lines = [line.rstrip() for line in output.strip("\n").splitlines()]
    return "\n".join(lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "..."])


def heading(tool):
    return f"\n### {tool.title} {tool.version()}\n"


def section(tool, outcome):
    command = shlex.join(tool.migrate).replace("/usr/bin/", "")
    refused = outcome.migrations["drop"]
    hint = "with" if re.search(r"Do not retry", refused.output) else "without"
    return f"""\
{heading(tool)}
{len(outcome.statements[False])} statements of ordinary work pass. `{tool.emptying}` is refused by `no-unbounded-write`.
A migration is refused, {hint} the hint in what the tool shows:

```
$ {command}
{readable(refused.output)}
```
"""


def written():
    return DOCS.read_text("utf-8")


def write(sections):
    DOCS.write_text(written().split(MARK)[0] + MARK + sections, "utf-8")
