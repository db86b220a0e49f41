"""How a client reaches a router: plain values, and their checks."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, List, Optional, Tuple, Union

import grpc

Path = Union[str, "os.PathLike[str]"]

# The whole configuration with thousands of backends fits.
_MOST_RESPONSE_BYTES = 64 << 20


@dataclasses.dataclass(frozen=True)
class TlsOptions:
    """TLS towards the router. Files are PEM, read once when the client is made."""

    ca_file: Optional[Path] = None
    """Authorities that may have signed the router's certificate; None: gRPC's default ones."""
    cert_file: Optional[Path] = None
    """The client's certificate chain, together with `key_file`."""
    key_file: Optional[Path] = None
    """Private key of `cert_file`."""
    server_name: str = ""
    """Name expected in the router's certificate; empty: the host of the address."""


@dataclasses.dataclass(frozen=True)
class RetryOptions:
    """A call that failed in a way that may pass is repeated within its deadline: UNAVAILABLE, and
    RESOURCE_EXHAUSTED when the router says when to come back. Each wait is the one before times
    `multiplier`, of which a random part of up to one half is left out, so that many clients do not
    come back together."""

    max_attempts: int = 5
    """The first one included; 1 never repeats."""
    initial_backoff: float = 0.1
    """Seconds."""
    max_backoff: float = 5.0
    """Seconds."""
    multiplier: float = 2.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError("max_attempts counts the first attempt: it is at least 1")
        if not 0 <= self.initial_backoff <= self.max_backoff or self.multiplier < 1:
            raise ValueError("the waits between attempts cannot be negative or shrink")


@dataclasses.dataclass(frozen=True)
class ClientOptions:
    """See RouterClient, whose arguments these are."""

    address: str
    tls: Optional[TlsOptions]
    token: str
    token_file: Optional[Path]
    token_in_plain_text: bool
    timeout: float
    retry: RetryOptions
    user_agent: str

    def __post_init__(self) -> None:
        if not self.address:
            raise ValueError("the address is empty")
        if self.token and self.token_file is not None:
            raise ValueError("a token and a token file exclude each other")
        if not _is_visible_ascii(self.token):
            raise ValueError("the token has characters that no token has")
        has_token = bool(self.token) or self.token_file is not None
        if has_token and self.tls is None and not self.token_in_plain_text:
            if not _stays_on_this_machine(self.address):
                raise ValueError(f"a token would go to {self.address} in plain text: "
                                 "TLS is needed (tls=TlsOptions(...))")
        if self.tls is not None and (self.tls.cert_file is None) != (self.tls.key_file is None):
            raise ValueError("a client certificate needs both its file and its key's")
        if self.timeout <= 0:
            raise ValueError("the timeout is above 0")

    def call_metadata(self) -> Tuple[Tuple[str, str], ...]:
        """The token, read anew. OSError or ValueError when its file holds none (any more)."""
        # As metadata, not as call credentials: gRPC refuses those on a plain-text channel.
        token = self.token
        if self.token_file is not None:
            with open(self.token_file, encoding="ascii", errors="replace") as file:
                token = file.read().strip()
            if not token or not _is_visible_ascii(token):
                raise ValueError(f"the token file {os.fspath(self.token_file)} holds no token")
        return (("authorization", f"Bearer {token}"),) if token else ()

    def credentials(self) -> Optional[grpc.ChannelCredentials]:
        """None: plain text. OSError when a file cannot be read."""
        if self.tls is None:
            return None
        return grpc.ssl_channel_credentials(
            _read(self.tls.ca_file), _read(self.tls.key_file), _read(self.tls.cert_file))

    def channel_arguments(self) -> List[Tuple[str, Any]]:
        arguments: List[Tuple[str, Any]] = [
            ("grpc.max_receive_message_length", _MOST_RESPONSE_BYTES),
            # An admin address is reached directly: http_proxy is meant for other traffic.
            ("grpc.enable_http_proxy", 0),
            # gRPC would answer from memory for a second and more after a failed connect; our own
            # backoff decides when to try again.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 2000),
            # Two clients in one process are two peers to the router's limits and to its audit.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        if self.user_agent:
            arguments.append(("grpc.primary_user_agent", self.user_agent))
        if self.tls is not None and self.tls.server_name:
            arguments.append(("grpc.ssl_target_name_override", self.tls.server_name))
        return arguments


def _read(file: Optional[Path]) -> Optional[bytes]:
    if file is None:
        return None
    with open(file, "rb") as opened:
        return opened.read()


def _is_visible_ascii(text: str) -> bool:
    return all(" " < character < "\x7f" for character in text)


def _stays_on_this_machine(address: str) -> bool:
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    else:
        host = address.partition(":")[0]
    return (address.startswith("unix:") or host in ("localhost", "::1")
            or _is_loopback_v4(host))


def _is_loopback_v4(host: str) -> bool:
    # Not by its beginning: 127.example.org is anybody's.
    parts = host.split(".")
    return len(parts) == 4 and parts[0] == "127" and all(part.isdecimal() for part in parts)
