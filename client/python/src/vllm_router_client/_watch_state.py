"""What both kinds of watches decide in the same way, whatever their messages are: with which
request a stream is opened, what a message means, what follows its end. Does no I/O."""

from __future__ import annotations

import dataclasses
import logging
from typing import Generic, Optional, Type, TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from ._errors import ErrorDetails, RouterError, make_error
from ._options import RetryOptions
from ._retry import Backoff, may_pass

M = TypeVar("M", bound=Message)

_log = logging.getLogger("vllm_router_client")

_DEFAULT_BOOKMARK_INTERVAL = 30.0
_SHORTEST_SILENCE = 15.0
# What a stream that was well may end with when a router, a proxy or a connection goes away.
_TORN = (grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


@dataclasses.dataclass(frozen=True)
class WatchEvent(Generic[M]):
    """One message of a watch."""

    message: M
    restarted: bool = False
    """The place in the stream was lost, and this message is the first of a new beginning: what was
    built from the messages before is to be thrown away. Never set on the very first message, unless
    the caller began with a `resume_token` that had expired."""


class WatchState(Generic[M]):
    """Belongs to one reader at a time."""

    def __init__(self, rpc: str, request: Message, event: Type[M], retry: RetryOptions) -> None:
        self.rpc = rpc
        self.event_type = event
        self.request = type(request)()
        self.request.CopyFrom(request)
        self.restarts = 0
        self.longest_silence = _longest_silence(request)
        self._resumes = "resume_token" in request.DESCRIPTOR.fields_by_name
        self._backoff = Backoff(retry)
        self._most = retry.max_attempts
        self._has_received = False
        self._restarted = False

    @property
    def resume_token(self) -> str:
        return str(getattr(self.request, "resume_token", ""))

    def received(self, message: M) -> WatchEvent[M]:
        self._has_received = True
        self._backoff.reset()
        if self._resumes:
            setattr(self.request, "resume_token", getattr(message, "resume_token"))
        event = WatchEvent(message, self._restarted)
        self._restarted = False
        return event

    def ended(self, error: Optional[RouterError]) -> float:
        """Seconds until the stream is to be opened again; raises when it is not. No error: the
        other side closed it politely."""
        if error is not None and error.reason == "RESUME_TOKEN_EXPIRED" and self.resume_token:
            setattr(self.request, "resume_token", "")
            self._begin_anew()
            _log.info("%s: the resume token has expired, beginning anew", self.rpc)
            return 0.0
        if error is None:
            error = make_error(ErrorDetails(
                grpc.StatusCode.UNAVAILABLE, "the stream ended", self.rpc))
        elif not may_pass(error) and not (self._has_received and error.code in _TORN):
            raise error
        wait = self._backoff.next(error)
        if not self._has_received and self._backoff.failures >= self._most:
            raise error
        if self._has_received and not self.resume_token and not self._restarted:
            self._begin_anew()
        _log.info("%s: %s; opening it again in %.2f s", self.rpc, error, wait)
        return wait

    def silence(self) -> RouterError:
        return make_error(ErrorDetails(
            grpc.StatusCode.UNAVAILABLE,
            f"no message for {self.longest_silence:g} s, though bookmarks are due", self.rpc))

    def closed(self) -> RouterError:
        return make_error(ErrorDetails(
            grpc.StatusCode.CANCELLED, "the watch is closed", self.rpc))

    def _begin_anew(self) -> None:
        self._restarted = True
        self.restarts += 1


def _longest_silence(request: Message) -> float:
    """Three messages that the router owes and that did not come."""
    interval = _DEFAULT_BOOKMARK_INTERVAL
    for name in ("bookmark_interval", "min_interval"):
        if name in request.DESCRIPTOR.fields_by_name and request.HasField(name):
            value: Duration = getattr(request, name)
            interval = value.seconds + value.nanos / 1e9
    return max(3 * interval, _SHORTEST_SILENCE)
