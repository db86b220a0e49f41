"""What can go wrong with a call, as exceptions that carry what the router said."""

from __future__ import annotations

import dataclasses
from typing import Any, Mapping, Optional, Tuple, Type

import grpc
from google.protobuf.message import DecodeError

from ._gen import error_details_pb2

_DETAILS_KEY = "grpc-status-details-bin"


@dataclasses.dataclass(frozen=True)
class FieldViolation:
    """One field of the request that the router refuses."""

    field: str
    """Path from the request: `mutations[2].upsert_backend.url`."""
    description: str
    """What is wrong, and what is allowed."""


@dataclasses.dataclass(frozen=True)
class ErrorDetails:
    """All that is known of a failed call."""

    code: grpc.StatusCode
    message: str
    rpc: str = ""
    reason: str = ""
    metadata: Mapping[str, str] = dataclasses.field(default_factory=dict)
    violations: Tuple[FieldViolation, ...] = ()
    retry_delay: Optional[float] = None
    request_id: str = ""


class RouterError(Exception):
    """A call that failed. The subclasses tell the kinds apart that callers treat differently; a
    code without one (INTERNAL, CANCELLED, ...) is a plain `RouterError`."""

    def __init__(self, details: ErrorDetails) -> None:
        super().__init__(details)
        self.details = details

    @property
    def code(self) -> grpc.StatusCode:
        """Code of the gRPC status."""
        return self.details.code

    @property
    def message(self) -> str:
        """What the router (or gRPC) says in English."""
        return self.details.message

    @property
    def rpc(self) -> str:
        """Name of the RPC, such as `DrainBackend`."""
        return self.details.rpc

    @property
    def reason(self) -> str:
        """`v1.ErrorReason` without its prefix, such as `ETAG_MISMATCH`; empty when the error is
        gRPC's own."""
        return self.details.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """What `v1.ErrorReason` promises for the reason: `{"name": "backends/a", "etag": ...}`."""
        return self.details.metadata

    @property
    def violations(self) -> Tuple[FieldViolation, ...]:
        """All violations of an INVALID_FIELDS error, in the router's order."""
        return self.details.violations

    @property
    def retry_delay(self) -> Optional[float]:
        """When to come back at the earliest, in seconds, if the router said so."""
        return self.details.retry_delay

    @property
    def request_id(self) -> str:
        """The id that the call was made with; empty for one that has none. Repeating the same call
        with this id tells what became of it and changes nothing twice."""
        return self.details.request_id

    def __str__(self) -> str:
        what = self.reason or self.code.name
        text = f"{self.rpc}: {what}: {self.message}" if self.rpc else f"{what}: {self.message}"
        return text + "".join(f"\n  {v.field}: {v.description}" for v in self.violations)


class InvalidRequestError(RouterError):
    """INVALID_ARGUMENT: `violations` says which fields; or REQUEST_ID_REUSED."""


class AuthenticationError(RouterError):
    """UNAUTHENTICATED: no certificate or token, or none that the router knows."""


class PermissionDeniedError(RouterError):
    """PERMISSION_DENIED: the caller's role is too low (`metadata["required_role"]`)."""


class NotFoundError(RouterError):
    """NOT_FOUND: no such backend, callback, alias, policy, revision, commit, ..."""


class AlreadyExistsError(RouterError):
    """ALREADY_EXISTS: there is a resource of this name."""


class ConflictError(RouterError):
    """ABORTED, ETAG_MISMATCH: what was read has changed since. Read it again, then retry; the
    `edit_...` methods do."""

    @property
    def resource(self) -> str:
        """Name of the resource that has changed; empty when it is the whole configuration."""
        return self.metadata.get("name", "")

    @property
    def current_etag(self) -> str:
        """The etag that the resource has now; empty when it is the whole configuration."""
        return self.metadata.get("etag", "")

    @property
    def current_generation(self) -> Optional[int]:
        """The generation in effect, when `base_generation` was stale."""
        text = self.metadata.get("generation", "")
        return int(text) if text.isdecimal() else None


class RefusedError(RouterError):
    """FAILED_PRECONDITION: RESOURCE_IN_USE, SOURCE_OWNED or COMMIT_PENDING."""


class TooManyError(RouterError):
    """RESOURCE_EXHAUSTED: too many calls or watchers, or a message that is too large."""


class UnreachableError(RouterError):
    """UNAVAILABLE: no connection, or a router that shuts down (SHUTTING_DOWN)."""


class DeadlineExceededError(RouterError):
    """DEADLINE_EXCEEDED: no answer in time. A change may be in effect nevertheless; repeat it with
    `request_id` to learn."""


class UnsupportedError(RouterError):
    """UNIMPLEMENTED: the router does not know this RPC: it is too old, or no router."""


_KINDS: Mapping[grpc.StatusCode, Type[RouterError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExistsError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.FAILED_PRECONDITION: RefusedError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: TooManyError,
    grpc.StatusCode.UNAVAILABLE: UnreachableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
    grpc.StatusCode.UNIMPLEMENTED: UnsupportedError,
}


def make_error(details: ErrorDetails) -> RouterError:
    return _KINDS.get(details.code, RouterError)(details)


def from_grpc(error: Any, rpc: str, request_id: str = "") -> RouterError:
    """`error`: what grpc or grpc.aio raised, or an ended call (code, details and trailer alike)."""
    details = ErrorDetails(error.code(), error.details() or "", rpc, request_id=request_id)
    trailer = {key: value for key, value in error.trailing_metadata() or ()}
    status = error_details_pb2.Status()
    try:
        status.ParseFromString(trailer.get(_DETAILS_KEY, b""))
        for detail in status.details:
            details = _with_detail(details, detail)
    except DecodeError:  # as if there were none
        pass
    return make_error(details)


def _with_detail(details: ErrorDetails, detail: Any) -> ErrorDetails:
    kind = detail.type_url.rpartition("/")[2]
    if kind == "google.rpc.ErrorInfo":
        info = error_details_pb2.ErrorInfo.FromString(detail.value)
        return dataclasses.replace(details, reason=info.reason, metadata=dict(info.metadata))
    if kind == "google.rpc.BadRequest":
        request = error_details_pb2.BadRequest.FromString(detail.value)
        violations = tuple(FieldViolation(v.field, v.description) for v in request.field_violations)
        return dataclasses.replace(details, violations=violations)
    if kind == "google.rpc.RetryInfo":
        delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
        return dataclasses.replace(details, retry_delay=delay.seconds + delay.nanos / 1e9)
    return details
