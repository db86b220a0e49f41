"""Child processes that cannot outlive us: each has a time limit and a process group of its own. All
are ended, by their own ids, when the block is left, on Ctrl-C and SIGTERM too; and should we be
killed, a guardian process ends them."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time

# Holds the list of our groups; the end of its input is our end, however that came.
_GUARDIAN = """\
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class BenchError(Exception):
    """The run could not be made; the text is fit for the user."""


class Child:
    """A running program, the leader of a process group of its own."""

    def __init__(self, name, argv, process, log_path):
        self.name = name
        self.argv = argv
        self.process = process
        self.log_path = log_path
        self.timer = None
        self.timed_out = False

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        """Looks without reaping: until it is reaped, its id cannot belong to another process."""
        if self.process.returncode is not None:
            return False
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is None

    def wait(self, seconds):
        """Whether it has ended within that time."""
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def log_tail(self, lines=5):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:]).strip()
        except OSError:
            return ""


def _prepare(cpus):
    """What runs in the child before exec: pinned, with the hard limit of open files."""

    def run():
        if cpus:
            os.sched_setaffinity(0, cpus)
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    return run


class Children:
    """Starts and ends programs; use it as a context manager."""

    def __init__(self, directory):
        self._directory = directory
        self._running = []
        self._count = 0
        self._guardian = None

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self._guardian = subprocess.Popen(
            [sys.executable, "-c", _GUARDIAN], stdin=subprocess.PIPE, start_new_session=True
        )
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second one must not leave anything behind
        for child in list(reversed(self._running)):
            self.stop(child)
        self._guardian.stdin.close()
        self._guardian.wait()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _tell_guardian(self, sign, child):
        self._guardian.stdin.write(f"{sign}{child.pid}\n".encode())
        self._guardian.stdin.flush()

    def start(self, name, argv, cpus=None, env=None, limit_seconds=600, stdout=None, stdin=None):
        """Starts `argv`. Its stderr, and its stdout unless given, go to a log file of its own."""
        self._count += 1
        log_path = os.path.join(self._directory, f"{self._count:03d}-{name}.log")
        with open(log_path, "wb") as log:
            try:
                process = subprocess.Popen(
                    argv,
                    stdin=stdin or subprocess.DEVNULL,
                    stdout=stdout or log,
                    stderr=log,
                    env={**os.environ, **(env or {})},
                    start_new_session=True,
                    preexec_fn=_prepare(cpus),
                )
            except OSError as error:
                raise BenchError(f"cannot start {argv[0]}: {error.strerror}") from error
        child = Child(name, argv, process, log_path)
        self._tell_guardian("+", child)
        child.timer = threading.Timer(limit_seconds, self._time_out, (child,))
        child.timer.daemon = True
        child.timer.start()
        self._running.append(child)
        return child

    def _time_out(self, child):
        child.timed_out = True
        self._signal(child, signal.SIGKILL)

    @staticmethod
    def _signal(child, number):
        if child.process.returncode is None:
            try:
                os.killpg(child.pid, number)
            except ProcessLookupError:
                pass

    def stop(self, child, number=signal.SIGTERM, patience=3.0):
        """Ends `child` and its own children: politely, then by force. Returns its exit status."""
        if child.alive():
            self._signal(child, number)
            child.wait(patience)
        self._signal(child, signal.SIGKILL)  # what is left of it, or of its group
        child.timer.cancel()
        status = child.process.wait()
        self._tell_guardian("-", child)
        if child.process.stdout:
            child.process.stdout.close()
        if child in self._running:
            self._running.remove(child)
        return status

    def run(self, name, argv, limit_seconds, **options):
        """Runs `argv` to its end and returns its standard output. BenchError when it fails."""
        child = self.start(
            name, argv, limit_seconds=limit_seconds, stdout=subprocess.PIPE, **options
        )
        try:
            output = child.process.stdout.read().decode(errors="replace")
            child.wait(limit_seconds)
        finally:
            self.stop(child)
        if child.timed_out:
            raise BenchError(f"{name} did not end within {limit_seconds} s")
        if child.process.returncode != 0:
            why = child.log_tail() or output.strip()
            raise BenchError(f"{name} ended with {child.process.returncode}: {why}")
        return output


def wait_for_line(child, prefix, limit_seconds):
    """Reads the child's standard output (a pipe) up to a line that begins with `prefix`."""
    found = []

    def read():
        for line in child.process.stdout:
            if line.decode(errors="replace").startswith(prefix):
                found.append(line)
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    end = time.monotonic() + limit_seconds
    while reader.is_alive() and time.monotonic() < end:
        reader.join(0.02)
    if not found:
        raise BenchError(
            f"{child.name} did not say \"{prefix}\" within {limit_seconds} s: {child.log_tail()}"
        )
