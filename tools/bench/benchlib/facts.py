"""What a result must name to be of use later: the machine, the versions, the router's commit."""

import datetime
import os
import platform
import subprocess


def _first_line(argv, cwd=None):
    try:
        done = subprocess.run(
            argv, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.decode(errors="replace").strip().splitlines() or [""])[0]


def _field(path, name):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(name):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def _text(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _system():
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return platform.platform()


def machine():
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "processors": os.cpu_count(),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "kernel": platform.release(),
        "system": _system(),
        "congestion_control": _text("/proc/sys/net/ipv4/tcp_congestion_control"),
        "load_average": os.getloadavg(),
    }


def versions(paths):
    return {
        "router": _first_line([paths.router, "--version"]),
        "nginx": _first_line([paths.nginx, "-v"]),
        "haproxy": _first_line([paths.haproxy, "-v"]),
        "wrk": _first_line([paths.wrk, "--version"]),
    }


def commit(root):
    """{"id", "modified"} of the checkout; an empty id where there is none."""
    found = _first_line(["git", "rev-parse", "--verify", "--quiet", "HEAD"], cwd=root)
    if len(found) < 40 or " " in found:
        found = ""
    changed = _first_line(["git", "status", "--porcelain", "--untracked-files=no"], cwd=root)
    return {"id": found, "modified": bool(changed)}


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
