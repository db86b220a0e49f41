"""The load of tools/bench/hitless: streams and requests through one router, in phases without and
with changes of its configuration, in turn."""

import json
import os
import statistics
import time

from . import accounting, rig
from .children import BenchError

SEEDED = 4  # engine ports that the router begins with; as many more come and go
SHARDS = 4
NOISE_LIMIT = 0.05  # of one processor, used by others
MEMORY_GROWTH_LIMIT = 0.02  # over the last quarter of the long run


class Stage:
    """An engine, a router with its admin service, and what runs against them."""

    def __init__(self, children, directory, args):
        self.children = children
        self.directory = directory
        self.args = args
        self.commands = {}
        self._count = 0
        ports = rig.free_ports(2 * SEEDED + 2)
        self.http_port, self.admin_port = ports[:2]
        self.engine_ports = ports[2:]

    def start(self):
        argv = [
            self.args.engine, "--ports", ",".join(map(str, self.engine_ports)),
            "--model", rig.MODEL, "--keep-alive-seconds", "0", "--no-prefix-cache",
            "--record", "0", "--record-body-bytes", "0", "--tokens", "10000000", "--stamp-tokens",
            "--itl-ms", str(self.args.itl_ms), *self.args.engine_flags,
        ]
        engine = self._start("engine", argv, rig.LOAD_CPUS)
        rig.wait_until_serving(rig.Server("engine", engine, self.engine_ports[0]))
        seeded = self.engine_ports[:SEEDED]
        argv = [
            self.args.router, "--host", "127.0.0.1", "--port", str(self.http_port),
            "--admin-address", f"127.0.0.1:{self.admin_port}",
            "--service-discovery", "static",
            "--static-backends", ",".join(f"http://127.0.0.1:{p}" for p in seeded),
            "--static-models", ",".join([rig.MODEL] * SEEDED),
            "--routing-logic", "roundrobin", "--shards", str(SHARDS), "--log-level", "warning",
            *self.args.router_flags,
        ]
        child = self._start("router", argv, rig.PROXY_CPUS)
        self.router = rig.Server("router", child, self.http_port)
        rig.wait_until_serving(self.router)

    def _start(self, name, argv, cpus, limit_seconds=3600):
        self.commands.setdefault(name, argv)
        return self.children.start(name, argv, cpus=cpus, limit_seconds=limit_seconds)

    def _result_file(self, name):
        self._count += 1
        return os.path.join(self.directory, f"{name}-{self._count}.json")

    def _begin(self, name, argv, result, limit_seconds):
        child = self._start(name, [*argv, "--json", result], rig.LOAD_CPUS, limit_seconds)
        return child, result, limit_seconds

    def _end(self, begun):
        """Waits for what `_begin` began and returns what it wrote."""
        child, result, limit_seconds = begun
        child.wait(limit_seconds)
        status = self.children.stop(child)
        if child.timed_out or status != 0:
            raise BenchError(f"{child.name} ended with {status}: {child.log_tail()}")
        with open(result, encoding="utf-8") as file:
            return json.load(file)

    def _begin_applies(self, applies, **flags):
        live = ",".join(f"http://127.0.0.1:{p}" for p in self.engine_ports[SEEDED:])
        argv = [
            self.args.applygen, "--address", f"127.0.0.1:{self.admin_port}",
            "--applies", str(applies), "--backends", live, "--model", rig.MODEL,
            *(f"--{name}={value}" for name, value in flags.items()),
        ]
        return self._begin("applygen", argv, self._result_file("applygen"), 600)

    def apply(self, applies, **flags):
        """Runs applygen to its end. What it wrote, and the CPU time of the control thread."""
        before = self._control_ns()
        result = self._end(self._begin_applies(applies, **flags))
        result["control_cpu_us"] = (self._control_ns() - before) / 1000
        return result

    def _control_ns(self):
        return accounting.thread_cpu_ns(self.router.child.pid, "control")

    def phase(self, busy):
        """One phase: {"latency", "requests", "streams", "apply"}; `apply` only when `busy`."""
        seconds = self.args.seconds
        url = self.router.url
        stranger = accounting.Stranger(lambda: set(accounting.tree(os.getpid())))
        streams = self._begin(
            "loadgen-stream",
            [self.args.loadgen, "stream", url, "--streams", str(self.args.streams),
             "--tokens", str(self.args.tokens), "--itl-ms", str(self.args.itl_ms),
             "--seconds", str(seconds), "--drain-seconds", "60", "--header", "x-user-id: stream"],
            self._result_file("stream"), seconds + 120)
        rate = self._begin(
            "loadgen-rate",
            [self.args.loadgen, "rate", url, "--rate", str(self.args.rate), "--tokens", "1",
             "--seconds", str(seconds), "--warmup-seconds", "1", "--connections", "256"],
            self._result_file("rate"), seconds + 60)
        result = {}
        if busy:
            time.sleep(1.5)  # until streams and requests run
            result["apply"] = self.apply(self.args.applies, per_second=self.args.per_second)
            result["outlasted"] = not rate[0].alive()
        result["requests"] = self._end(rate)
        result["streams"] = self._end(streams)
        result.update(stranger.share())
        return result

    def resident_bytes(self):
        return accounting.anonymous_bytes(self.router.pids())


