"""Ratios to the peers, the goals they are held against, and the table for people."""

import statistics

# Peer divided by ours: higher is better. docs/performance.md says where they come from.
GOALS = {
    "1k": {"nginx": 1.25, "haproxy": 1.30},
    "32k": {"nginx": 1.12, "haproxy": 1.70},
    "1m": {"haproxy": 1.45},
    "sse500": {"nginx": 1.12, "haproxy": 1.10},
    "sse1000": {"nginx": 1.12, "haproxy": 1.10},
    "sse1500": {"nginx": 1.12, "haproxy": 1.10},
}
# Ours must not be above.
LIMITS = {"mem-idle": 6.5 * 1024, "mem-stream": 6.5 * 1024}
# Added latency, against the better peer.
LATENCY_SLACK = 1.05
GATE_SHARE = 0.90

_UNITS = {
    "cpu_us_per_request": "CPU-us/req",
    "cpu_us_per_token": "CPU-us/token",
    "added_p50_us": "added p50 us",
    "bytes_each": "bytes each",
}
_SIDE_FIGURES = ("per_second", "busy", "first_byte_p50_us", "delay_p50_us", "delay_p99_us",
                 "jitter_p99_us", "p50_us", "p99_us", "base_bytes")


def paired_ratios(case, subject="router"):
    """{peer: [peer / the subject, round by round]}, where both were measured. Within one round the
    machine is nearly the same for all; between rounds a virtual machine's speed drifts."""
    targets, metric = case["targets"], case["metric"]
    ours = (targets.get(subject) or {}).get(metric)
    if not ours:
        return {}
    found = {}
    for name, target in targets.items():
        if name in (subject, "direct") or not target.get(metric):
            continue
        pairs = zip(target[metric]["values"], ours["values"])
        found[name] = [theirs / own for theirs, own in pairs if own > 0]
    return {name: values for name, values in found.items() if values}


def ratios(case, subject="router"):
    """{peer: the median of its paired ratios}."""
    return {name: statistics.median(all_of_one)
            for name, all_of_one in paired_ratios(case, subject).items()}


def verdicts(name, case):
    """Lines that hold the case against its goals."""
    lines = []
    ours = (case["targets"].get("router") or {}).get(case["metric"])
    if not ours:
        return lines
    found = ratios(case)
    for peer, goal in GOALS.get(name, {}).items():
        if peer in found:
            word = "reached" if found[peer] >= goal else "missed"
            lines.append(f"goal {goal:.2f}x {peer}: {word} ({found[peer]:.2f}x)")
    if name in LIMITS:
        word = "kept" if ours["median"] <= LIMITS[name] else "broken"
        lines.append(f"limit {LIMITS[name]:.0f} bytes each: {word} ({ours['median']:.0f})")
    if name == "latency" and found:
        best = min(found.values())
        word = "reached" if best * LATENCY_SLACK >= 1 else "missed"
        lines.append(f"goal: at most the better peer + 5 %: {word} ({1 / best:.2f} of it)")
    if name == "1m":
        lines.append("goal against nginx: 1.30x of its slow mode (see docs/performance.md)")
    return lines


def _number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"


def _range_of(values):
    return f"{min(values):.2f}-{max(values):.2f}" if len(values) > 1 else ""


def table(name, case):
    """The case as text."""
    metric = case["metric"]
    found = ratios(case)
    paired = paired_ratios(case)
    side = [f for f in _SIDE_FIGURES if any(t.get(f) for t in case["targets"].values())]
    head = ["", _UNITS[metric], "range", "ratio to ours", "its range", *side]
    rows = [head]
    for target_name, target in case["targets"].items():
        main = target.get(metric)
        row = [
            target_name,
            _number(main["median"]) if main else "",
            f"{_number(main['min'])}-{_number(main['max'])}" if main else "",
            f"{found[target_name]:.2f}x" if target_name in found else "",
            _range_of(paired.get(target_name, ())),
        ]
        row += [_number(target[f]["median"]) if target.get(f) else "" for f in side]
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [f"{name}"]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    lines += ["  " + line for line in verdicts(name, case)]
    lines += ["  NOISE OR FAILURE: " + problem for problem in case["problems"]]
    return "\n".join(lines) + "\n"


def shortfalls(name, case, goals):
    """What a gate complains of: ratios below 90 % of the agreed ones."""
    found = ratios(case)
    complaints = []
    for peer, goal in goals.get(name, {}).items():
        least = goal * GATE_SHARE
        if found.get(peer, 0) < least:
            complaints.append(
                f"{name}: {found.get(peer, 0):.2f}x {peer}, "
                f"at least {least:.2f}x (90 % of {goal:.2f}x)"
            )
    return complaints
