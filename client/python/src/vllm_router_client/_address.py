"""Addresses as people write them, in gRPC's words."""

from __future__ import annotations

import contextlib
import os
from urllib.parse import quote


def grpc_target(address: str) -> str:
    """`host:port` and `[ipv6]:port` stay; of `unix:/path` gRPC makes a URI, where the path's `%`,
    `?` and `#` would mean something else."""
    if address.startswith("unix:"):
        return "unix:" + quote(unix_path(address))
    return address


def unix_path(address: str) -> str:
    """The path of `unix:/path`, also where it is written `unix:///path`; else the empty string."""
    if not address.startswith("unix:"):
        return ""
    path = address[len("unix:"):]
    return path[2:] if path.startswith("///") else path


def remove_socket(address: str) -> None:
    """The file of a unix socket, if there is one."""
    path = unix_path(address)
    if path:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