def failures(phase):
    """What a phase lost, by name; all have to be 0."""
    streams, requests = phase["streams"], phase["requests"]
    counts = {
        "requests failed": requests["failed"] + requests["unfinished"],
        "streams failed or cut": streams["failed"] + streams["cut"] + streams["with_error_event"]
        + streams["unfinished"],
        "tokens missing": streams["missing"],
        "tokens out of order": streams["reordered"],
        "changes refused": phase["apply"]["failed"] if "apply" in phase else 0,
    }
    return {name: count for name, count in counts.items() if count}


def memory_growth(readings):
    """Of the last quarter of the long run, as a share."""
    return readings[-1] / readings[-1 - max(1, len(readings) // 4)] - 1 if len(readings) > 1 else 0


def problems(phases, memory):
    """Why the run failed, or why its figures should not be trusted: two lists of lines."""
    bad, noise = [], []
    for index, phase in enumerate(phases):
        name = f"phase {index + 1} ({'changes' if 'apply' in phase else 'quiet'})"
        bad += [f"{name}: {count} {what}" for what, count in failures(phase).items()]
        if phase.get("outlasted"):
            noise.append(f"{name}: the changes went on longer than the requests")
        for key, what in (("others", "other processes used"), ("steal", "the hypervisor took")):
            if phase[key] > NOISE_LIMIT:
                noise.append(f"{name}: {what} {phase[key]:.0%} of a processor")
    for run in ("paced", "applies"):
        watch = memory[run]["watch"]
        for key in ("incomplete", "disordered", "unaccounted"):
            if watch[key]:
                bad.append(f"watchers: {watch[key]} {key}")
    growth = memory_growth(memory["long_run"])
    if growth > MEMORY_GROWTH_LIMIT:
        bad.append(f"memory: it still grew by {growth:.1%} in the last quarter of the long run")
    return bad, noise


def _median(phases, *path):
    values = []
    for phase in phases:
        for key in path:
            phase = phase[key]
        values.append(phase)
    return statistics.median(values)


def figures(document):
    """The medians over the phases."""
    quiet = [phase for phase in document["phases"] if "apply" not in phase]
    busy = [phase for phase in document["phases"] if "apply" in phase]
    result = {}
    for key in ("p50", "p99"):
        calm = _median(quiet, "requests", "latency_us", key)
        under = _median(busy, "requests", "latency_us", key)
        result[f"latency_{key}_us"] = {"quiet": calm, "changes": under, "ratio": under / calm}
        calm = _median(quiet, "streams", "token_delay_us", key)
        under = _median(busy, "streams", "token_delay_us", key)
        result[f"token_delay_{key}_us"] = {"quiet": calm, "changes": under, "ratio": under / calm}
    for key in ("p50", "p90", "p99", "max"):
        result[f"apply_{key}_us"] = _median(busy, "apply", "apply", key)
    spent = _median(busy, "apply", "control_cpu_us")
    result["control_cpu_us"] = spent / busy[0]["apply"]["applies"]
    return result


def report(document):
    """The result as text."""
    found = document["figures"]
    lines = [f"{'':24}{'quiet':>12}{'changes':>12}{'ratio':>8}"]
    for name in ("latency_p50_us", "latency_p99_us", "token_delay_p50_us", "token_delay_p99_us"):
        row = found[name]
        lines.append(f"{name:24}{row['quiet']:12.0f}{row['changes']:12.0f}{row['ratio']:8.2f}")
    lines.append("apply to effect: " + ", ".join(
        f"{key} {found[f'apply_{key}_us'] / 1000:.2f} ms" for key in ("p50", "p90", "p99", "max")))
    lines.append(f"the control thread's CPU time: {found['control_cpu_us']:.0f} us per change")
    idle = document["idle"]["apply"]
    lines.append("the same without traffic: " + ", ".join(
        f"{key} {idle[key] / 1000:.2f} ms" for key in ("p50", "p90", "p99", "max")))
    fleet = document["fleet"]
    lines.append(f"{fleet['fleet']} backends in one ApplyConfig: {fleet['fleet_ms']:.1f} ms")
    memory = document["memory"]
    for run, how in (("paced", "with pauses"), ("applies", "in a row")):
        watch = memory[run]["watch"]
        lines.append(
            f"{watch['watchers']} watchers, {watch['stalled']} stalled, changes {how}: "
            f"a generation came after p50 {watch['lateness']['p50'] / 1000:.2f} ms, "
            f"p99 {watch['lateness']['p99'] / 1000:.2f} ms; {watch['skipped']} merged, "
            f"{watch['unaccounted']} lost")
    lines.append("router's memory, MiB: " + ", ".join(
        f"{size / (1 << 20):.1f}"
        for size in [memory["before"], memory["watched"], *memory["long_run"]]))
    return "\n".join(lines)
