"""What was measured, as Markdown and as a picture."""

import html
import math
import statistics
import subprocess

from lib.servers import ROOT

# By the names that measurements give them: the heading, the digits shown, and whether more is better.
METRICS = {
    "cpu_s_per_100k": ("CPU of the proxy, seconds per 100,000 statements", 2, False),
    "tps": ("Transactions a second", 0, True),
    "p99_ms": ("Latency of a transaction, 99th percentile, ms", 2, False),
    "cpu_s_per_gb": ("CPU of the proxy, seconds per GB", 2, False),
    "mb_per_s": ("MB a second", 0, True),
    "pss_kib": ("Memory (PSS) of an idle session, KiB", 1, False),
    "pss_moved_kib": ("The same after each has moved 100 kB, KiB", 1, False),
}
OURS = "pgwarden"
COLOURS = ["#4269d0", "#efb118", "#a463f2", "#6cc5b0", "#97bbf5", "#9c6b4e"]
OUR_COLOUR = "#ff725c"


class Results:
    """Samples are dicts with `work`, `proxy`, `round` and what was measured. `rivals`, by work: whom pgwarden is held
    against."""

    def __init__(self, run):
        self.samples, self.rivals = run["samples"], run["rivals"]
        self.works, self.proxies = (list(dict.fromkeys(sample[key] for sample in self.samples))
                                    for key in ("work", "proxy"))

    def by_round(self, work, proxy, metric):
        return {sample["round"]: sample[metric] for sample in self.samples
                if sample["work"] == work and sample["proxy"] == proxy and metric in sample}

    def values(self, work, proxy, metric):
        return list(self.by_round(work, proxy, metric).values())

    def measured(self, metric):
        return [work for work in self.works if any(self.values(work, proxy, metric) for proxy in self.proxies)]

    def median(self, work, proxy, metric):
        return statistics.median(self.values(work, proxy, metric))

    def ratio(self, work, proxy, other, metric):
        """The median over the rounds that have both; not a number when none has."""
        ours, theirs = self.by_round(work, proxy, metric), self.by_round(work, other, metric)
        return statistics.median([ours[number] / theirs[number] for number in ours if number in theirs] or [math.nan])

    def best_other(self, work, metric):
        """None when there is none."""
        best = max if METRICS[metric][2] else min
        others = [proxy for proxy in self.rivals[work] if self.values(work, proxy, metric)]
        return best(others, key=lambda proxy: self.median(work, proxy, metric)) if others else None


def table(rows):
    head, *rest = rows
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rest]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(values, digits):
    if not any(values):
        return ""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} ({low}–{high})"


def metric_table(results, metric):
    title, digits, _ = METRICS[metric]
    works = [work for work in results.measured(metric) if results.rivals[work] is not None]
    proxies = [proxy for proxy in results.proxies if any(any(results.values(work, proxy, metric)) for work in works)]
    rows = [[title, *proxies, f"{OURS} to the best other"]]
    for work in works:
        other = results.best_other(work, metric)
        ratio = f"{results.ratio(work, OURS, other, metric):.2f} ({other})" if other and OURS in proxies else ""
        rows.append([work, *(cell(results.values(work, proxy, metric), digits) for proxy in proxies), ratio])
    return table(rows) if works else ""


def variants_table(results):
    """Of pgwarden to itself, set up in another way."""
    metric = "cpu_s_per_100k"
    title, digits, _ = METRICS[metric]
    rows = [[title, OURS, "so", "ratio"]]
    for work in (work for work in results.measured(metric) if results.rivals[work] is None):
        others = (proxy for proxy in results.proxies if proxy != OURS and results.values(work, proxy, metric))
        variant = next(others, "")
        cells = [cell(results.values(work, proxy, metric), digits) for proxy in (OURS, variant)]
        rows.append([work, *cells, f"{results.ratio(work, variant, OURS, metric):.2f}"])
    return table(rows) if len(rows) > 1 else ""


def select_mean(results):
    """The geometric mean, over the points of -S, of our CPU to PgBouncer's."""
    points = [work for work in results.works if work.startswith("-S ") and
              all(results.values(work, proxy, "cpu_s_per_100k") for proxy in (OURS, "pgbouncer"))]
    if not points:
        return ""
    ratios = [results.ratio(work, OURS, "pgbouncer", "cpu_s_per_100k") for work in points]
    return (f"CPU of pgwarden to PgBouncer's, geometric mean over {len(points)} points of `-S`: "
            f"{math.exp(statistics.fmean(map(math.log, ratios))):.2f}.")


