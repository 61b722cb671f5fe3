"""What reading and judging a statement costs beside libpg_query's bare parse of it."""

import json
import statistics
import subprocess

from lib.servers import ROOT

PROGRAM = ROOT / "build" / "release" / "micro_bench"


def measure(repetitions, seconds):
    """By the statement's name: medians in microseconds."""
    command = [PROGRAM, "--benchmark_filter=^(verdict|verdict_of_1000_rules|raw_parse)/", "--benchmark_format=json",
               f"--benchmark_repetitions={repetitions}", f"--benchmark_min_time={seconds}",
               "--benchmark_enable_random_interleaving=true"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    runs = [run for run in json.loads(done.stdout)["benchmarks"] if run["run_type"] == "iteration"]
    times = {}
    for run in sorted(runs, key=lambda run: run["family_index"]):
        what, statement = run["run_name"].split("/", 1)
        times.setdefault(statement, {}).setdefault(what, []).append(run["cpu_time"])
    return {statement: {what: statistics.median(values) for what, values in of.items()}
            for statement, of in times.items()}
