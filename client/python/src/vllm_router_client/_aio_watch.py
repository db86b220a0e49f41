"""A stream of a router that outlives its connections, for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Generic, Optional, Type, TypeVar, Union

import grpc
from google.protobuf.message import Message

from ._errors import RouterError, from_grpc
from ._watch_state import WatchEvent, WatchState

M = TypeVar("M", bound=Message)


class AsyncWatch(Generic[M]):
    """As Watch, for `async for`. One task at a time waits for the next event; being cancelled while
    it waits, as by `asyncio.wait_for`, loses nothing. To be closed by its own event loop: best with
    `async with`."""

    def __init__(self, state: WatchState[M], open_call: Callable[[Message], Any]) -> None:
        self._state = state
        self._open_call = open_call
        self._call: Any = None
        self._pending: Optional[asyncio.Task[WatchEvent[M]]] = None
        self._failed: Optional[BaseException] = None
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
        """`aclose` was called."""
        return self._closed

    async def aclose(self) -> None:
        """Ends the iteration, also one that waits in another task. May be called again."""
        self._closed = True
        pending = self._pending
        if pending is not None and not pending.done():
            pending.cancel()
            await asyncio.wait({pending})
        if self._call is not None:
            self._call.cancel()
            self._call = None

    async def next(self, timeout: Optional[float] = None) -> WatchEvent[M]:
        """The next message. asyncio.TimeoutError when none came within `timeout` seconds: call
        again; nothing is lost. RouterError with code CANCELLED when the watch is closed."""
        if self._closed:
            raise self._state.closed()
        if self._failed is not None:
            raise self._failed
        # A task of its own, which goes on when the caller is cancelled: cancelling a read of gRPC's
        # would end the stream.
        if self._pending is None:
            self._pending = asyncio.ensure_future(self._advance())
        pending = self._pending
        await asyncio.wait({pending}, timeout=timeout)
        if not pending.done():
            raise asyncio.TimeoutError("no message came in time")
        self._pending = None
        if pending.cancelled():
            self._failed = self._state.closed()
        else:
            self._failed = pending.exception()
        if self._failed is not None:
            raise self._failed
        return pending.result()

    def __aiter__(self) -> AsyncIterator[WatchEvent[M]]:
        return self

    async def __anext__(self) -> WatchEvent[M]:
        try:
            return await self.next()
        except RouterError:
            if self._closed:
                raise StopAsyncIteration from None
            raise

    async def __aenter__(self) -> AsyncWatch[M]:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.aclose()

    async def _advance(self) -> WatchEvent[M]:
        while True:
            if self._call is None:
                self._call = self._open_call(self._state.request)
            outcome = await self._read()
            if isinstance(outcome, Message):
                return self._state.received(outcome)
            self._call = None
            await asyncio.sleep(self._state.ended(outcome))

    async def _read(self) -> Union[M, RouterError, None]:
        """A message, or what the stream ended with."""
        try:
            message: Any = await asyncio.wait_for(self._call.read(), self._state.longest_silence)
        except asyncio.TimeoutError:
            return self._state.silence()
        except grpc.RpcError as error:
            return from_grpc(error, self._state.rpc)
        if not isinstance(message, self._state.event_type):  # grpc.aio.EOF
            return None
        return message
