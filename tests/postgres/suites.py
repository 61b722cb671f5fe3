"""PostgreSQL's own suites: how each is run, and what it gives, the result of every file or test by its name."""

import re
import typing

from laboratory import DIRECT

# What is run when time is short: files that need no other before them than test_setup.
SMOKE_REGRESS = """
test: test_setup
test: boolean text numeric enum json jsonb rangetypes strings timestamptz uuid
test: copy copyselect copydml transactions prepared_xacts portals_p2 async largeobject temp prepare
"""
SMOKE_ISOLATION = """
test: deadlock-simple
test: fk-contention
test: lock-update-delete
test: insert-conflict-do-nothing
test: nowait
test: skip-locked
test: async-notify
test: timeouts
test: alter-table-1
test: simple-write-skew
"""


class Result(typing.NamedTuple):
    passed: bool
    output: str


def pg_regress(laboratory, port, program, tests, schedule):
    """The result of each file in the schedule: its output, and whether that is as expected."""
    folder = laboratory.new_folder()
    written = folder / "schedule"
    written.write_text(schedule, encoding="utf-8")
    command = [laboratory.test_programs / program, f"--outputdir={folder}", f"--bindir={laboratory.bin}",
               f"--dlpath={laboratory.loadable}", f"--schedule={written}",
               "--max-connections=4", "--no-locale", "--encoding=UTF8",
               "--host=127.0.0.1", f"--port={port}", "--user=postgres"]
    _, said = laboratory.run(command, tests)  # where it looks for its input
    diffs = folder / "regression.diffs"
    differing = diffs.read_text(encoding="utf-8", errors="replace") if diffs.exists() else ""
    failed = set(re.findall(r"^diff .*/results/(\S+)\.out$", differing, re.MULTILINE))
    results = {}
    for name in " ".join(re.findall(r"^test:(.*)$", schedule, re.MULTILINE)).split():
        output = folder / "results" / f"{name}.out"
        if output.exists():
            results[name] = Result(name not in failed, output.read_text(encoding="utf-8", errors="backslashreplace"))
        else:
            results[name] = Result(False, f"no output; {program} said:\n{said[-2000:]}")
    return results


def regression(laboratory, _, port, smoke):
    tests = laboratory.source / "src/test/regress"
    schedule = SMOKE_REGRESS if smoke else (tests / "parallel_schedule").read_text(encoding="utf-8")
    return pg_regress(laboratory, port, "regress/pg_regress", tests, schedule)


def isolation(laboratory, _, port, smoke):
    tests = laboratory.source / "src/test/isolation"
    schedule = SMOKE_ISOLATION if smoke else (tests / "isolation_schedule").read_text(encoding="utf-8")
    return pg_regress(laboratory, port, "isolation/pg_isolation_regress", tests, schedule)


def libpq_pipeline(laboratory, _, port, __):
    """With the trace of all messages where PostgreSQL holds it against an expected one as well. The other tests send
    until the socket takes no more: how much that is depends on buffers, not on the protocol."""
    folder = laboratory.new_folder()
    _, names = laboratory.run([laboratory.libpq_pipeline, "tests"], folder)
    results = {}
    for name in names.split():
        command = [laboratory.libpq_pipeline, "-r", "700", name,
                   f"host=127.0.0.1 port={port} user=postgres dbname=postgres"]
        trace = folder / f"{name}.trace"
        if (laboratory.source / "src/test/modules/libpq_pipeline/traces" / trace.name).exists():
            command[1:1] = ["-t", trace]
        status, said = laboratory.run(command, folder)
        output = "" if status == 0 else said
        if trace.exists():
            output = said + trace.read_text(encoding="utf-8")
        results[name] = Result(status == 0, output)
    return results


def tap(program, laboratory, route, _, __):
    """The files that start a server; ThroughPgwarden.pm puts pgwarden in its place. with_readline: Debian's psql is."""
    results = {}
    for file in sorted((laboratory.source / "src/bin" / program / "t").glob("*.pl")):
        if "Cluster->new" not in file.read_text(encoding="utf-8"):
            continue
        folder = laboratory.new_folder()
        perl = ["perl", f"-I{laboratory.test_programs}/perl"]
        if route != DIRECT:
            perl += [f"-I{laboratory.folder}", "-MThroughPgwarden"]
        status, said = laboratory.run(
            [*perl, file], folder, TESTDIR=folder, TESTDATADIR=folder, TESTLOGDIR=folder / "log", with_readline="yes",
            PG_REGRESS=laboratory.test_programs / "regress/pg_regress",
            PGWARDEN_BINARY=laboratory.binary, PGWARDEN_PROTECT=route.protect or "")
        skipped = re.search(r"^1\.\.0 # SKIP.*", said, re.MULTILINE)
        results[file.name] = Result(status == 0 and not skipped, skipped[0] if skipped else f"status {status}")
        for ok, number, what in re.findall(r"^(not ok|ok) (\d+)(.*)$", said, re.MULTILINE):
            # Some are named after process ids and what they draw by lot.
            name = re.sub(r"\d+", "N", what.replace(str(folder), "FOLDER"))
            results[f"{file.name} {number}"] = Result(ok == "ok", f"{ok}{name}")
    return results
