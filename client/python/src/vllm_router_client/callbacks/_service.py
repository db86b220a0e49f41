"""The base class of callback services, and the RPCs over one."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Set, TypeVar

import grpc
import grpc.aio

from .. import v1
from ._cancellation import ends_the_task
from ._decisions import Answer, Decision, response_of
from ._facts import FinishedRequest, Request, finished_of, request_of

if TYPE_CHECKING:
    _Context = grpc.aio.ServicerContext[Any, Any]

R = TypeVar("R")

_log = logging.getLogger("vllm_router_client")

_SERVICE = "vllm_router.v1.RouterCallback"


class CallbackService:
    """Override one method or both. Calls run at the same time, on the event loop: what blocks
    belongs into `asyncio.to_thread`. A call that takes longer than its deadline is cancelled.

    What a method raises is logged, and is a failure of the callback for the router: after a
    pre_request the registration's `failure_mode` decides.
    """

    async def pre_request(self, request: Request) -> Decision:
        """Called when the body has been read and before a backend is chosen. The client waits."""
        return None

    async def post_request(self, finished: FinishedRequest) -> None:
        """Called when a request has ended, however it ended. Nobody waits."""


class Calls:
    """Answers the RPCs of RouterCallback with the methods of a service."""

    def __init__(self, service: CallbackService) -> None:
        self._service = service
        self._background: Set[asyncio.Task[None]] = set()

    def handler(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(_SERVICE, {
            "PreRequest": grpc.unary_unary_rpc_method_handler(
                self._pre_request, v1.PreRequestRequest.FromString,
                v1.PreRequestResponse.SerializeToString),
            "PostRequest": grpc.unary_unary_rpc_method_handler(
                self._post_request, v1.PostRequestRequest.FromString,
                v1.PostRequestResponse.SerializeToString),
        })

    async def end(self, within: float) -> None:
        """Waits for what runs in the background, then cancels it."""
        if self._background:
            _, running = await asyncio.wait(self._background, timeout=within)
            for task in running:
                task.cancel()

    async def _pre_request(self, message: v1.PreRequestRequest,
                           context: _Context) -> v1.PreRequestResponse:
        async def decide() -> v1.PreRequestResponse:
            decision = await self._service.pre_request(
                request_of(message.callback, message.request))
            response = response_of(decision)
            if isinstance(decision, Answer) and decision.background is not None:
                background = decision.background
                # Any: the stubs ask for a class that is in the stubs only.
                sent: Any = lambda _: self._start(background)
                context.add_done_callback(sent)
            return response

        return await _guarded("pre_request", message.request, decide, context)

    async def _post_request(self, message: v1.PostRequestRequest,
                            context: _Context) -> v1.PostRequestResponse:
        async def follow() -> v1.PostRequestResponse:
            await self._service.post_request(finished_of(message))
            return v1.PostRequestResponse()

        return await _guarded("post_request", message.request, follow, context)

    def _start(self, background: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            try:
                await background()
            except BaseException as error:
                if ends_the_task(error):
                    raise
                _log.exception("what an answer left to do in the background failed")

        task = asyncio.ensure_future(run())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _guarded(method: str, facts: v1.RequestFacts, call: Callable[[], Awaitable[R]],
                   context: _Context) -> R:
    try:
        return await call()
    except BaseException as error:  # SystemExit in one call must not end all others
        if ends_the_task(error):
            raise
        _log.exception("%s failed for request %s", method, facts.http_request_id)
        # The name only: texts of exceptions hold what they were raised about, such as prompts.
        raised = type(error).__name__
    await context.abort(grpc.StatusCode.INTERNAL, f"{method} raised {raised}")
