"""What is measured: each case starts fresh processes, runs its load against every target in turn
(A B C, C B A, ...) and returns what it saw, run by run, with medians and ranges."""

import dataclasses
import statistics
import time

from . import accounting

ITL_MS = 10
IDLE_CONNECTIONS = 4000
MEMORY_STREAMS = 1000
LATENCY_RATE = 5000
NOISE_LIMIT = 0.05  # of one processor, used by others
SPREAD_LIMIT = 0.10  # of the direct runs


@dataclasses.dataclass(frozen=True)
class HttpCase:
    name: str
    size: str
    connections: int
    seconds: int = 1
    metric: str = "cpu_us_per_request"


@dataclasses.dataclass(frozen=True)
class StreamCase:
    name: str
    streams: int
    seconds: int = 3
    metric: str = "cpu_us_per_token"


@dataclasses.dataclass(frozen=True)
class LatencyCase:
    name: str = "latency"
    seconds: int = 3
    metric: str = "added_p50_us"


@dataclasses.dataclass(frozen=True)
class MemoryCase:
    name: str
    what: str
    count: int
    metric: str = "bytes_each"


CASES = {
    case.name: case
    for case in (
        HttpCase("1k", "1k", 64),
        HttpCase("32k", "32k", 32),
        HttpCase("1m", "1m", 8),
        StreamCase("sse500", 500),
        StreamCase("sse1000", 1000),
        StreamCase("sse1500", 1500),
        LatencyCase(),
        MemoryCase("mem-idle", "idle", IDLE_CONNECTIONS),
        MemoryCase("mem-stream", "stream", MEMORY_STREAMS),
    )
}
QUICK = ("1k", "sse500")


def summary(values):
    """{"median", "min", "max", "values"} of the numbers, or None of none."""
    if not values:
        return None
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "values": list(values),
    }


