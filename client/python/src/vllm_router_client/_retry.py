"""Which calls may be repeated, when, and after which wait."""

from __future__ import annotations

import random
import uuid
from typing import Callable, TypeVar

import grpc
from google.protobuf.message import Message

from ._errors import RouterError
from ._options import RetryOptions

M = TypeVar("M", bound=Message)


def with_request_id(request: M) -> M:
    """A copy of `request` with a fresh id, when it has the field and the field is empty: one id for
    all attempts is what makes them one change."""
    copy = type(request)()
    copy.CopyFrom(request)
    if "request_id" in copy.DESCRIPTOR.fields_by_name and not request_id(copy):
        setattr(copy, "request_id", str(uuid.uuid4()))
    return copy


def request_id(request: Message) -> str:
    return str(getattr(request, "request_id", ""))


def is_repeatable(request: Message) -> bool:
    """Whether making the call twice does no more than making it once: it only reads, or it is a
    change with a `request_id`. What changes something always has a `reason` field."""
    fields = request.DESCRIPTOR.fields_by_name
    return "request_id" in fields or "reason" not in fields


def may_pass(error: RouterError) -> bool:
    if error.code == grpc.StatusCode.UNAVAILABLE:
        return True
    return error.code == grpc.StatusCode.RESOURCE_EXHAUSTED and error.retry_delay is not None


class Backoff:
    """The waits between attempts of one call or stream. Not thread-safe."""

    def __init__(self, options: RetryOptions,
                 share: Callable[[], float] = lambda: random.uniform(0.5, 1)) -> None:
        self._options = options
        self._share = share
        self._wait = 0.0
        self.failures = 0

    def next(self, error: RouterError) -> float:
        """Seconds to wait after one more attempt that failed with `error`."""
        self._wait = self._wait * self._options.multiplier if self.failures else (
            self._options.initial_backoff)
        self._wait = min(self._wait, self._options.max_backoff)
        self.failures += 1
        return max(self._wait * self._share(), error.retry_delay or 0.0)

    def reset(self) -> None:
        """After a success."""
        self.failures = 0


class Attempts:
    """The attempts of one call: what both kinds of clients decide in the same way."""

    def __init__(self, request: Message, retry: RetryOptions, deadline: float) -> None:
        self._repeatable = is_repeatable(request)
        self._most = retry.max_attempts
        self._deadline = deadline
        self._backoff = Backoff(retry)

    def wait_after(self, error: RouterError, now: float) -> float:
        """Seconds until the next attempt; raises `error` when there is none."""
        if not self._repeatable or not may_pass(error):
            raise error
        wait = self._backoff.next(error)
        # The error tells more than the deadline that would end the wait.
        if self._backoff.failures >= self._most or now + wait >= self._deadline:
            raise error
        return wait
