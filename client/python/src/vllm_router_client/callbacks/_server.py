"""A gRPC server for one callback service."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import time
from types import TracebackType
from typing import Iterator, Optional, Type

import grpc
import grpc.aio

from .._address import grpc_target, remove_socket, unix_path
from .._options import Path
from ._service import Calls, CallbackService

_log = logging.getLogger("vllm_router_client")

# Both bodies of a PostRequest at the largest `max_body_bytes`, and what is around them.
_MOST_MESSAGE_BYTES = (2 * 64 + 4) << 20

_CHANNEL_ARGUMENTS = (
    ("grpc.max_receive_message_length", _MOST_MESSAGE_BYTES),
    ("grpc.max_send_message_length", _MOST_MESSAGE_BYTES),
    # Else two servers could share one port, and each would get some of the calls.
    ("grpc.so_reuseport", 0),
    # The router pings during long calls more often than a server takes by default.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


@dataclasses.dataclass(frozen=True)
class ServerTls:
    """TLS for the router's calls. Files are PEM, read once when the server starts."""

    cert_file: Path
    """The server's certificate chain."""
    key_file: Path
    """Private key of `cert_file`."""
    client_ca_file: Optional[Path] = None
    """Only routers with a certificate by these authorities may call; None: all that can connect."""

    def credentials(self) -> grpc.ServerCredentials:
        authorities = None if self.client_ca_file is None else _read(self.client_ca_file)
        return grpc.ssl_server_credentials([(_read(self.key_file), _read(self.cert_file))],
                                           authorities, authorities is not None)


class CallbackServer:
    """Serves a CallbackService to routers, within an event loop.

        async with CallbackServer(service, "127.0.0.1:0") as server:
            print(server.address)
            await server.wait_for_termination()

    address: `host:port`, `[ipv6]:port` or `unix:/path`; port 0 takes any free one. A socket file
      that is there is replaced.
    tls: None is plain text, which is for this machine only: prompts and credentials travel.
    max_concurrent_calls: one more fails at once. More than the registration's `max_in_flight`, so
      that it is the router that limits.
    grace: seconds that running calls have at the end, before they are cancelled.
    private_socket: of a unix socket: only this user's processes can connect.
    """

    def __init__(self, service: CallbackService, address: str, *, tls: Optional[ServerTls] = None,
                 max_concurrent_calls: int = 2000, grace: float = 5.0,
                 private_socket: bool = False) -> None:
        self._calls = Calls(service)
        self._address = address
        self._tls = tls
        self._max_concurrent_calls = max_concurrent_calls
        self._grace = grace
        self._private_socket = private_socket
        self._server: Optional[grpc.aio.Server] = None

    @property
    def address(self) -> str:
        """As given, with the port that it really is once started."""
        return self._address

    async def start(self) -> None:
        """Calls are accepted when it returns. OSError when the address cannot be had."""
        # The options are a list for gRPC, and the server belongs to the running event loop.
        server = grpc.aio.server(options=list(_CHANNEL_ARGUMENTS),
                                 maximum_concurrent_rpcs=self._max_concurrent_calls)
        server.add_generic_rpc_handlers((self._calls.handler(),))
        self._address = self._bound(server)
        await server.start()
        self._server = server

    async def stop(self) -> None:
        """No new calls; running ones and what answers left in the background have the grace."""
        server, self._server = self._server, None
        if server is None:
            return
        end = time.monotonic() + self._grace
        await server.stop(self._grace)
        await self._calls.end(max(0.0, end - time.monotonic()))
        remove_socket(self._address)

    async def wait_for_termination(self) -> None:
        """Until another task has called `stop`."""
        if self._server is not None:
            await self._server.wait_for_termination()

    async def __aenter__(self) -> CallbackServer:
        await self.start()
        return self

    async def __aexit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.stop()

    def _bound(self, server: grpc.aio.Server) -> str:
        target = grpc_target(self._address)
        with _umask(0o177 if self._private_socket else None):
            try:
                port = (server.add_insecure_port(target) if self._tls is None
                        else server.add_secure_port(target, self._tls.credentials()))
            except RuntimeError as error:
                raise OSError(f"cannot listen on {self._address}: {error}") from None
        if port == 0:
            raise OSError(f"cannot listen on {self._address}")
        host, _, given = self._address.rpartition(":")
        takes_any = given == "0" and not unix_path(self._address)
        return f"{host}:{port}" if takes_any else self._address


def serve(service: CallbackService, address: str, *, tls: Optional[ServerTls] = None,
          max_concurrent_calls: int = 2000, grace: float = 5.0) -> None:
    """A whole program: serves until SIGTERM or SIGINT, then returns. See CallbackServer."""
    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            # Where an event loop cannot do that, as on Windows, Ctrl-C still interrupts.
            with contextlib.suppress(NotImplementedError):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with CallbackServer(service, address, tls=tls, grace=grace,
                                  max_concurrent_calls=max_concurrent_calls) as server:
            _log.info("serving callbacks on %s", server.address)
            await stop.wait()

    asyncio.run(run())


@contextlib.contextmanager
def _umask(mask: Optional[int]) -> Iterator[None]:
    if mask is None:
        yield
        return
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _read(file: Path) -> bytes:
    with open(file, "rb") as opened:
        return opened.read()
