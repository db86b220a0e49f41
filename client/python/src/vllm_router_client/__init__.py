"""A client of the admin API of vllm-router: RouterClient for threads, AsyncRouterClient for
asyncio.

`v1` holds the messages. What fails raises a RouterError.
"""

from importlib.metadata import version as _version

from . import v1
from ._aio_client import AsyncRouterClient
from ._aio_watch import AsyncWatch
from ._client import RouterClient
from ._errors import (AlreadyExistsError, AuthenticationError, ConflictError, DeadlineExceededError,
                      ErrorDetails, FieldViolation, InvalidRequestError, NotFoundError,
                      PermissionDeniedError, RefusedError, RouterError, TooManyError,
                      UnreachableError, UnsupportedError)
from ._options import RetryOptions, TlsOptions
from ._watch import Watch
from ._watch_state import WatchEvent

__version__ = _version("vllm-router-client")

__all__ = [
    "AlreadyExistsError",
    "AsyncRouterClient",
    "AsyncWatch",
    "AuthenticationError",
    "ConflictError",
    "DeadlineExceededError",
    "ErrorDetails",
    "FieldViolation",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "RefusedError",
    "RetryOptions",
    "RouterClient",
    "RouterError",
    "TlsOptions",
    "TooManyError",
    "UnreachableError",
    "UnsupportedError",
    "Watch",
    "WatchEvent",
    "v1",
]
