"""What a transaction costs in system calls, and where pgwarden's time goes. Run by scripts/bench-profile."""

import collections
import html
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

import report  # noqa: E402
from lib.certificates import Authority  # noqa: E402
from lib.servers import ROOT, ScratchPostgres  # noqa: E402
from proxies import Pgwarden  # noqa: E402
from works import SELECT, prepare  # noqa: E402

TRANSACTIONS = 2000
PROFILED_S = 10
MODES = ("simple", "extended", "prepared")
# By the function that a stack has in it; the first that fits counts.
SHARES = {"sending": "tcp_sendmsg", "receiving": "tcp_recvmsg", "waiting, and giving way to others": "__schedule",
          "io_uring's own": "io_uring_enter", "libpg_query's parse": "pg::raw_parse",
          "facts and verdict": "session::judge", "all else": ""}
DOCUMENT = ROOT / "docs" / "performance.md"
FLAME_GRAPH = ROOT / "docs" / "flame-graph.svg"


def pgbench(folder, proxy, mode, *options):
    script = pathlib.Path(folder, "script.sql")
    script.write_text(SELECT, encoding="ascii")
    return ["pgbench", "-n", "-M", mode, "-f", script, "-h", "127.0.0.1", "-p", str(proxy.port), "-U", "postgres",
            *options, "bench"]


def system_calls(folder, proxy, mode):
    """By name: how many a transaction of one client takes, and how many of them fail."""
    counts = pathlib.Path(folder, "strace")
    with subprocess.Popen(["strace", "-c", "-f", "-p", str(proxy.pid), "-o", counts], stderr=subprocess.PIPE,
                          text=True) as strace:
        strace.stderr.readline()  # it is attached
        subprocess.run(pgbench(folder, proxy, mode, "-c", "1", "-t", str(TRANSACTIONS)), check=True,
                       capture_output=True, timeout=120)
        strace.send_signal(signal.SIGINT)
        strace.communicate(timeout=30)
    calls = {}
    for line in counts.read_text(encoding="ascii").splitlines():
        match = re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(\d*)\s+(\w+)", line)
        if match and match[3] != "total":
            calls[match[3]] = int(match[1]) / TRANSACTIONS, int(match[2] or 0) / TRANSACTIONS
    return {name: counted for name, counted in calls.items() if counted[0] > 0.01}


def system_call_table(by_mode):
    names = sorted({name for calls in by_mode.values() for name in calls})
    rows = [["System calls for a transaction, of them in vain", *by_mode]]
    for name in names:
        cells = (calls.get(name, (0, 0)) for calls in by_mode.values())
        rows.append([f"`{name}`", *(f"{calls:.2f}, {failed:.2f}" if failed > 0.005 else f"{calls:.2f}"
                                    for calls, failed in cells)])
    rows.append(["all", *(f"{sum(calls for calls, _ in by_name.values()):.2f}" for by_name in by_mode.values())])
    return report.table(rows)


def stacks(folder, proxy, mode):
    """How often each stack, outermost function first, was seen under the load of 8 clients."""
    data = pathlib.Path(folder, "perf")
    with subprocess.Popen(pgbench(folder, proxy, mode, "-c", "8", "-T", str(PROFILED_S + 2)), stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as load:
        time.sleep(1)
        subprocess.run(["perf", "record", "-q", "-F", "499", "-e", "cpu-clock", "--call-graph", "dwarf,16384", "-p",
                        str(proxy.pid), "-o", data, "--", "sleep", str(PROFILED_S)], check=True, capture_output=True)
        load.wait(60)
    script = subprocess.run(["perf", "script", "-i", data, "--no-inline", "-F", "ip,sym"], check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=600).stdout
    counted = collections.Counter()
    for sample in script.split("\n\n"):
        frames = [line.split(None, 1)[1].strip() for line in sample.splitlines() if len(line.split(None, 1)) == 2]
        if frames:
            counted[tuple(short(frame) for frame in reversed(frames))] += 1
    return counted


def share_table(counted):
    shares = collections.Counter()
    for stack, count in counted.items():
        shares[next(what for what, part in SHARES.items() if any(part in function for function in stack))] += count
    total = sum(counted.values())
    return report.table([["CPU of pgwarden, `-S` simple, 8 clients", "share"],
                         *([what, f"{shares[what] / total:.0%}"] for what in SHARES)])


def short(function):
    """Without parameters, and without what templates are made of."""
    name = function.replace("(anonymous namespace)::", "").replace("operator()", "call")
    while (shorter := re.sub(r"<[^<>]*>", "", name)) != name:
        name = shorter
    return re.sub(r"\(.*", "", name).replace("pgwarden::", "").replace("boost::asio::", "asio::") or function


WIDTH, ROW, LEAST_PX = 1100, 16, 1.5


def flame_graph(counted, title):
    """Each function's width is its share of the samples, its callers are below it."""
    total = sum(counted.values())
    boxes, depth_max = [], 0

    def draw(stacks_here, depth, left):
        nonlocal depth_max
        by_function = collections.defaultdict(collections.Counter)
        for stack, count in stacks_here.items():
            if stack:
                by_function[stack[0]][stack[1:]] += count
        for function, rest in sorted(by_function.items()):
            samples = sum(rest.values())
            width = samples / total * WIDTH
            if width >= LEAST_PX:
                boxes.append((function, depth, left, width, samples / total))
                depth_max = max(depth_max, depth)
                draw(rest, depth + 1, left)
            left += width

    draw(counted, 0, 0.0)
    height = (depth_max + 1) * ROW + 30
    parts = []
    for function, depth, left, width, share in boxes:
        y = height - (depth + 1) * ROW
        label = html.escape(function[: int(width / 6.2)]) if width > 25 else ""
        hue = sum(function.encode()) % 40 + 15
        parts.append(f'<g><title>{html.escape(function)} {share:.1%}</title><rect x="{left:.1f}" y="{y}" '
                     f'width="{width:.1f}" height="{ROW - 1}" fill="hsl({hue},85%,68%)"/>'
                     f'<text x="{left + 2:.1f}" y="{y + ROW - 5}">{label}</text></g>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" '
            f'font-size="10"><rect width="100%" height="100%" fill="white"/><text x="4" y="16" font-size="13">'
            f"{html.escape(title)}</text>{''.join(parts)}</svg>\n")


def main():
    os.environ["PGSSLMODE"] = "disable"
    conf = (ROOT / "bench" / "postgresql.conf").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="pgwarden-bench-") as folder, ScratchPostgres(conf) as server:
        prepare(server)
        certificate = Authority(folder, "bench").issue("server", "localhost", ["DNS:localhost"])
        with Pgwarden(server.port, certificate) as proxy:
            calls = {mode: system_calls(folder, proxy, mode) for mode in MODES}
            counted = stacks(folder, proxy, "simple")
    commit = report.commit()
    text = f"Commit {commit}.\n\n{system_call_table(calls)}\n\n{share_table(counted)}\n"
    picture = flame_graph(counted, f"pgwarden's CPU, pgbench -S simple, 8 clients, commit {commit}")
    print(text)
    report.replace_part(DOCUMENT, "profile", text)
    FLAME_GRAPH.write_text(picture, encoding="utf-8")


main()
