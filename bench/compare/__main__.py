"""Measures pgwarden beside other proxies. Run by scripts/bench."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import re
import resource
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

import analysis  # noqa: E402
import report  # noqa: E402
from huge_pages import huge_pages  # noqa: E402
from lib.certificates import Authority  # noqa: E402
from lib.servers import ROOT, ScratchPostgres  # noqa: E402
from proxies import COMPARED, FILES_MAX, Given  # noqa: E402
from stand_in import stand_in  # noqa: E402
from works import prepare, works  # noqa: E402

FACTS = "facts and verdict"
HUGE_PAGES = 200  # of 2 MiB: more than the shared_buffers of bench/postgresql.conf


class RunningPostgres(ScratchPostgres):
    """One that somebody else has started on 127.0.0.1."""

    def __init__(self, port):
        self.port = port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def given(text):
    match = re.fullmatch(r"([^=]+)=([^=]+):(\d+):(\d+)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=HOST:PORT:PID")
    return Given(match[1], (match[2], int(match[3])), int(match[4]))


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measures pgwarden beside other proxies, 1:1 in front of a scratch server.",
        epilog="Other proxies need a server that runs already: PGWARDEN_SCRATCH_CONF=$(<bench/postgresql.conf) "
               "scripts/scratch-postgres start DIR, whose port is in DIR/port.")
    parser.add_argument("--quick", action="store_true", help="less than 8 minutes: short rounds")
    parser.add_argument("--rounds", type=int, help="how often each work is done (5, with --quick 3)")
    parser.add_argument("--seconds", type=int, help="how long each time (5, with --quick 1)")
    parser.add_argument("--works", default="", metavar="REGEX", help="only the works that this finds")
    parser.add_argument("--proxies", default="", metavar="REGEX", help="only the proxies that this finds")
    parser.add_argument("--server", type=int, metavar="PORT", help="a server on 127.0.0.1 in place of a scratch one; "
                        "its database bench is made anew")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "bench" / "results", metavar="DIR",
                        help="where results.json, .md and .svg are written (bench/results)")
    parser.add_argument("--document", type=pathlib.Path, metavar="FILE",
                        help="a Markdown file that gets the table between its marks, and the picture beside it")
    parser.add_argument("others", nargs="*", type=given, metavar="NAME=HOST:PORT:PID",
                        help="one more proxy, in front of --server; with PID 0 it is the server itself")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 5)
    if options.others and not options.server:
        parser.error("other proxies need --server")
    return options


def machine():
    """With the load that others put on it: called before ours."""
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    name = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {name[1]}, "
            f"Linux {platform.release()}, load {os.getloadavg()[1]:.1f}")


def chosen(options, work):
    """The proxies of a work: those of its kinds that are wanted, and those that somebody has given."""
    given_too = options.others if work.compares and not (work.tls or work.idle) else []
    return [kind for kind in work.proxies if re.search(options.proxies, kind.name)] + given_too


def rivals(options, work):
    """By name; None where pgwarden is held against itself."""
    names = [proxy.name for proxy in chosen(options, work) if proxy.rival and re.search(work.rivals, proxy.name)]
    return names if work.compares else None


class Measuring:
    """Each work with all its proxies in turn, round after round."""

    def __init__(self, options, server, certificate):
        self.options, self.server, self.certificate = options, server, certificate
        self.running = {}
        self.samples, self.failures = [], []

    def start(self, stack, kind, port):
        """The proxy, running and in the path."""
        proxy = stack.enter_context(kind if isinstance(kind, Given) else kind(port, self.certificate))
        proxy.check_path()
        return proxy

    def proxy(self, stack, stack_of_work, work, kind):
        if work.idle:
            return self.start(stack_of_work, kind, stack_of_work.enter_context(stand_in()))
        if kind not in self.running:
            self.running[kind] = self.start(stack, kind, self.server.port)
        return self.running[kind]

    def once(self, stack, work, kind, number):
        with contextlib.ExitStack() as stack_of_work:
            proxy = self.proxy(stack, stack_of_work, work, kind)
            measured = work.run(self.server, proxy, self.options.seconds)
        self.samples.append({"work": work.name, "round": number, "proxy": kind.name, **measured})
        return ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                         for key, value in measured.items())

    def all(self):
        with contextlib.ExitStack() as stack:
            for work in works():
                if not re.search(self.options.works, work.name) or self.options.quick and not work.quick:
                    continue
                for number in range(1, 2 if work.idle else self.options.rounds + 1):
                    for kind in chosen(self.options, work):
                        where = f"{work.name}, round {number}, {kind.name}"
                        try:
                            figures = self.once(stack, work, kind, number)
                        except Exception as error:  # the others are measured all the same
                            self.failures.append(f"{where}: {error!r}")
                            figures = "failed"
                            traceback.print_exc()
                        print(f"{where}: {figures}", file=sys.stderr, flush=True)


def write(run, options):
    options.results.mkdir(parents=True, exist_ok=True)
    text, picture = report.markdown(run), report.svg(run)
    for ending, content in (("json", json.dumps(run, indent=1) + "\n"), ("md", text), ("svg", picture)):
        options.results.joinpath(f"results.{ending}").write_text(content, encoding="utf-8")
    if options.document:
        report.replace_part(options.document, "measured", text)
        options.document.with_suffix(".svg").write_text(picture, encoding="utf-8")
    print(text)


def main():
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
    began = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    about = {"began": began, "commit": report.commit(), "machine": machine()}
    conf = (ROOT / "bench" / "postgresql.conf").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="pgwarden-bench-") as folder, huge_pages(HUGE_PAGES) as reserved, \
         RunningPostgres(options.server) if options.server else ScratchPostgres(conf) as server:
        os.chmod(folder, 0o755)  # PgBouncer reads its key as another user
        prepare(server)
        certificate = Authority(folder, "bench").issue("server", "localhost", ["DNS:localhost"], owner="postgres")
        memory = " in huge pages" if reserved and not options.server else ""
        versions = [f"PostgreSQL {server.psql('bench', 'SHOW server_version')}{memory}"]
        versions += [kind.version() for kind in COMPARED if re.search(options.proxies, kind.name)]
        measuring = Measuring(options, server, certificate)
        measuring.all()
    judged = re.search(options.works, FACTS)
    write({**about, "versions": ", ".join(versions), "rounds": options.rounds, "seconds": options.seconds,
           "samples": measuring.samples, "failures": measuring.failures,
           "rivals": {work.name: rivals(options, work) for work in works()},
           "analysis": analysis.measure(options.rounds, 0.02) if judged else {}}, options)
    return 1 if measuring.failures else 0


sys.exit(main())
