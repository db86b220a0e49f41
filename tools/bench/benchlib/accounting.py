"""CPU time and memory of processes, from /proc. CPU times are nanoseconds, from schedstat: exact,
where the tick-based times of /proc/PID/stat are samples."""

import os
import time

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_KTHREADD = 2


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:  # the process has ended
        return ""


def _stat(pid):
    """(parent, nanoseconds of children that it has waited for), or None."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) < 15:
        return None
    return int(fields[1]), (int(fields[13]) + int(fields[14])) * _TICK_NS


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def tree(root):
    """`root` and all its living descendants."""
    parents = {pid: stat[0] for pid in _pids() if (stat := _stat(pid))}
    found = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return sorted(found)
        found |= more


def cpu_ns(pids):
    """Time on a processor of all threads of `pids` so far."""
    total = 0
    for pid in pids:
        try:
            threads = os.listdir(f"/proc/{pid}/task")
        except OSError:
            continue
        for thread in threads:
            numbers = _read(f"/proc/{pid}/task/{thread}/schedstat").split()
            total += int(numbers[0]) if numbers else 0
    return total


def thread_cpu_ns(pid, name):
    """Time on a processor of the threads of `pid` with that name."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        if _read(f"/proc/{pid}/task/{thread}/comm").strip() == name:
            total += int(_read(f"/proc/{pid}/task/{thread}/schedstat").split()[0])
    return total


def anonymous_bytes(pids):
    """Resident memory of `pids` that no file stands behind: what user space has written."""
    total = 0
    for pid in pids:
        for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
            if line.startswith("Anonymous:"):
                total += int(line.split()[1]) * 1024
    return total


class Stranger:
    """How much CPU time processes that are not ours used while we measured, and how much the
    hypervisor took. Processes that began and ended meanwhile are seen through their parents."""

    def __init__(self, ours):
        self._ours = ours  # () -> set of pids
        self._before = self._now()

    def _others_ns(self):
        ours = self._ours()
        total = 0
        for pid in _pids():
            stat = _stat(pid)
            if stat is None or pid in ours or pid == _KTHREADD or stat[0] == _KTHREADD:
                continue
            total += cpu_ns([pid]) + stat[1]
        return total

    @staticmethod
    def _steal_ns():
        return int(_read("/proc/stat").split("\n", 1)[0].split()[8]) * _TICK_NS

    def _now(self):
        at = time.monotonic_ns()
        return at, {"others": self._others_ns(), "steal": self._steal_ns()}

    def share(self):
        """{"others": .., "steal": ..} since the start, as parts of one processor."""
        began, before = self._before
        ended, after = self._now()
        return {key: max(0.0, (after[key] - before[key]) / (ended - began)) for key in after}
