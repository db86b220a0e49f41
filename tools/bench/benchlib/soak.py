"""The load of tools/bench/soak: one router, and clients that name ever other models."""

import http.client
import json
import os
import statistics
import time

from . import accounting, rig
from .children import BenchError

NAME = "a-name-kept-on-the-heap"
MIB = 1 << 20
# Rounds through the names that are known, until all that is kept of models is there, and what is
# kept of ended requests is full.
KNOWN_ROUNDS = 5
# The part of a run whose samples are left out.
WARM_UP = 0.1
# From the first third of a run to its last, and by names that are not known: one that is kept
# takes more than a hundred bytes.
SERIES_OF_A_MODEL = 60


def name_of(index, models):
    """As loadgen has it."""
    return f"{NAME}-{index:0{len(str(models - 1))}}"


class Stage:
    """An engine that takes any model, and a router that serves a few models and aliases."""

    def __init__(self, children, directory, args):
        self.children = children
        self.directory = directory
        self.args = args
        self.commands = {}
        self.port, self.engine_port = rig.free_ports(2)

    def start(self):
        args = self.args
        argv = [
            args.engine, "--port", str(self.engine_port), "--accept-any-model",
            "--keep-alive-seconds", "0", "--no-prefix-cache", "--record", "0",
            "--record-body-bytes", "0", "--tokens", "4", *args.engine_flags,
        ]
        engine = self._start("engine", argv)
        server = rig.Server("engine", engine, self.engine_port)
        config = os.path.join(self.directory, "router.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(self._configuration(), file)
        argv = [
            args.router, "--host", "127.0.0.1", "--port", str(self.port),
            "--service-discovery", "static", "--dynamic-config-json", config,
            "--routing-logic", "roundrobin", "--admin-address", "", "--shards", str(args.shards),
            "--log-level", "error", "--access-log", "json", "--access-log-file", "/dev/null",
            *args.router_flags,
        ]
        child = self._start("router", argv)
        self.router = rig.Server("router", child, self.port)
        rig.wait_until_serving(server)
        rig.wait_until_serving(self.router)

    def _configuration(self):
        """The first names are models, the next ones aliases of the first; nobody serves the
        others."""
        args = self.args
        url = f"http://127.0.0.1:{self.engine_port}"
        names = [name_of(index, args.models) for index in range(args.served + args.aliases)]
        return {
            "static_models": {
                name: {"static_backends": [url]} for name in [*names[:args.served], rig.MODEL]},
            "static_aliases": {name: names[0] for name in names[args.served:]},
        }

    def _start(self, name, argv):
        self.commands.setdefault(name, argv)
        return self.children.start(name, argv, limit_seconds=self.args.limit_seconds)

    def _page(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"cannot read /metrics: {error}") from error
        finally:
            connection.close()

    def sample(self):
        """The router's memory, series and requests at this moment."""
        lines = [line for line in self._page().splitlines() if line and line[0] != "#"]
        requests = sum(float(line.rpartition(" ")[2]) for line in lines
                       if line.startswith("vllm_router_requests_total{"))
        return {"requests": int(requests), "series": len(lines),
                "bytes": accounting.anonymous_bytes(self.router.pids())}

    def load(self, requests):
        """Sends so many requests, and returns samples and what loadgen has to tell of them."""
        result = os.path.join(self.directory, "loadgen.json")
        argv = [
            self.args.loadgen, "closed", self.router.url, "--requests", str(requests),
            "--connections", str(self.args.connections), "--body", "300", "--json", result,
            "--model", NAME, "--models", str(self.args.models),
        ]
        child = self._start("loadgen", argv)
        samples = []
        while child.alive():
            samples.append(self.sample())
            child.wait(self.args.sample_seconds)
        samples.append(self.sample())
        status = self.children.stop(child)
        if child.timed_out or status != 0:
            raise BenchError(f"{child.name} ended with {status}: {child.log_tail()}")
        with open(result, encoding="utf-8") as file:
            told = json.load(file)
        return {"samples": samples, "statuses": told["statuses"], "failures": told["failures"],
                "seconds": told["seconds"], "per_second": told["requests_per_second"]}


    def load_known(self):
        """The same with the names that are known alone: they are the first ones."""
        rounds = [self.load(self.args.served + self.args.aliases) for _ in range(KNOWN_ROUNDS)]
        return [samples["samples"][-1] for samples in rounds]


def expected_statuses(args):
    """The names come in turn, so it is known how many of them are served."""
    known = args.served + args.aliases
    rounds, rest = divmod(args.requests, args.models)
    ok = rounds * known + min(rest, known)
    return {"200": ok, "404": args.requests - ok}


def figures(document):
    """What memory and series did once the router was warm."""
    known, many = document["known_models"], document["many_models"]["samples"]
    begin, end = many[0]["requests"], many[-1]["requests"]
    warm = [s for s in many if s["requests"] >= begin + WARM_UP * (end - begin)]
    first, last = warm[: max(1, len(warm) // 3)], warm[-max(1, len(warm) // 3):]
    median = lambda samples: statistics.median(s["bytes"] for s in samples)  # noqa: E731
    return {
        "bytes_known": max(s["bytes"] for s in known[1:]),
        "bytes_warm": median(first),
        "bytes_end": median(last),
        "series_known": known[-1]["series"],
        "series_most": max(s["series"] for s in many),
        "series_end": many[-1]["series"],
        "samples": len(many),
    }


def problems(document, args):
    """Why the run failed, a line each."""
    found, bad = document["figures"], []
    told = document["many_models"]
    if told["statuses"] != expected_statuses(args) or told["failures"]:
        bad.append(f"answers: {told['statuses']} {told['failures']} instead of "
                   f"{expected_statuses(args)}")
    growth = found["bytes_end"] - found["bytes_warm"]
    if growth > args.growth_mib * MIB:
        bad.append(f"memory: it still grew by {growth / MIB:.2f} MiB, at most "
                   f"{args.growth_mib:g} MiB")
    names = found["bytes_end"] - found["bytes_known"]
    if names > args.names_mib * MIB:
        bad.append(f"memory: {names / MIB:.2f} MiB more than with known models alone, at most "
                   f"{args.names_mib:g} MiB")
    # Names that nobody serves are one model, `other`.
    most = found["series_known"] + SERIES_OF_A_MODEL
    if found["series_most"] > most:
        bad.append(f"series: {found['series_known']} grew to {found['series_most']}")
    return bad


def report(document):
    """The result as text."""
    found, told = document["figures"], document["many_models"]
    counts = ", ".join(f"{count} x {status}" for status, count in told["statuses"].items())
    return "\n".join([
        f"{sum(told['statuses'].values())} requests in {told['seconds']:.0f} s, "
        f"{told['per_second']:.0f}/s: {counts}",
        f"memory, MiB: {found['bytes_known'] / MIB:.2f} with known models alone, then "
        f"{found['bytes_warm'] / MIB:.2f} in the first third, "
        f"{found['bytes_end'] / MIB:.2f} in the last ({found['samples']} samples)",
        f"series: {found['series_known']} with known models alone, then "
        f"{found['series_most']} at most, {found['series_end']} at the end",
    ])
