"""The load of tools/bench/callbacks: requests through a router of one shard that has, in turn, no
callback and one."""

import hashlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import time

from . import accounting, rig
from .children import BenchError

KEY = "sk-loadgen"  # what loadgen sends
HUNG_MODEL = "hung-model"
NAME = "callbacks/bench"
NOISE_LIMIT = 0.05  # of one processor, used by others


class Stage:
    """An engine with two models, a router with its admin service and a callback service."""

    def __init__(self, children, directory, args):
        self.children = children
        self.directory = directory
        self.args = args
        self.commands = {}
        self.target = f"unix:{directory}/service.sock"
        self.http_port, self.admin_port, *self.engine_ports = rig.free_ports(4)

    def start(self):
        argv = [
            self.args.engine, "--ports", ",".join(map(str, self.engine_ports)),
            "--model", rig.MODEL, "--accept-any-model", "--keep-alive-seconds", "0",
            "--no-prefix-cache", "--record", "0", "--record-body-bytes", "0",
            *self.args.engine_flags,
        ]
        engine = self._start("engine", argv, rig.LOAD_CPUS)
        rig.wait_until_serving(rig.Server("engine", engine, self.engine_ports[0]))
        argv = [
            self.args.router, "--host", "127.0.0.1", "--port", str(self.http_port),
            "--admin-address", f"127.0.0.1:{self.admin_port}",
            "--service-discovery", "static",
            "--static-backends", ",".join(f"http://127.0.0.1:{p}" for p in self.engine_ports),
            "--static-models", f"{rig.MODEL},{HUNG_MODEL}",
            "--routing-logic", "roundrobin", "--shards", "1", "--log-level", "error",
            *self.args.router_flags,
        ]
        self.router = rig.Server("router", self._start("router", argv, rig.PROXY_CPUS),
                                 self.http_port)
        rig.wait_until_serving(self.router)
        keys = os.path.join(self.directory, "keys")
        with open(keys, "w", encoding="ascii") as file:
            file.write(f"bench {hashlib.sha256(KEY.encode()).hexdigest()}\n")
        self.service = self._start("service", [self.args.service, self.target, keys],
                                   rig.PROXY_CPUS)
        end = time.monotonic() + 15
        while "listens on" not in self.service.log_tail():
            if not self.service.alive() or time.monotonic() > end:
                raise BenchError(f"the service does not serve: {self.service.log_tail()}")
            time.sleep(0.02)

    def _start(self, name, argv, cpus):
        self.commands[name] = argv
        return self.children.start(name, argv, cpus=cpus if self.args.pin else None,
                                   limit_seconds=3600)

    def _routerctl(self, *words):
        argv = [self.args.routerctl, "--address", f"127.0.0.1:{self.admin_port}", *words]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30,
                              text=True, check=False)
        if done.returncode != 0:
            raise BenchError(f"{' '.join(argv)}: {done.stdout.strip()}")

    def register(self, *flags):
        """Registers the service."""
        self._routerctl("callbacks", "register", NAME.split("/")[1], self.target,
                        "--hook", "pre-request", "--forward-header", "authorization",
                        "--allow-credentials", "true", *flags)

    def remove(self):
        self._routerctl("callbacks", "remove", NAME.split("/")[1])

    def hang(self):
        """Stops the service with its connection open: the kernel takes calls, nobody answers."""
        os.kill(self.service.pid, signal.SIGSTOP)

    def wake(self):
        os.kill(self.service.pid, signal.SIGCONT)

    def ask(self, model):
        """One request, which connects the router to the service."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]})
        try:
            connection.request("POST", "/v1/chat/completions", body,
                               {"Content-Type": "application/json",
                                "Authorization": "Bearer " + KEY})
            status = connection.getresponse().status
        finally:
            connection.close()
        if status != 200:
            raise BenchError(f"a request with the callback was answered with {status}")

    def calls(self):
        """{"calls", "failures"} of the callback so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            page = connection.getresponse().read().decode()
        finally:
            connection.close()
        return {kind: sum(float(value) for value in re.findall(
            rf'^vllm_router_callback_{kind}_total\{{[^}}]*"{NAME}"[^}}]*\}} (\S+)', page, re.M))
            for kind in ("calls", "failures")}

    def load(self, name, model, rate):
        """Begins requests at that rate; `finish` waits for them."""
        result = os.path.join(self.directory, f"{name}.json")
        argv = [
            self.args.loadgen, "rate", self.router.url, "--rate", str(rate), "--model", model,
            "--seconds", str(self.args.seconds), "--warmup-seconds", "1", "--connections", "256",
            "--tokens", "1", "--json", result,
        ]
        return self._start(name, argv, rig.LOAD_CPUS), result

    def finish(self, begun):
        child, result = begun
        child.wait(self.args.seconds + 60)
        status = self.children.stop(child)
        if status != 0:
            raise BenchError(f"{child.name} ended with {status}: {child.log_tail()}")
        with open(result, encoding="utf-8") as file:
            return json.load(file)

    def phase(self, hung_rate=0):
        """One phase: what loadgen tells of the requests, CPU time per request of router and
        service, calls of the callback, and what others used of the machine meanwhile."""
        stranger = accounting.Stranger(lambda: set(accounting.tree(os.getpid())))
        before = self.calls()
        cpu = {"router": -accounting.cpu_ns(self.router.pids()),
               "service": -accounting.cpu_ns([self.service.pid])}
        hung = self.load("loadgen-hung", HUNG_MODEL, hung_rate) if hung_rate else None
        requests = self.finish(self.load("loadgen", rig.MODEL, self.args.rate))
        result = {"requests": requests}
        if hung:
            result["hung"] = self.finish(hung)
        count = max(1, requests["ok"])
        cpu["router"] += accounting.cpu_ns(self.router.pids())
        cpu["service"] += accounting.cpu_ns([self.service.pid])
        result["cpu_us_per_request"] = {name: ns / 1000 / count for name, ns in cpu.items()}
        after = self.calls()
        result["callback"] = {kind: after[kind] - before.get(kind, 0) for kind in after}
        result.update(stranger.share())
        return result


