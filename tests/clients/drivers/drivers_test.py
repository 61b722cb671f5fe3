"""Real drivers do one exercise directly and through pgwarden on a protected host: nothing they print may differ. Then
each meets denials: what its user sees, and that the connection goes on.

Every exercise_* program takes "exercise" or "denied", connects as libpq's environment variables say, and prints a line
a step; transcript.txt is what all of them print. PGWARDEN_WRITE_DOCS=1 writes docs/drivers.md.
"""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from lib.servers import ROOT, Pgwarden, ScratchPostgres  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
DOCS = ROOT / "docs" / "drivers.md"
PASSWORD = "secret"
TIMEOUT_S = 60  # for one run of a program
DENIED = {
    "drop": 'cannot execute DROP TABLE on table "kept"',
    "create": 'cannot execute CREATE TABLE on table "made"',
    "update": 'cannot execute UPDATE on table "kept"',
    "transaction": 'cannot execute DELETE on table "kept"',
    "batch": 'cannot execute DROP TABLE on table "kept"',
}

Driver = collections.namedtuple("Driver", "name command differs build", defaults=({}, ()))
DRIVERS = [
    Driver("psycopg 3", ["/usr/bin/python3", HERE / "exercise_psycopg.py"]),
]


def environment(address, database="drivers"):
    host, port = address
    return dict(os.environ, PGHOST=host, PGPORT=str(port), PGUSER="exerciser", PGPASSWORD=PASSWORD, PGDATABASE=database,
                PGAPPNAME="exercise", TZ="UTC", PGTZ="UTC", LC_ALL="C.UTF-8")