class Bench:
    """Runs cases on a rig."""

    def __init__(self, rig, loads, proxies, rounds, ours, tell):
        self._rig = rig
        self._loads = loads
        self._proxies = proxies
        self._rounds = rounds
        self._ours = ours  # () -> pids that are no strangers
        self._tell = tell

    def run(self, case):
        """{"metric", "targets", "problems"}; a target has its "runs" and a summary per figure."""
        method = {
            HttpCase: self._http,
            StreamCase: self._stream,
            LatencyCase: self._latency,
            MemoryCase: self._memory,
        }[type(case)]
        self._tell(f"case {case.name}")
        try:
            targets = method(case)
        finally:
            self._rig.stop_engine()
        result = {"metric": case.metric, "targets": targets}
        result["problems"] = self._problems(case, targets)
        return result

    def _problems(self, case, targets):
        """Why the figures should not be trusted; one line each."""
        problems = []
        for name, target in targets.items():
            for key, what in (("others", "other processes used"), ("steal", "the hypervisor took")):
                worst = max((run.get(key, 0) for run in target["runs"]), default=0)
                if worst > NOISE_LIMIT:
                    problems.append(f"{what} {worst:.0%} of a processor during a run of {name}")
            failed = sum(run.get("failed", 0) for run in target["runs"])
            if failed:
                problems.append(f"{name}: {failed} requests or streams failed")
            for key in ("missing", "reordered"):
                tokens = sum(run.get(key, 0) for run in target["runs"])
                if tokens:
                    problems.append(f"{name}: {tokens} tokens {key}")
        direct = targets.get("direct", {}).get("per_second")
        if isinstance(case, HttpCase) and direct and direct["median"] > 0:
            spread = (direct["max"] - direct["min"]) / direct["median"]
            if spread > SPREAD_LIMIT:
                problems.append(f"the direct runs spread by {spread:.0%}")
        return problems

    def _measured(self, server, load):
        """Runs `load` and adds what it cost: CPU time of the server, and what strangers used."""
        stranger = accounting.Stranger(self._ours)
        pids = server.pids()
        began = time.monotonic()
        before = accounting.cpu_ns(pids)
        run = load()
        spent = accounting.cpu_ns(pids) - before
        run["wall_seconds"] = time.monotonic() - began
        run["cpu_ns"] = spent
        run.update(stranger.share())
        return run

    def _interleave(self, case, load, warm_up, direct_rounds):
        """{name: [run, ...]}; `load(server)` makes one run. Ends the proxies."""
        servers = {"direct": self._rig.engine}
        for name in self._proxies:
            servers[name] = self._rig.start_proxy(name)
        runs = {name: [] for name in servers}
        try:
            for name in self._proxies:
                warm_up(servers[name])  # connections to the engine, heaps, caches
            for index in range(self._rounds):
                names = list(servers) if index % 2 == 0 else list(reversed(servers))
                for name in names:
                    if name == "direct" and index not in direct_rounds:
                        continue
                    server = servers[name]
                    runs[name].append(self._measured(server, lambda s=server: load(s)))
                self._tell(f"  {case.name}: round {index + 1} of {self._rounds}")
        finally:
            for name in self._proxies:
                self._rig.stop_proxy(servers[name])
        return runs

    @staticmethod
    def _figures(runs, **figures):
        """{name: {"runs": .., figure: summary}}, each figure computed from a run."""
        targets = {}
        for name, all_of_one in runs.items():
            targets[name] = {"runs": all_of_one}
            for figure, compute in figures.items():
                targets[name][figure] = summary([compute(run) for run in all_of_one])
        return targets

    def _http(self, case):
        self._rig.start_engine()

        def load(server):
            return self._loads.closed(server.url, case.size, case.connections, case.seconds)

        runs = self._interleave(case, load, load, range(self._rounds))
        return self._figures(
            runs,
            cpu_us_per_request=lambda run: run["cpu_ns"] / 1e3 / max(1, run["requests"]),
            per_second=lambda run: run["per_second"],
            busy=lambda run: run["cpu_ns"] / 1e9 / run["wall_seconds"],
        )

    def _stream(self, case):
        self._rig.start_engine(ITL_MS)
        tokens = case.seconds * 1000 // ITL_MS

        def load(server):
            run = self._loads.stream(server.url, case.streams, tokens, ITL_MS)
            run["failed"] += run["cut"] + run["with_error_event"] + run["unfinished"]
            return run

        def warm_up(server):
            self._loads.stream(server.url, case.streams, tokens // 3, ITL_MS)

        runs = self._interleave(case, load, warm_up, (0,))
        return self._figures(
            runs,
            cpu_us_per_token=lambda run: run["cpu_ns"] / 1e3 / max(1, run["tokens"]),
            per_second=lambda run: run["tokens_per_second"],
            busy=lambda run: run["cpu_ns"] / 1e9 / run["wall_seconds"],
            first_byte_p50_us=lambda run: run["first_byte_us"]["p50"],
            delay_p50_us=lambda run: run["token_delay_us"]["p50"],
            delay_p99_us=lambda run: run["token_delay_us"]["p99"],
            jitter_p99_us=lambda run: run["jitter_us"]["p99"],
        )

    def _latency(self, case):
        self._rig.start_engine()

        def load(server):
            run = self._loads.rate(server.url, LATENCY_RATE, case.seconds)
            run["failed"] += run["unfinished"]
            return run

        runs = self._interleave(case, load, load, range(self._rounds))
        targets = self._figures(
            runs,
            p50_us=lambda run: run["latency_us"]["p50"],
            p99_us=lambda run: run["latency_us"]["p99"],
        )
        base = targets["direct"]["p50_us"]["median"]
        for name in self._proxies:
            values = [run["latency_us"]["p50"] - base for run in targets[name]["runs"]]
            targets[name]["added_p50_us"] = summary(values)
        return targets

    def _memory(self, case):
        targets = {}
        self._rig.start_engine(ITL_MS if case.what == "stream" else 0)
        for name in self._proxies:
            server = self._rig.start_proxy(name)
            try:
                run = measure_memory(self._loads, server, case.what, case.count)
            finally:
                self._rig.stop_proxy(server)
            targets[name] = {
                "runs": [run],
                "bytes_each": summary([run["bytes_each"]]),
                "base_bytes": summary([run["base_bytes"]]),
            }
            self._tell(f"  {case.name}: {name}")
        return targets


def _anonymous_settled(server):
    """Anonymous memory when it has stopped to grow."""
    last = -1
    for _ in range(10):
        now = accounting.anonymous_bytes(server.pids())
        if now == last:
            break
        last = now
        time.sleep(0.2)
    return last


def measure_memory(loads, server, what, count):
    """User memory per idle connection or active stream of a fresh process. The kernel's socket
    memory comes on top and is alike for all."""
    loads.exactly(server.url, requests=200, connections=4, tokens=1)
    base = _anonymous_settled(server)
    if what == "idle":
        child = loads.hold("idle", server.url, connections=count, seconds=60)
    else:
        child = loads.hold("stream", server.url, streams=count, tokens=100000, seconds=60)
        time.sleep(1.0)  # of traffic: buffers that grow with it are part of the figure
    try:
        full = _anonymous_settled(server)
    finally:
        loads.release(child)
    return {"count": count, "base_bytes": base, "bytes_each": (full - base) / count}
