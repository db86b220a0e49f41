"""What a callback service is told: proto/callback.proto documents each field."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Any, Iterable, Optional

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from .. import v1
from ._headers import Headers


@dataclasses.dataclass(frozen=True)
class Body:
    """A body, or as much of it as the registration asks for."""

    data: bytes = dataclasses.field(default=b"", repr=False)
    """As on the wire: a compressed body stays compressed, an event stream is raw."""
    total_bytes: int = 0
    """Length of the whole body, also when `data` holds less."""
    truncated: bool = False
    """`data` is a prefix: the body was longer than the limit."""

    @property
    def whole(self) -> bool:
        """`data` is all of it."""
        return len(self.data) == self.total_bytes and not self.truncated

    def json(self) -> Any:
        """ValueError when the body is not here whole, or is no JSON."""
        if not self.whole:
            raise ValueError(f"of the body's {self.total_bytes} bytes {len(self.data)} are here")
        try:
            return json.loads(self.data)
        except RecursionError:
            raise ValueError("the body's JSON is nested too deeply") from None


@dataclasses.dataclass(frozen=True)
class Request:
    """A request, as both hooks see it."""

    callback: str = ""
    """Name of the registration that the call is for: `callbacks/{id}`."""
    request_id: str = ""
    """X-Request-Id; not unique when a client repeats its own."""
    method: str = ""
    path: str = ""
    """Without the query."""
    query: str = ""
    client_address: str = ""
    """`203.0.113.7:51234`, `[2001:db8::1]:443`."""
    headers: Headers = dataclasses.field(default_factory=Headers)
    """Those that the registration lets through."""
    model: str = ""
    """As the client named it; empty when the body names none."""
    resolved_model: str = ""
    """After aliases."""
    stream: bool = False
    """The body asks for a streamed answer."""
    session_id: Optional[str] = None
    receive_time: Optional[datetime.datetime] = None
    """When the first byte arrived, in UTC."""
    generation: int = 0
    """Of the configuration that the request runs under."""
    body: Body = Body()


@dataclasses.dataclass(frozen=True)
class Timings:
    """Durations from the arrival of the request's first byte; None: that point was not reached."""

    body_received: Optional[datetime.timedelta] = None
    routed: Optional[datetime.timedelta] = None
    first_byte: Optional[datetime.timedelta] = None
    first_token: Optional[datetime.timedelta] = None
    total: Optional[datetime.timedelta] = None


@dataclasses.dataclass(frozen=True)
class Tokens:
    """Token counts; None: not known."""

    input: Optional[int] = None
    cached_input: Optional[int] = None
    """Part of `input`: what the engine had in its prefix cache."""
    output: Optional[int] = None


@dataclasses.dataclass(frozen=True)
class FinishedRequest:
    """How a request ended."""

    request: Request
    """As the backend got it: with the changes of all callbacks."""
    cause: v1.RequestCause = v1.REQUEST_CAUSE_UNSPECIFIED
    """`v1.REQUEST_CAUSE_COMPLETED`, ...; `v1.RequestCause.Name(cause)` spells it."""
    cause_message: str = ""
    status: int = 0
    """HTTP status sent to the client; 499 when the client went away before there was one."""
    backend: str = ""
    """`backends/{id}` of the last attempt; empty when there was none."""
    backend_url: str = ""
    attempts: int = 0
    timings: Timings = Timings()
    tokens: Tokens = Tokens()
    response_headers: Headers = dataclasses.field(default_factory=Headers)
    response_body: Body = Body()
    """What had arrived, when the answer was cut; of a streamed answer the raw event stream."""


def request_of(callback: str, facts: v1.RequestFacts) -> Request:
    received = None
    if facts.HasField("receive_time"):
        received = facts.receive_time.ToDatetime(tzinfo=datetime.timezone.utc)
    return Request(
        callback=callback, request_id=facts.http_request_id, method=facts.method, path=facts.path,
        query=facts.query, client_address=facts.client_address, headers=_headers(facts.headers),
        model=facts.model, resolved_model=facts.resolved_model, stream=facts.stream,
        session_id=facts.session_id if facts.HasField("session_id") else None,
        receive_time=received, generation=facts.generation, body=_body(facts.body))


def finished_of(message: v1.PostRequestRequest) -> FinishedRequest:
    return FinishedRequest(
        request=request_of(message.callback, message.request), cause=message.cause,
        cause_message=message.cause_message, status=message.status, backend=message.backend,
        backend_url=message.backend_url, attempts=message.attempts,
        timings=Timings(**_set_fields(message.timings, Timings)),
        tokens=Tokens(**_set_fields(message.tokens, Tokens)),
        response_headers=_headers(message.response_headers),
        response_body=_body(message.response_body))


def _headers(lines: Iterable[v1.Header]) -> Headers:
    return Headers((line.name, line.value) for line in lines)


def _body(content: v1.BodyContent) -> Body:
    return Body(content.data, content.total_bytes, content.truncated)


def _set_fields(message: Message, kind: type) -> dict[str, Any]:
    """The fields that are set, of a message and a dataclass with the same ones."""
    values = {field.name: getattr(message, field.name) for field in dataclasses.fields(kind)
              if message.HasField(field.name)}
    return {name: value.ToTimedelta() if isinstance(value, Duration) else value
            for name, value in values.items()}