def problems(pairs, hang):
    """Why the run failed, or why its figures should not be trusted: two lists of lines."""
    bad, noise = [], []
    for index, pair in enumerate(pairs):
        for name, phase in pair.items():
            where = f"round {index + 1}, {name}"
            requests = phase["requests"]
            lost = requests["failed"] + requests["unfinished"]
            if lost:
                bad.append(f"{where}: {lost} requests failed")
            made = phase["callback"]
            wanted = phase["hung" if hang else "requests"]["ok"] if name == "with" else 0
            if made["calls"] < wanted:
                bad.append(f"{where}: {made['calls']:.0f} calls for {wanted} requests")
            hung = wanted if hang else 0
            if made["failures"] != hung:
                bad.append(f"{where}: {made['failures']:.0f} calls failed, not {hung}")
            for key, what in (("others", "other processes used"), ("steal", "the hypervisor took")):
                if phase[key] > NOISE_LIMIT:
                    noise.append(f"{where}: {what} {phase[key]:.0%} of a processor")
    return bad, noise


def figures(pairs):
    """Medians over the rounds; `added` is the median of the rounds' differences."""
    result = {}
    for key in ("p50", "p99"):
        without, with_it = (
            [pair[name]["requests"]["latency_us"][key] for pair in pairs]
            for name in ("without", "with"))
        result[f"{key}_us"] = {
            "without": statistics.median(without),
            "with": statistics.median(with_it),
            "added": statistics.median(b - a for a, b in zip(without, with_it)),
            "added_each": [b - a for a, b in zip(without, with_it)],
        }
    for name in ("router", "service"):
        without, with_it = (
            [pair[which]["cpu_us_per_request"][name] for pair in pairs]
            for which in ("without", "with"))
        result[f"{name}_cpu_us"] = {
            "without": statistics.median(without),
            "with": statistics.median(with_it),
            "added": statistics.median(b - a for a, b in zip(without, with_it)),
        }
    return result


def report(found):
    """The result as text."""
    lines = [f"{'':16}{'without':>12}{'with':>12}{'added':>12}"]
    for name, row in found.items():
        lines.append(f"{name:16}" + "".join(f"{row[key]:12.1f}"
                                            for key in ("without", "with", "added")))
    each = found["p50_us"]["added_each"]
    lines.append("added p50, round by round: " + ", ".join(f"{value:.0f}" for value in each))
    return "\n".join(lines)
