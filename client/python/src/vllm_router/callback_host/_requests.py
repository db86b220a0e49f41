"""Makes the request object that handlers get."""

from __future__ import annotations

import asyncio
import collections
import types
from typing import Any, Dict, Hashable, MutableMapping, Optional, Tuple
from urllib.parse import unquote_to_bytes

from vllm_router_client import callbacks

from .. import _http

Scope = MutableMapping[str, Any]

# States of requests whose post_request never came, oldest out first.
_MOST_STATES = 10_000


class Requests:
    """What requests share: `app.state`, and for one request its `state`, which pre_request may
    leave for post_request. Belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._app = types.SimpleNamespace(state=types.SimpleNamespace())
        self._states: collections.OrderedDict[Hashable, Dict[str, Any]] = collections.OrderedDict()

    async def make(self, request: callbacks.Request, *, finished: bool) -> _http.Request:
        state = self._states.pop(_key(request), {}) if finished else {}
        scope = scope_of(request, self._app, state)
        made = _http.Request(scope, _Receive(request.body.data, finished))
        # Plain functions cannot await it; where it has been read, Starlette has it at hand.
        await made.body()
        return made

    def keep_state(self, request: callbacks.Request, made: _http.Request) -> None:
        """For the post_request of the same request."""
        if made.scope["state"]:
            self._states[_key(request)] = made.scope["state"]
            while len(self._states) > _MOST_STATES:
                self._states.popitem(last=False)

    def forget_state(self, request: callbacks.Request) -> None:
        self._states.pop(_key(request), None)


def scope_of(request: callbacks.Request, app: Any, state: Dict[str, Any]) -> Scope:
    """An ASGI scope."""
    path = request.path.encode("latin-1", "replace")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "root_path": "",
        "query_string": request.query.encode("latin-1", "replace"),
        "headers": [(name.lower().encode("latin-1", "replace"), value)
                    for name, value in request.headers.raw],
        "client": _address(request.client_address),
        "server": None,
        "path_params": {},
        "app": app,
        "state": state,
    }


class _Receive:
    """The body; after that the client is there until it has its answer."""

    def __init__(self, body: bytes, finished: bool) -> None:
        self._body: Optional[bytes] = body
        self._finished = finished

    async def __call__(self) -> Dict[str, Any]:
        body, self._body = self._body, None
        if body is not None:
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._finished:
            await asyncio.get_running_loop().create_future()
        return {"type": "http.disconnect"}


def _address(text: str) -> Optional[Tuple[str, int]]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        return None
    return host.strip("[]"), int(port)


def _key(request: callbacks.Request) -> Hashable:
    # The id alone is the client's word.
    return request.request_id, request.client_address, request.receive_time
