"""What both clients have in common."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import logging
from typing import Iterable, Optional, TypeVar

import grpc
from google.protobuf.message import Message

from . import v1
from ._errors import RouterError
from ._options import ClientOptions, Path, RetryOptions, TlsOptions

Self = TypeVar("Self", bound="ClientBase")

_log = logging.getLogger("vllm_router_client")


class ClientBase:
    """The options; makes no connection."""

    _credentials: Optional[grpc.ChannelCredentials]

    def __init__(self, address: str = "127.0.0.1:50051", *, tls: Optional[TlsOptions] = None,
                 token: str = "", token_file: Optional[Path] = None,
                 token_in_plain_text: bool = False, timeout: float = 10.0,
                 retry: RetryOptions = RetryOptions(), user_agent: str = "") -> None:
        """
        address: `host:port`, `[ipv6]:port` or `unix:/path`.
        tls: None is plain text.
        token, token_file: a bearer token, sent with every call; at most one of the two. The file is
          read again for every call, since tokens are rotated. In plain text a token goes only to
          this machine (loopback, unix socket), unless `token_in_plain_text` allows more.
        timeout: seconds for a call, all its attempts together; see `with_timeout`.
        retry: what happens to calls that failed in a way that may pass.
        user_agent: goes in front of gRPC's own.

        ValueError when they contradict each other, OSError when a file cannot be read.
        """
        self._options = ClientOptions(address, tls, token, token_file, token_in_plain_text, timeout,
                                      retry, user_agent)
        self._options.call_metadata()  # a token file without a token is told now
        self._credentials = self._options.credentials()
        self._start()

    def _start(self) -> None:
        """What else a new client needs."""

    @property
    def address(self) -> str:
        """As given."""
        return self._options.address

    def with_timeout(self: Self, timeout: float) -> Self:
        """The same client with another timeout for its calls, in seconds. Both share the
        connection, and are closed together:

            router.with_timeout(60).apply_config(mutations=many)
        """
        other = copy.copy(self)
        other._options = dataclasses.replace(self._options, timeout=timeout)
        return other

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.address}>"


def method_path(rpc: str) -> str:
    return f"/vllm_router.v1.RouterAdmin/{rpc}"


def serialize(request: Message) -> bytes:
    return request.SerializeToString()


def confirmed_request(mutations: Iterable[v1.ConfigMutation], confirm_within: datetime.timedelta,
                      base_generation: int, reason: str) -> v1.ApplyConfigRequest:
    return v1.ApplyConfigRequest(mutations=mutations, confirm_within=confirm_within,
                                 base_generation=base_generation, reason=reason)


def log_not_taken_back(commit: v1.PendingCommit, error: RouterError) -> None:
    # Not raised: the caller has an error of its own on the way, and the router acts by itself.
    _log.warning("commit %s could not be taken back (%s); the router does so at %s",
                 commit.commit_id, error, commit.expire_time.ToJsonString())
