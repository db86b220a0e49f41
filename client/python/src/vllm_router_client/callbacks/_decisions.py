"""What a callback service may do with a request. The rules of callback.proto are checked here,
where the traceback shows the line: the router counts an answer that breaks one as a failure."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Awaitable, Callable, Iterable, List, Mapping, Optional, Set, Tuple, Union

from .. import v1

HeaderLines = Union[Mapping[str, Union[str, bytes]], Iterable[Tuple[str, Union[str, bytes]]]]
"""`{"x-tenant": "blue"}`, or pairs, where a name may be repeated."""

MOST_ANSWER_BYTES = 1 << 20
MOST_HEADERS = 64
MOST_HEADER_BYTES = 16 << 10

_PROTECTED = frozenset((
    "connection", "content-length", "expect", "host", "http2-settings", "keep-alive",
    "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for",
    "x-forwarded-proto", "x-request-id"))
_PROTECTED_IN_ANSWERS = _PROTECTED | {"date", "server"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_VALUES = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_SET = v1.HeaderMutation.ACTION_SET
_APPEND = v1.HeaderMutation.ACTION_APPEND
_REMOVE = v1.HeaderMutation.ACTION_REMOVE


def is_protected_in_answers(name: str) -> bool:
    """The router's own: an answer must not bring it."""
    return name.lower().replace("_", "-") in _PROTECTED_IN_ANSWERS or name.startswith(":")


@dataclasses.dataclass(frozen=True)
class Continue:
    """Go on, unchanged. None says the same."""


@dataclasses.dataclass(frozen=True)
class Changes:
    """Go on with these changes: headers are removed, then set, then appended. ValueError when they
    break a rule of callback.proto. Credentials may be changed where the registration allows it."""

    set_headers: HeaderLines = ()
    """Each replaces all lines of its name."""
    append_headers: HeaderLines = ()
    remove_headers: Iterable[str] = ()
    model: Optional[str] = None
    """Replaces the model in the body's bytes, before the backend is chosen."""
    body: Optional[bytes] = dataclasses.field(default=None, repr=False)
    """Replaces the body; only where the service saw all of it."""

    def __post_init__(self) -> None:
        mutations = [_mutation(_REMOVE, name, b"") for name in self.remove_headers]
        mutations += _mutations(_SET, self.set_headers)
        mutations += _mutations(_APPEND, self.append_headers)
        _check(mutations, _PROTECTED)
        if self.model is not None and self.body is not None:
            raise ValueError("the model of a new body is in that body: not both")
        message = v1.RequestChanges(header_mutations=mutations, model=self.model, body=self.body)
        object.__setattr__(self, "_message", message)

    _message: v1.RequestChanges = dataclasses.field(init=False, repr=False, compare=False)


@dataclasses.dataclass(frozen=True)
class Answer:
    """End the request: the client gets this, no backend sees the request. ValueError when it breaks
    a rule of callback.proto."""

    status: int
    """200 to 599; 204 and 304 go without a body."""
    body: Union[bytes, str] = dataclasses.field(default=b"", repr=False)
    """At most 1 MiB; text is sent as UTF-8."""
    headers: HeaderLines = ()
    """Without a content-type the body is `text/plain; charset=utf-8`. X-Request-Id, Date, Server
    and the framing are the router's."""
    background: Optional[Callable[[], Awaitable[object]]] = dataclasses.field(
        default=None, repr=False, compare=False)
    """Runs once the answer is on its way."""

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"the status is 200 to 599, not {self.status}")
        body = self.body.encode() if isinstance(self.body, str) else bytes(self.body)
        if len(body) > MOST_ANSWER_BYTES:
            raise ValueError(f"the body has {len(body)} bytes: at most {MOST_ANSWER_BYTES}")
        mutations = _mutations(_APPEND, self.headers)
        _check(mutations, _PROTECTED_IN_ANSWERS)
        seen: Set[str] = set()
        for mutation in mutations:
            name = mutation.name.lower()
            mutation.action = _APPEND if name in seen else _SET
            seen.add(name)
        message = v1.ImmediateAnswer(status=self.status, headers=mutations, body=body)
        object.__setattr__(self, "_message", message)

    @classmethod
    def json(cls, status: int, content: Any, headers: HeaderLines = (), *,
             background: Optional[Callable[[], Awaitable[object]]] = None) -> Answer:
        """An answer of type `application/json`."""
        return cls(status, json.dumps(content, ensure_ascii=False, separators=(",", ":")),
                   (("content-type", "application/json"), *_pairs(headers)), background)

    _message: v1.ImmediateAnswer = dataclasses.field(init=False, repr=False, compare=False)


Decision = Union[None, Continue, Changes, Answer]
"""What pre_request returns."""


def response_of(decision: Decision) -> v1.PreRequestResponse:
    if isinstance(decision, Answer):
        return v1.PreRequestResponse(answer=decision._message)
    if isinstance(decision, Changes):
        return v1.PreRequestResponse(proceed=decision._message)
    if decision is None or isinstance(decision, Continue):
        return v1.PreRequestResponse()
    raise TypeError(f"pre_request returned {type(decision).__name__}: "
                    "Answer, Changes, Continue or None is meant")


def _pairs(headers: HeaderLines) -> Iterable[Tuple[str, Union[str, bytes]]]:
    return headers.items() if isinstance(headers, Mapping) else headers


def _mutations(action: v1.HeaderMutation.Action, headers: HeaderLines) -> List[v1.HeaderMutation]:
    return [_mutation(action, name, value) for name, value in _pairs(headers)]


def _mutation(action: v1.HeaderMutation.Action, name: str,
              value: Union[str, bytes]) -> v1.HeaderMutation:
    encoded = value.encode("latin-1") if isinstance(value, str) else value
    return v1.HeaderMutation(action=action, name=name, value=encoded)


def _check(mutations: List[v1.HeaderMutation], protected: frozenset[str]) -> None:
    for mutation in mutations:
        name = mutation.name
        if name.lower().replace("_", "-") in protected:
            raise ValueError(f"the header {name!r} is the router's own")
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        if _NOT_IN_VALUES.search(mutation.value):
            raise ValueError(f"the value of the header {name!r} has control characters")
    if len(mutations) > MOST_HEADERS:
        raise ValueError(f"{len(mutations)} headers: at most {MOST_HEADERS}")
    size = sum(len(mutation.name) + len(mutation.value) for mutation in mutations)
    if size > MOST_HEADER_BYTES:
        raise ValueError(f"the headers have {size} bytes: at most {MOST_HEADER_BYTES}")
