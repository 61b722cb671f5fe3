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

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

import analysis  # noqa: E402
import report  # noqa: E402
from lib.certificates import Authority  # noqa: E402
from lib.servers import ROOT, ScratchPostgres  # noqa: E402
from proxies import COMPARED, FILES_MAX, Given  # noqa: E402
from works import SCHEMA, works  # noqa: E402

FACTS = "facts and verdict"


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
    parser.add_argument("--quick", action="store_true", help="less than 8 minutes: short rounds, no 10,000 sessions")
    parser.add_argument("--rounds", type=int, help="how often each work is done (5, with --quick 3)")
    parser.add_argument("--seconds", type=int, help="how long each time (5, with --quick 1)")
    parser.add_argument("--works", default="", metavar="REGEX", help="only the works that this finds")
    parser.add_argument("--proxies", default="", metavar="REGEX", help="only the proxies that this finds")
    parser.add_argument("--server", type=int, metavar="PORT", help="a server on 127.0.0.1 in place of a scratch one; "
                        "its database bench is made anew")
    parser.add_argument("--results", type=pathlib.Path, default=ROOT / "bench" / "results", metavar="DIR",
                        help="where results.json, .md and .svg are written (bench/results)")
    parser.add_argument("--document", type=pathlib.Path, metavar="FILE",
                        help="a Markdown file whose part between <!-- measured --> marks becomes the table")
    parser.add_argument("others", nargs="*", type=given, metavar="NAME=HOST:PORT:PID",
                        help="one more proxy, in front of --server; with PID 0 it is the server itself")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 5)
    if options.others and not options.server:
        parser.error("other proxies need --server")
    return options


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def machine():
    model = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    name = re.search(r'^PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {name[1]}, "
            f"Linux {platform.release()}")


def commit():
    git = ["git", "-C", ROOT]
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "*.cpp", "*.h"], check=False).returncode
    return first_line(*git, "rev-parse", "--short=10", "HEAD") + (" with changes" if changed else "")


def prepare(server):
    server.psql("postgres", "DROP DATABASE IF EXISTS bench; CREATE DATABASE bench")
    subprocess.run(["pgbench", "-i", "-q", "-s", "10", "--unlogged-tables", "-h", "127.0.0.1", "-p", str(server.port),
                    "-U", "postgres", "bench"], check=True, capture_output=True)
    server.psql("bench", SCHEMA)


def started(stack, proxy):
    """The proxy, running and in the path."""
    proxy = stack.enter_context(proxy)
    proxy.check_path()
    return proxy


def measure(options, server, certificate):
    """Each work with all its proxies in turn, round after round."""
    def chosen(work):
        made = [kind for kind in work.proxies if re.search(options.proxies, kind.name)]
        return made + [other for other in options.others if not work.tls]

    with contextlib.ExitStack() as stack:
        running = {}

        def start(stack, kind):
            return started(stack, kind if isinstance(kind, Given) else kind(server.port, certificate))

        for work in works():
            if not re.search(options.works, work.name) or options.quick and not work.quick:
                continue
            for number in range(1 if work.fresh else options.rounds):
                for kind in chosen(work):
                    with contextlib.ExitStack() as of_this_run:
                        if work.fresh:
                            proxy = start(of_this_run, kind)
                        else:
                            proxy = running.get(kind) or running.setdefault(kind, start(stack, kind))
                        try:
                            measured = work.run(server, proxy, options.seconds)
                        except Exception as error:
                            raise RuntimeError(f"{work.name} through {proxy.name}") from error
                    figures = ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
                                        for key, value in measured.items())
                    print(f"{work.name}, round {number + 1}, {proxy.name}: {figures}", file=sys.stderr, flush=True)
                    yield {"work": work.name, "round": number + 1, "proxy": proxy.name, **measured}


def write(run, options):
    options.results.mkdir(parents=True, exist_ok=True)
    text, picture = report.markdown(run), report.svg(run)
    for ending, content in (("json", json.dumps(run, indent=1) + "\n"), ("md", text), ("svg", picture)):
        options.results.joinpath(f"results.{ending}").write_text(content, encoding="utf-8")
    if options.document:
        begin, _, end = options.document.read_text(encoding="utf-8").split("<!-- measured -->\n")
        options.document.write_text(f"<!-- measured -->\n{text}<!-- measured -->\n".join((begin, end)), encoding="utf-8")
    print(text)


def main():
    options = arguments()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))
    began = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M")
    conf = (ROOT / "bench" / "postgresql.conf").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="pgwarden-bench-") as folder, \
         RunningPostgres(options.server) if options.server else ScratchPostgres(conf) as server:
        os.chmod(folder, 0o755)  # PgBouncer reads its key as another user
        prepare(server)
        certificate = Authority(folder, "bench").issue("server", "localhost", ["DNS:localhost"], owner="postgres")
        samples = list(measure(options, server, certificate))
        versions = [f"PostgreSQL {server.psql('bench', 'SHOW server_version')}"]
    versions += [kind.version() for kind in COMPARED if kind.name in {sample["proxy"] for sample in samples}]
    judged = re.search(options.works, FACTS)
    write({"began": began, "commit": commit(), "machine": machine(), "versions": ", ".join(versions),
           "rounds": options.rounds, "seconds": options.seconds, "samples": samples,
           "analysis": analysis.measure(options.rounds, 0.02) if judged else {}}, options)


main()
