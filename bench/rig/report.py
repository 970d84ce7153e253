"""Turns counts into the table: medians, ratios to nginx of the same rounds, the aim and whether it was met."""

import statistics

NAMES = ("direct", "nginx", "bare hyper", "wardroom")


class Row:
    """One line: a figure of each contender, which of them count as ratio, and the aim for Wardroom."""

    def __init__(self, title, values, aim=None, ratio=True, form="{:,.1f}", less_is_better=True, base="nginx"):
        self.title, self.values, self.aim, self.form = title, values, aim, form
        self.less_is_better, self.base = less_is_better, base
        self.ratios = self._ratios() if ratio else {}

    def _ratios(self):
        """Round by round against nginx in the same round, then the median: noise that hit both cancels out."""
        base = self.values.get(self.base, [])
        return {
            name: statistics.median(mine / his for mine, his in zip(series, base) if his > 0)
            for name, series in self.values.items()
            if name not in ("direct", self.base) and any(his > 0 for _, his in zip(series, base))
        }

    def judged(self):
        """What the aim looks at: the ratio where there is one, else the median."""
        if "wardroom" in self.ratios:
            return self.ratios["wardroom"]
        series = self.values.get("wardroom")
        return statistics.median(series) if series else None

    def verdict(self):
        value = self.judged()
        if self.aim is None or value is None:
            return ""
        met = value <= self.aim if self.less_is_better else value >= self.aim
        return "met" if met else "MISSED"

    def cells(self):
        figures = [
            self.form.format(statistics.median(self.values[name])) if self.values.get(name) else "-" for name in NAMES
        ]
        ratios = [f"{self.ratios[name]:.2f}" if name in self.ratios else "-" for name in ("bare hyper", "wardroom")]
        sign = "<=" if self.less_is_better else ">="
        aim = f"{sign} {self.aim:g}" if self.aim is not None else ""
        return [self.title, *figures, *ratios, aim, self.verdict()]


def pick(results, field):
    """{name: [value per round]} of one field; a contender without the field (direct has no CPU) is left out."""
    found = {}
    for name, rounds in results.items():
        values = [field(counts) for counts in rounds]
        if all(value is not None for value in values):
            found[name] = values
    return found


def per(unit):
    """CPU microseconds per request, chunk, ... ; None without CPU or without any."""
    return lambda counts: counts["cpu_us"] / counts[unit] if counts.get("cpu_us") is not None and counts[unit] else None


def added(results, field):
    """Each round's latency minus the direct latency of the same round."""
    direct = [counts[field] for counts in results["direct"]]
    return {
        name: [counts[field] - base for counts, base in zip(rounds, direct)]
        for name, rounds in results.items()
        if name != "direct"
    }


def rows(measured):
    table = []
    for connections, results in measured["requests"].items():
        aim = 2.5 if connections == 64 else None
        table.append(Row(f"CPU per request, c{connections} (us)", pick(results, per("requests")), aim))
        table.append(Row(f"requests per second, c{connections}", pick(results, lambda c: c["rps"]), form="{:,.0f}"))
        table.append(Row(f"added median, c{connections} (us)", added(results, "p50_us"), ratio=False))
        table.append(Row(f"added p99, c{connections} (us)", added(results, "p99_us"), ratio=False))
    table.append(Row("CPU per request, 128 KiB prompt (us)", pick(measured["large_prompt"], per("requests")), 2.0))
    table.append(Row("CPU per chunk, fast stream (us)", pick(measured["burst"], per("chunks")), 2.5, form="{:,.2f}"))
    held = pick(measured["held_back"], lambda c: c["longest_gap_p50_us"] / 1000)
    table.append(Row("longest gap of chunks 5 ms apart (ms)", held, 20, False))
    slow = measured["slow_streams"]
    table.append(Row("CPU per chunk, slow streams (us)", pick(slow, per("chunks"))))
    whole = pick(slow, lambda c: c["whole_streams"])
    table.append(Row("slow streams that arrived whole", whole, 1000, False, "{:,.0f}", less_is_better=False))
    first = pick(slow, lambda c: c["first_chunk_p50_us"] / 1000)
    table.append(Row("first chunk, slow streams, p50 (ms)", first, ratio=False))
    memory = pick(slow, lambda c: c["bytes_per_stream"] / 1024 if "peak_rss" in c else None)
    table.append(Row("memory per slow stream (KiB)", memory, 48, False))
    if "audit" in measured:
        # Against itself without the log, not against nginx: 0.95 of the requests is a cost of 5 %.
        audit = measured["audit"]
        cpu, rate = pick(audit, per("requests")), pick(audit, lambda c: c["rps"])
        table.append(Row("CPU with audit METADATA / NONE, c64 (us)", cpu, 1.05, base="no audit"))
        title = "requests per second, audit METADATA / NONE, c64"
        table.append(Row(title, rate, 0.95, form="{:,.0f}", less_is_better=False, base="no audit"))
        sign_ins = pick(measured["sign_ins"], lambda c: c["rps"])
        table.append(Row("sign-ins per second", sign_ins, ratio=False, form="{:,.0f}"))
    table += start_rows(measured["starts"])
    if measured.get("binary_bytes"):
        size = {"wardroom": [measured["binary_bytes"] / 2**20]}
        table.append(Row("binary (MiB)", size, ratio=False))
    return table


def start_rows(starts):
    def of(field, scale=1.0):
        return {name: [value / scale for value in found[field]] for name, found in starts.items()}

    first = {"wardroom": [starts["wardroom"]["first_ready_ms"]]} if "wardroom" in starts else {}
    return [
        Row("idle memory (MiB)", of("idle_bytes", 2**20), 40, False),
        Row("exec to ready (ms)", of("ready_ms"), 300, False),
        Row("exec to ready, empty data folder (ms)", first, 300, False),
    ]


def render(table):
    """A Markdown table."""
    head = ["figure (median)", *NAMES, "hyper/nginx", "wardroom/nginx", "aim", ""]
    lines = [head, *[row.cells() for row in table]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def line(cells):
        first = cells[0].ljust(widths[0])
        return "| " + " | ".join([first, *[cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]]) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(head), rule, *[line(cells) for cells in lines[1:]]])


def failures(measured):
    """Every failed request of every job, so that no figure stands on errors: [(contender, what, count)]."""
    found = {}
    jobs = [*measured["requests"].values()]
    jobs += [measured[name] for name in ("large_prompt", "burst", "held_back", "slow_streams", "audit") if name in measured]
    for results in jobs:
        for name, rounds in results.items():
            for counts in rounds:
                for what, count in counts["errors"].items():
                    found[name, what] = found.get((name, what), 0) + count
    return [(name, what, count) for (name, what), count in sorted(found.items())]
