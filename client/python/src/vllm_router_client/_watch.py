"""A stream of a router that outlives its connections, for threads."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Any, Callable, Generic, Iterator, Optional, Type, TypeVar, Union

import grpc
from google.protobuf.message import Message

from ._errors import RouterError, from_grpc
from ._watch_state import WatchEvent, WatchState

M = TypeVar("M", bound=Message)


class Watch(Generic[M]):
    """Iterating gives one WatchEvent after another. When the stream breaks it is opened again
    behind the last message, and from the beginning when the router no longer knows that place
    (`WatchEvent.restarted`). Ends when it is closed; any other end is a RouterError: refused by the
    router, or a router that could not be reached at all. Once a message has come, a router that is
    away is waited for.

    Iterate in one thread at a time; `close` from any.
    """

    def __init__(self, state: WatchState[M], open_call: Callable[[Message], Any]) -> None:
        self._state = state
        self._open_call = open_call
        self._reader: Optional[_Reader[M]] = None
        self._open_at = 0.0
        self._failed: Optional[Exception] = None
        # Guards what follows, and tells the reader's thread, the consumer's and close() apart.
        self._changed = threading.Condition()
        self._closed = False

    @property
    def resume_token(self) -> str:
        """Where another watch would go on after the last message: `watch_config(resume_token=...)`.
        Empty before the first message, and for statistics."""
        return self._state.resume_token

    @property
    def restarts(self) -> int:
        """How often the place in the stream was lost."""
        return self._state.restarts

    @property
    def closed(self) -> bool:
        """`close` was called."""
        with self._changed:
            return self._closed

    def close(self) -> None:
        """Ends the iteration, also one that waits in another thread. May be called again."""
        with self._changed:
            self._closed = True
            if self._reader is not None:
                self._reader.cancel()
            self._changed.notify_all()

    def next(self, timeout: Optional[float] = None) -> WatchEvent[M]:
        """The next message. TimeoutError when none came within `timeout` seconds: call again;
        nothing is lost. RouterError with code CANCELLED when the watch is closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._failed is not None:
                raise self._failed
            try:
                reader = self._opened(deadline)
                outcome = self._take(reader, deadline)
            except TimeoutError:
                raise
            except Exception as error:
                self._failed = error
                raise
            if isinstance(outcome, Message):
                return self._state.received(outcome)
            try:
                wait = self._state.ended(outcome)
            except RouterError as error:
                self._failed = error
                raise
            self._open_at = time.monotonic() + wait

    def __iter__(self) -> Iterator[WatchEvent[M]]:
        return self

    def __next__(self) -> WatchEvent[M]:
        try:
            return self.next()
        except RouterError:
            if self.closed:
                raise StopIteration from None
            raise

    def __enter__(self) -> Watch[M]:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __del__(self) -> None:
        # A watch that is dropped halfway leaves no stream behind.
        if hasattr(self, "_changed"):
            self.close()

    def _opened(self, deadline: Optional[float]) -> _Reader[M]:
        """The reader of the stream, opened after the backoff."""
        with self._changed:
            self._wait(lambda: self._closed, self._open_at, deadline)
            if self._closed:
                raise self._state.closed()
            if self._reader is None:
                self._reader = _Reader(self._open_call(self._state.request), self._changed)
                self._reader.start()
            return self._reader

    def _take(self, reader: _Reader[M],
              deadline: Optional[float]) -> Union[M, RouterError, None]:
        """A message, or what the stream ended with."""
        with self._changed:
            silent_at = reader.asked_at + self._state.longest_silence
            if not self._wait(lambda: self._closed or reader.ready, silent_at, deadline):
                reader.cancel()
                self._reader = None
                return self._state.silence()
            if self._closed:
                raise self._state.closed()
            if reader.message is not None:
                return reader.take()
            self._reader = None
            if reader.error is None:
                return None
            return from_grpc(reader.error, self._state.rpc)

    def _wait(self, condition: Callable[[], bool], until: float,
              deadline: Optional[float]) -> bool:
        """Waits, the lock held, for the condition. False: `until` came first. TimeoutError:
        `deadline` did."""
        while not condition():
            now = time.monotonic()
            if now >= until:
                return False
            if deadline is not None and now >= deadline:
                raise TimeoutError("no message came in time")
            self._changed.wait((until if deadline is None else min(until, deadline)) - now)
        return True


class _Reader(Generic[M]):
    """Reads one stream in a thread of its own, since gRPC's own iterator can only wait for ever.
    One message is held; the next one is read when that has been taken, so that a slow consumer is a
    slow reader to the router. All but the constructor needs the lock of `changed`."""

    def __init__(self, call: Any, changed: threading.Condition) -> None:
        self._call = call
        self._changed = changed
        self._cancelled = False
        self.message: Optional[M] = None
        self.error: Optional[grpc.RpcError] = None
        self.ended = False
        self.asked_at = time.monotonic()

    @property
    def ready(self) -> bool:
        return self.message is not None or self.ended

    def start(self) -> None:
        threading.Thread(target=self._run, name="vllm-router-watch", daemon=True).start()

    def take(self) -> M:
        message = self.message
        assert message is not None
        self.message = None
        self.asked_at = time.monotonic()
        self._changed.notify_all()
        return message

    def cancel(self) -> None:
        self._cancelled = True
        self._call.cancel()
        self._changed.notify_all()

    def _run(self) -> None:
        error: Optional[grpc.RpcError] = None
        try:
            for message in self._call:
                with self._changed:
                    self.message = message
                    self._changed.notify_all()
                    while self.message is not None and not self._cancelled:
                        self._changed.wait()
        except grpc.RpcError as caught:
            error = caught
        with self._changed:
            self.error = error
            self.ended = True
            self._changed.notify_all()
