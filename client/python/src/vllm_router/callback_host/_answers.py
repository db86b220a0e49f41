"""Makes the router's answer of what a handler returned or raised."""

from __future__ import annotations

import asyncio
import copy
from typing import Any, Iterable, List, MutableMapping, Tuple, Union

from vllm_router_client.callbacks import Answer
from vllm_router_client.callbacks._decisions import MOST_ANSWER_BYTES, is_protected_in_answers

from .. import _http

Line = Tuple[str, Union[str, bytes]]

# As Starlette answers for an exception that nothing handles.
FAILED = Answer(500, "Internal Server Error", {"content-type": "text/plain; charset=utf-8"})


async def answer_of_response(response: _http.Response, scope: MutableMapping[str, Any]) -> Answer:
    """What a server would send: a response is an ASGI application. Raises what the response raises,
    and ValueError for what the router cannot send."""
    background = getattr(response, "background", None)
    if background is not None:
        # For after the answer; the response itself may be one that the handler uses again.
        response = copy.copy(response)
        response.background = None
    sent = _Sent()
    try:
        await response(scope, _never, sent)
    except Exception:
        sent.check_size()  # which may be why, below some layers
        raise
    return Answer(sent.status, bytes(sent.body), _allowed(sent.headers), background)


def answer_of_exception(error: _http.HTTPException) -> Answer:
    """As FastAPI does."""
    headers = _allowed((error.headers or {}).items())
    if error.status_code in (204, 205, 304):
        return Answer(error.status_code, headers=headers)
    return Answer.json(error.status_code, {"detail": error.detail}, headers)


def _allowed(lines: Iterable[Line]) -> List[Line]:
    """Without Content-Length and whatever else is the router's own."""
    return [(name, value) for name, value in lines if not is_protected_in_answers(name)]


class _Sent:
    """Takes the messages of an ASGI application."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, bytes]] = []
        self.body = bytearray()

    async def __call__(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name.decode("latin-1"), value)
                            for name, value in message.get("headers", ())]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            self.check_size()

    def check_size(self) -> None:
        if len(self.body) > MOST_ANSWER_BYTES:
            raise ValueError("the response has more than 1 MiB, which is the most that pre_request "
                             "can answer with")


async def _never() -> MutableMapping[str, Any]:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")