def analysis_table(analysis):
    rows = [["Statement", "facts and verdict, µs", "raw parse, µs", "ratio", "with 1,000 rules, µs"]]
    for name, times in analysis.items():
        ratio = times["verdict"] / times["raw_parse"]
        microseconds = [f"{times[what]:.2f}" for what in ("verdict", "raw_parse", "verdict_of_1000_rules")]
        rows.append([name, *microseconds[:2], f"{ratio:.2f}", microseconds[2]])
    return table(rows)


def markdown(run):
    results = Results(run)
    parts = [f"Commit {run['commit']}, {run['began']}. {run['machine']}. {run['versions']}. "
             f"Medians of {run['rounds']} interleaved rounds of {run['seconds']} s, with the least and the largest in "
             "brackets; the ratio is the median of the rounds' own ratios."]
    parts += [metric_table(results, metric) for metric in METRICS]
    parts += [variants_table(results), select_mean(results)]
    ciphers = sorted({sample["cipher"] for sample in run["samples"] if "cipher" in sample})
    parts += [f"Cipher of TLS, the same for all: {', '.join(ciphers)}."] if ciphers else []
    parts += [f"Failed: {failure}" for failure in run["failures"]]
    if run["analysis"]:
        parts.append(analysis_table(run["analysis"]))
    return "\n\n".join(filter(None, parts)) + "\n"


BAR, GAP, LEFT, WIDTH = 9, 14, 210, 820


def svg(run):
    """Bars of CPU, each work's scaled to the largest of its medians."""
    results = Results(run)
    bars, y = [], 50
    proxies = [proxy for proxy in results.proxies if proxy == OURS or not proxy.startswith(OURS)]
    colours = dict(zip((proxy for proxy in proxies if proxy != OURS), COLOURS)) | {OURS: OUR_COLOUR}
    for metric in ("cpu_s_per_100k", "cpu_s_per_gb"):
        for work in results.measured(metric):
            medians = {proxy: results.median(work, proxy, metric) for proxy in proxies
                       if any(results.values(work, proxy, metric))}
            if len(medians) < 2:
                continue
            bars.append(f'<text x="{LEFT - 8}" y="{y + BAR * len(medians) / 2 + 4}" text-anchor="end">'
                        f"{html.escape(work)}</text>")
            for proxy, value in medians.items():
                width = value / max(medians.values()) * (WIDTH - LEFT - 70)
                bars.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 1}" fill="{colours[proxy]}"/>'
                            f'<text x="{LEFT + width + 4:.1f}" y="{y + BAR - 1}" font-size="9">{value:.2f}</text>')
                y += BAR
            y += GAP
    legend = "".join(f'<rect x="{LEFT + 130 * at}" y="28" width="10" height="10" fill="{colours[proxy]}"/>'
                     f'<text x="{LEFT + 130 * at + 15}" y="37">{html.escape(proxy)}</text>'
                     for at, proxy in enumerate(proxies))
    title = "CPU of the proxy: seconds per 100,000 statements, for COPY per GB (median)"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" font-family="sans-serif" '
            f'font-size="11"><rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="18" font-size="13">'
            f"{title}</text>{legend}{''.join(bars)}</svg>\n")


def commit():
    """The last one that changed the program, and whether it has been changed since."""
    program = ["--", "cli", "cmake", "config", "policy", "protocol", "proxy", "CMakeLists.txt", "CMakePresets.json"]
    git = ["git", "-C", ROOT]
    last = subprocess.run([*git, "log", "-1", "--format=%h", *program], capture_output=True, text=True, check=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", *program], check=False).returncode
    return last.stdout.strip() + (" with changes" if changed else "")


def replace_part(document, name, text):
    """Puts `text` between the two marks of that name in a Markdown file."""
    mark = f"<!-- {name} -->\n"
    begin, _, end = document.read_text(encoding="utf-8").split(mark)
    document.write_text(f"{begin}{mark}{text}{mark}{end}", encoding="utf-8")
