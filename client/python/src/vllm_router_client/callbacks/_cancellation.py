"""Tells a call that fails from a call that is cancelled."""

from __future__ import annotations

import asyncio


def ends_the_task(error: BaseException) -> bool:
    """Whether an exception is no failure of the call, but the end of the task that it runs in."""
    if isinstance(error, asyncio.CancelledError):
        # What a call waited for may have been cancelled, and not the call. gRPC would leave the
        # router without an answer. Python before 3.11 cannot tell the two.
        cancelling = getattr(asyncio.current_task(), "cancelling", None)
        return cancelling is None or cancelling() > 0
    return isinstance(error, GeneratorExit)
