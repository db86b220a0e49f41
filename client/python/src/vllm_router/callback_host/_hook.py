"""Calls one method of a handler."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import inspect
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Optional

from vllm_router_client.callbacks._cancellation import ends_the_task


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a call returned, or what it raised. Not raised again: it may be SystemExit, which would
    end the event loop, or StopIteration, which no coroutine can raise."""

    value: Any = None
    error: Optional[BaseException] = None


class Hook:
    """Plain functions run on threads of the hook's own, so that one that blocks holds up neither
    the event loop nor the other hook; `async def` runs on the event loop."""

    def __init__(self, name: str, function: Callable[..., Any], threads: int) -> None:
        self.name = name
        self._function = function
        self._threads: Optional[ThreadPoolExecutor] = None
        if not _is_async(function):
            self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def call(self, *arguments: Any) -> Outcome:
        if self._threads is None:
            return await _awaited(self._function, arguments)
        context = contextvars.copy_context()
        outcome = await asyncio.get_running_loop().run_in_executor(
            self._threads, context.run, self._in_thread, arguments)
        # A plain function may hand out a coroutine, as some decorators do.
        if inspect.isawaitable(outcome.value):
            return await _awaited(lambda: outcome.value, ())
        return outcome

    def close(self) -> None:
        """Waits for nothing."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _in_thread(self, arguments: tuple[Any, ...]) -> Outcome:
        try:
            return Outcome(self._function(*arguments))
        except BaseException as error:
            return Outcome(error=error)


async def _awaited(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    try:
        return Outcome(await function(*arguments))
    except BaseException as error:
        if ends_the_task(error):
            raise
        return Outcome(error=error)


def _is_async(function: Callable[..., Any]) -> bool:
    return (inspect.iscoroutinefunction(function)
            or inspect.iscoroutinefunction(getattr(function, "__call__", None)))
