"""The client for threads."""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Iterable, Iterator, Optional, Type, TypeVar

import grpc
from google.protobuf.message import Message

from . import v1
from ._address import grpc_target
from ._admin import RouterAdmin
from ._client_base import (ClientBase, confirmed_request, log_not_taken_back, method_path,
                           serialize)
from ._errors import RouterError, from_grpc
from ._methods import SyncCaller
from ._retry import Attempts, request_id, with_request_id
from ._watch import Watch
from ._watch_state import WatchState

M = TypeVar("M", bound=Message)


class RouterClient(ClientBase, RouterAdmin, SyncCaller):
    """A client of one router's admin API. Calls block; all methods may be called from any thread at
    once. The connection is made with the first call and again when it breaks.

        with RouterClient("127.0.0.1:50051") as router:
            for backend in router.list_backends().backends:
                print(backend.name, backend.url)

    A call that changes something gets a fresh `request_id` when it has none, which makes it safe to
    repeat; see RetryOptions. The few that change something and have no `request_id` field
    (`probe_backend`, `test_callback`, `renew_callback_lease`) are made once.
    """

    def _start(self) -> None:
        self._closing = threading.Event()
        self._watches: weakref.WeakSet[Watch[Any]] = weakref.WeakSet()
        target = grpc_target(self._options.address)
        arguments = self._options.channel_arguments()
        self._channel: grpc.Channel = (
            grpc.insecure_channel(target, arguments) if self._credentials is None
            else grpc.secure_channel(target, self._credentials, arguments))

    def close(self) -> None:
        """Ends running calls and watches, and the connection. Later calls raise ValueError."""
        self._closing.set()
        for watch in list(self._watches):
            watch.close()
        self._channel.close()

    def __enter__(self) -> RouterClient:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    @contextlib.contextmanager
    def confirmed_change(self, mutations: Iterable[v1.ConfigMutation], *,
                         confirm_within: datetime.timedelta, base_generation: int = 0,
                         reason: str = "") -> Iterator[v1.ApplyConfigResponse]:
        """Applies a change, runs the body, and confirms the change; or takes it back at once when
        the body raises, which goes on to the caller.

            with router.confirmed_change(changes, confirm_within=timedelta(seconds=60)) as applied:
                check_that_all_is_well(applied.change.generation)

        The router takes the change back by itself when `confirm_within` (1 s to 24 h) passes before
        the body ends: then NotFoundError (COMMIT_NOT_FOUND) is raised at the end of the body. A
        change that changes nothing has nothing to confirm. Role: admin.
        """
        applied = self.apply_config(
            confirmed_request(mutations, confirm_within, base_generation, reason))
        commit = applied.change.pending_commit
        try:
            yield applied
        except BaseException:
            if commit.commit_id:
                try:
                    self.cancel_commit(commit_id=commit.commit_id, reason=reason)
                except RouterError as error:
                    log_not_taken_back(commit, error)
            raise
        if commit.commit_id:
            self.confirm_commit(commit_id=commit.commit_id, reason=reason)

    def _call(self, rpc: str, request: Message, response: Type[M]) -> M:
        sent = with_request_id(request)
        deadline = time.monotonic() + self._options.timeout
        attempts = Attempts(sent, self._options.retry, deadline)
        self._check_open()
        method = self._channel.unary_unary(
            method_path(rpc), request_serializer=serialize,
            response_deserializer=response.FromString)
        while True:
            try:
                return method(sent, timeout=max(0.0, deadline - time.monotonic()),
                              metadata=self._options.call_metadata())
            except grpc.RpcError as error:
                wait = attempts.wait_after(from_grpc(error, rpc, request_id(sent)),
                                           time.monotonic())
            self._closing.wait(wait)
            self._check_open()

    def _open(self, rpc: str, request: Message, event: Type[M]) -> Watch[M]:
        self._check_open()
        method = self._channel.unary_stream(
            method_path(rpc), request_serializer=serialize, response_deserializer=event.FromString)
        options = self._options
        watch = Watch(
            WatchState(rpc, request, event, options.retry),
            lambda request: method(request, metadata=options.call_metadata()))
        self._watches.add(watch)
        return watch

    def _check_open(self) -> None:
        if self._closing.is_set():
            raise ValueError("the client is closed")
