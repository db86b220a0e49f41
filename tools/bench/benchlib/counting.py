"""Counts that do not depend on how busy the machine is: system calls, heap calls, memory."""

import os
import re
import signal
import struct
import time

from . import cases
from .children import BenchError

CONNECTIONS = 64
_ROW = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def _parse_strace(path):
    """{name: calls} of the table that `strace -c` wrote."""
    calls = {}
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            row = _ROW.match(line.rstrip())
            if row and row.group(2) != "total":
                calls[row.group(2)] = int(row.group(1))
    return calls


class Tracer:
    """Counts the system calls of all threads of a server while a load runs."""

    def __init__(self, children, directory, strace):
        self._children = children
        self._directory = directory
        self._strace = strace
        self._count = 0

    def during(self, server, load):
        """({name: calls}, seconds) while `load` ran."""
        self._count += 1
        table = os.path.join(self._directory, f"strace-{self._count}.txt")
        argv = [self._strace, "-f", "-c", "-S", "calls", "-o", table]
        for pid in server.pids():
            argv += ["-p", str(pid)]
        child = self._children.start("strace", argv, limit_seconds=400)
        try:
            self._wait_until_attached(child, server)
            began = time.monotonic()
            load()
            took = time.monotonic() - began
        finally:
            # Its end lets go of the traced process; force is never needed unless it hangs.
            self._children.stop(child, signal.SIGINT, patience=20)
        if not os.path.exists(table):
            raise BenchError(f"strace counted nothing: {child.log_tail()}")
        return _parse_strace(table), took

    @staticmethod
    def _traced(pid):
        threads = os.listdir(f"/proc/{pid}/task")
        for thread in threads:
            with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
                if "TracerPid:\t0\n" in file.read():
                    return False
        return True

    def _wait_until_attached(self, child, server):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if not child.alive():
                raise BenchError(f"strace has ended: {child.log_tail()}")
            if all(self._traced(pid) for pid in server.pids()):
                return
            time.sleep(0.02)
        raise BenchError("strace did not attach within 10 s")


def syscalls_per_request(tracer, loads, server, requests):
    """(calls per request, {name: calls per request}). Two loads of the same shape that differ in
    length: what connections and the idle process cost falls out of their difference."""
    few = requests // 5
    loads.exactly(server.url, CONNECTIONS * 10, CONNECTIONS)
    idle, idle_seconds = tracer.during(server, lambda: time.sleep(2))
    short, short_seconds = tracer.during(
        server, lambda: loads.exactly(server.url, few, CONNECTIONS)
    )
    long, long_seconds = tracer.during(
        server, lambda: loads.exactly(server.url, few + requests, CONNECTIONS)
    )
    each = {}
    for name in long:
        background = idle.get(name, 0) / idle_seconds * (long_seconds - short_seconds)
        calls = (long[name] - short.get(name, 0) - background) / requests
        if abs(calls) >= 0.005:
            each[name] = calls
    return sum(each.values()), each


class HeapCounter:
    """Reads what malloc_counter, preloaded into a server, counts in a mapped file."""

    def __init__(self, directory, library):
        self._path = os.path.join(directory, "malloc-counter")
        self.environment = {"LD_PRELOAD": library, "MALLOC_COUNTER_FILE": self._path}

    def clear(self):
        if os.path.exists(self._path):
            os.remove(self._path)

    def allocations(self):
        with open(self._path, "rb") as file:
            numbers = struct.unpack("=4Q", file.read(32))
        if numbers[3] != 1:
            raise BenchError("the heap counter is not in place")
        return numbers[0]

    def during(self, load):
        """(allocations, seconds) while `load` ran."""
        before, began = self.allocations(), time.monotonic()
        load()
        return self.allocations() - before, time.monotonic() - began


def _steady(counter, load, small, large):
    """Allocations per unit: the load once small and once large, without what an idle process
    allocates. `load(n)` makes n units."""
    load(small)  # pools and free lists grow to their size
    idle, idle_seconds = counter.during(lambda: time.sleep(2))
    few, few_seconds = counter.during(lambda: load(small))
    many, many_seconds = counter.during(lambda: load(large))
    background = idle / idle_seconds * (many_seconds - few_seconds)
    return (many - few - background) / (large - small)


def mallocs_per_request(counter, loads, server, requests):
    return _steady(
        counter,
        lambda n: loads.exactly(server.url, n, CONNECTIONS),
        CONNECTIONS * 20,
        CONNECTIONS * 20 + requests,
    )


def mallocs_per_token(counter, loads, server, streams, tokens):
    """(mallocs per token, tokens that were missing or out of order)."""
    wrong = 0

    def load(count):
        nonlocal wrong
        run = loads.stream(server.url, streams, count, cases.ITL_MS)
        if run["complete"] != streams:
            raise BenchError(f"{streams - run['complete']} of {streams} streams did not complete")
        wrong += run["missing"] + run["reordered"]

    return _steady(counter, load, tokens // 5, tokens) / streams, wrong


def memory(bench_rig, loads, target, what, count):
    server = bench_rig.start_proxy(target)
    try:
        return cases.measure_memory(loads, server, what, count)["bytes_each"]
    finally:
        bench_rig.stop_proxy(server)
