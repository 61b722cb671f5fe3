"""Counts the instructions that fixed sessions take (session_instructions.cpp) and holds them against baseline.json.
Run by scripts/bench-instructions."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASELINE = ROOT / "bench" / "baseline.json"
BUILD = ROOT / "build" / "release"
GROWTH_MAX = 0.03
# glibc chooses its memcpy and the like by the CPU: everywhere those that every CPU has, so that the count is the same.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX512VL,-BMI2,-ERMS,-FSRM,-SSE4_1,-SSE4_2,-SSSE3"


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=600, **options).stdout


def made_with():
    """What a count depends on beside the sources: other versions of these have counts of their own."""
    about = next(BUILD.glob("CMakeFiles/*/CMakeCXXCompiler.cmake")).read_text(encoding="utf-8")
    compiler = (re.search(rf'CMAKE_CXX_COMPILER_{word} "(.*)"', about)[1] for word in ("ID", "VERSION"))
    parser = output("dpkg-query", "-W", "-f", "${Version}", "libpg-query-dev").rpartition("-")[0]
    libc = output("getconf", "GNU_LIBC_VERSION").strip()
    return f"{' '.join(compiler)}, {libc}, libpg_query {parser}, {os.uname().machine}"


def counts():
    """By the transcript's name."""
    with tempfile.TemporaryDirectory(prefix="pgwarden-bench-") as folder:
        names = output("valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=play_round",
                       "--dump-after=play_rounds", f"--callgrind-out-file={folder}/out", f"--log-file={folder}/log",
                       BUILD / "session_instructions", env=dict(os.environ, GLIBC_TUNABLES=TUNABLES)).splitlines()
        parts = [pathlib.Path(folder, f"out.{number + 1}").read_text(encoding="utf-8") for number in range(len(names))]
    return {name: int(re.search(r"^totals: (\d+)", part, re.MULTILINE)[1]) for name, part in zip(names, parts)}


def compared(now, before):
    """Prints both; the transcripts that take too many more, and whether there are any that take fewer."""
    grown, shrunk = [], False
    for name in now | before:
        was, now_is = before.get(name, 0), now.get(name, 0)
        change = now_is / was - 1 if was and now_is else float("inf")
        print(f"{name:16} {was:13,} {now_is:13,} {change:+8.1%}")
        if change > GROWTH_MAX:
            grown.append(name)
        shrunk = shrunk or change < -GROWTH_MAX
    return grown, shrunk


def main():
    known = json.loads(BASELINE.read_text(encoding="utf-8"))
    key, now = made_with(), counts()
    if "--record" in sys.argv[1:]:
        known[key] = now
        BASELINE.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        print(f"recorded for {key}")
        return 0
    how_to = "scripts/bench-instructions --record writes these counts to bench/baseline.json"
    grown, shrunk = compared(now, known.get(key, {}))
    if key not in known:
        print(f"not checked: bench/baseline.json has nothing for {key}; {how_to}")
        return 77  # as in automake: skipped
    if grown:
        print(f"more than {GROWTH_MAX:.0%} more instructions: {', '.join(grown)}; if it has to be, {how_to}")
        return 1
    if shrunk:
        print(f"fewer instructions: to keep it so, {how_to}")
    return 0


sys.exit(main())
