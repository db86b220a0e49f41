"""The client for asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
import weakref
from types import TracebackType
from typing import Any, AsyncIterator, Iterable, Optional, Type, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from . import v1
from ._address import grpc_target
from ._admin import RouterAdmin
from ._aio_watch import AsyncWatch
from ._client_base import (ClientBase, confirmed_request, log_not_taken_back, method_path,
                           serialize)
from ._errors import RouterError, from_grpc
from ._methods import AsyncCaller
from ._retry import Attempts, request_id, with_request_id
from ._watch_state import WatchState

M = TypeVar("M", bound=Message)


class _Connection:
    """What the copies of a client share."""

    def __init__(self) -> None:
        # Made with the first call, inside the event loop.
        self.channel: Optional[grpc.aio.Channel] = None
        self.watches: weakref.WeakSet[AsyncWatch[Any]] = weakref.WeakSet()
        self.closed = False


class AsyncRouterClient(ClientBase, RouterAdmin, AsyncCaller):
    """As RouterClient, for asyncio: belongs to the event loop of its first call.

        async with AsyncRouterClient("127.0.0.1:50051") as router:
            for backend in (await router.list_backends()).backends:
                print(backend.name, backend.url)
    """

    def _start(self) -> None:
        self._connection = _Connection()

    async def aclose(self) -> None:
        """Ends watches, running calls (which raise asyncio.CancelledError) and the connection.
        Later calls raise ValueError."""
        connection = self._connection
        connection.closed = True
        for watch in list(connection.watches):
            await watch.aclose()
        if connection.channel is not None:
            await connection.channel.close()

    async def __aenter__(self) -> AsyncRouterClient:
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.aclose()

    @contextlib.asynccontextmanager
    async def confirmed_change(self, mutations: Iterable[v1.ConfigMutation], *,
                               confirm_within: datetime.timedelta, base_generation: int = 0,
                               reason: str = "") -> AsyncIterator[v1.ApplyConfigResponse]:
        """As RouterClient.confirmed_change, for `async with`. Being cancelled in the body takes the
        change back, too."""
        applied = await self.apply_config(
            confirmed_request(mutations, confirm_within, base_generation, reason))
        commit = applied.change.pending_commit
        try:
            yield applied
        except BaseException:
            if commit.commit_id:
                try:
                    await self.cancel_commit(commit_id=commit.commit_id, reason=reason)
                except RouterError as error:
                    log_not_taken_back(commit, error)
            raise
        if commit.commit_id:
            await self.confirm_commit(commit_id=commit.commit_id, reason=reason)

    async def _call(self, rpc: str, request: Message, response: Type[M]) -> M:
        sent = with_request_id(request)
        deadline = time.monotonic() + self._options.timeout
        attempts = Attempts(sent, self._options.retry, deadline)
        while True:
            method = self._opened_channel().unary_unary(
                method_path(rpc), request_serializer=serialize,
                response_deserializer=response.FromString)
            try:
                answer: M = await method(sent, timeout=max(0.0, deadline - time.monotonic()),
                                         metadata=self._options.call_metadata())
                return answer
            except grpc.RpcError as error:
                wait = attempts.wait_after(from_grpc(error, rpc, request_id(sent)),
                                           time.monotonic())
            await asyncio.sleep(wait)

    def _open(self, rpc: str, request: Message, event: Type[M]) -> AsyncWatch[M]:
        def open_call(request: Message) -> Any:
            method = self._opened_channel().unary_stream(
                method_path(rpc), request_serializer=serialize,
                response_deserializer=event.FromString)
            return method(request, metadata=self._options.call_metadata())

        if self._connection.closed:
            raise ValueError("the client is closed")
        watch = AsyncWatch(WatchState(rpc, request, event, self._options.retry), open_call)
        self._connection.watches.add(watch)
        return watch

    def _opened_channel(self) -> grpc.aio.Channel:
        connection = self._connection
        if connection.closed:
            raise ValueError("the client is closed")
        if connection.channel is None:
            target = grpc_target(self._options.address)
            arguments = self._options.channel_arguments()
            connection.channel = (
                grpc.aio.insecure_channel(target, arguments) if self._credentials is None
                else grpc.aio.secure_channel(target, self._credentials, arguments))
        return connection.channel
