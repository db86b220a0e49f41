"""What the host has to do with the process that started it: when to end, and how it went."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import threading
import time
from typing import Any, Callable, Optional


class Ending:
    """Ends the process on SIGTERM, on SIGINT unless supervised, and when the supervisor's pipe on
    the standard input has reached its end.

    A thread waits for them, so that neither an import that never ends nor a handler that blocks the
    event loop or outlives it can keep the process from ending: at once while nothing is served,
    else when `grace` seconds have passed.
    """

    def __init__(self, supervised: bool, grace: float) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._stop: Optional[Callable[[], None]] = None
        self._cleanup: Callable[[], None] = lambda: None
        # Ctrl-C comes to the supervisor, too, which then ends this process in order.
        self._ending = {signal.SIGTERM} if supervised else {signal.SIGTERM, signal.SIGINT}
        self._signals, self._signalled = os.pipe()
        os.set_blocking(self._signalled, False)
        self._take_signals()
        waited_for = [self._signals]
        if supervised:
            waited_for.append(_taken_stdin())
        threading.Thread(target=self._wait, args=(waited_for,), name="ending", daemon=True).start()

    def serving(self, stop: Callable[[], None], cleanup: Callable[[], None]) -> None:
        """From now on: `stop` asks for an end in order, on another thread; `cleanup` is for when
        that took too long."""
        self._take_signals()  # the handler's module may have taken them
        with self._lock:
            self._stop, self._cleanup = stop, cleanup

    def _take_signals(self) -> None:
        # Not SIG_IGN for SIGINT: programs that the handler starts would inherit it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        # Writes the number at once, even when the main thread is busy.
        signal.set_wakeup_fd(self._signalled, warn_on_full_buffer=False)

    def _on_signal(self, number: int, frame: Any) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._signalled, bytes([number]))  # the handler may have its own wakeup

    def _wait(self, waited_for: list[int]) -> None:
        poll = select.poll()
        for descriptor in waited_for:
            poll.register(descriptor, select.POLLIN)
        ended = False
        while not ended:
            for descriptor, _ in poll.poll():
                read = os.read(descriptor, 4096)
                # The supervisor writes nothing, and what it writes would be no end.
                ended |= bool(self._ending & set(read)) if descriptor == self._signals else not read
        with self._lock:
            stop, cleanup = self._stop, self._cleanup
        if stop is not None:
            stop()
            time.sleep(self._grace)
            cleanup()
        os._exit(0)


class StatusReport:
    """The one line of JSON for the supervisor."""

    def __init__(self, descriptor: Optional[int]) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            # Programs that the handler starts would hold it open.
            os.set_inheritable(descriptor, False)

    def send(self, **fields: Any) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        with contextlib.suppress(BrokenPipeError):
            os.write(descriptor, json.dumps(fields).encode() + b"\n")
        os.close(descriptor)


def _taken_stdin() -> int:
    """The pipe, under a number that neither the handler nor programs that it starts know."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return pipe
