"""A handler as a callback service."""

from __future__ import annotations

import json
import logging
from typing import Any, Optional

from vllm_router_client import v1
from vllm_router_client.callbacks import (Answer, Body, CallbackService, Decision, FinishedRequest,
                                          Request)
from vllm_router_client.callbacks._cancellation import ends_the_task

from .. import _http
from ._answers import FAILED, answer_of_exception, answer_of_response
from ._handler import Handler, traceback_of_users_code
from ._hook import Hook
from ._requests import Requests

_log = logging.getLogger("vllm_router.callback_host")

# The engine's answer went to the client whole.
_WHOLE = (v1.REQUEST_CAUSE_COMPLETED, v1.REQUEST_CAUSE_BACKEND_STATUS)


class HandlerService(CallbackService):
    """Calls a handler's hooks. What a handler does wrong is in the log and, where a client waits, a
    500: never a failure of the callback, which would count against all other requests."""

    def __init__(self, handler: Handler, threads: int) -> None:
        self._name = handler.name
        self._pre = _made(handler.pre_request, "pre_request", threads)
        self._post = _made(handler.post_request, "post_request", threads)
        self._requests = Requests()
        self._told_of_no_body = False

    def close(self) -> None:
        for hook in (self._pre, self._post):
            if hook is not None:
                hook.close()

    async def pre_request(self, request: Request) -> Decision:
        if self._pre is None:
            return None
        self._check_whole(request.body, "request's body", request)
        made = await self._requests.make(request, finished=False)
        try:
            return await self._decided(self._pre, request, made)
        finally:
            if self._post is not None:
                self._requests.keep_state(request, made)

    async def post_request(self, finished: FinishedRequest) -> None:
        request = finished.request
        if self._post is None or finished.cause not in _WHOLE:
            self._requests.forget_state(request)
            return
        self._check_whole(finished.response_body, "answer", request)
        made = await self._requests.make(request, finished=True)
        outcome = await self._post.call(made, finished.response_body.data)
        if outcome.error is not None:
            self._tell(self._post, request, outcome.error)

    async def _decided(self, hook: Hook, request: Request, made: _http.Request) -> Decision:
        body = request.body.data
        outcome = await hook.call(made, body, _json(body))
        try:
            if isinstance(outcome.error, _http.HTTPException):
                return answer_of_exception(outcome.error)
            if outcome.error is None:
                return await self._answer(hook, request, made, outcome.value)
            error = outcome.error
        except BaseException as of_answer:
            if ends_the_task(of_answer):
                raise
            error = of_answer
        self._tell(hook, request, error)
        return FAILED

    async def _answer(self, hook: Hook, request: Request, made: _http.Request,
                      value: Any) -> Optional[Answer]:
        if not value:
            return None
        if isinstance(value, _http.Response):
            return await answer_of_response(value, made.scope)
        _log.error("%s of %s returned %s for request %s: a Response or None is meant; the client "
                   "gets a 500", hook.name, self._name, type(value).__name__, request.request_id)
        return FAILED

    def _tell(self, hook: Hook, request: Request, error: BaseException) -> None:
        _log.error("%s of %s failed for request %s", hook.name, self._name, request.request_id,
                   exc_info=(type(error), error, traceback_of_users_code(error)))

    def _check_whole(self, body: Body, what: str, request: Request) -> None:
        if body.whole:
            return
        if body.data:
            _log.warning("the handler gets %d bytes of the %s of request %s, which has %d",
                         len(body.data), what, request.request_id, body.total_bytes)
        elif not self._told_of_no_body:
            self._told_of_no_body = True
            _log.warning("the handler gets no bytes of the %s: the registration %s does not send "
                         "them whole (request_body_mode, response_body_mode)", what,
                         request.callback)


def _made(function: Any, name: str, threads: int) -> Optional[Hook]:
    return None if function is None else Hook(name, function, threads)


def _json(body: bytes) -> Any:
    """{} for an empty body, as the original has it; None for what is no JSON."""
    if not body:
        return {}
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
