"""The RPCs as typed methods of both clients, each declared once.

A method's parameters are those of its request message's constructor, which the type stubs generated
from the protos declare: a field that is added there is a parameter here.
"""

from __future__ import annotations

import abc
import sys
from typing import (TYPE_CHECKING, Any, Callable, Coroutine, Generic, Type, TypeVar, Union, cast,
                    overload)

from google.protobuf.message import Message

from ._errors import ConflictError

if sys.version_info >= (3, 10):
    from typing import ParamSpec
else:
    from typing_extensions import ParamSpec

if TYPE_CHECKING:
    from ._aio_watch import AsyncWatch
    from ._watch import Watch

P = ParamSpec("P")
Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
Resource = TypeVar("Resource", bound=Message)


class SyncCaller(abc.ABC):
    """What the methods need of RouterClient."""

    @abc.abstractmethod
    def _call(self, rpc: str, request: Message, response: Type[Response]) -> Response: ...

    @abc.abstractmethod
    def _open(self, rpc: str, request: Message, event: Type[Response]) -> Watch[Response]: ...


class AsyncCaller(abc.ABC):
    """What the methods need of AsyncRouterClient."""

    @abc.abstractmethod
    async def _call(self, rpc: str, request: Message, response: Type[Response]) -> Response: ...

    @abc.abstractmethod
    def _open(self, rpc: str, request: Message, event: Type[Response]) -> AsyncWatch[Response]: ...


class _Method(Generic[P, Request, Response]):
    """An RPC of one client."""

    def __init__(self, caller: Any, declared: _Declared[P, Request, Response]) -> None:
        self._caller = caller
        self._declared = declared

    def _request(self, args: Any, kwargs: Any) -> Message:
        request_type = self._declared.request_type
        if len(args) == 1 and not kwargs and isinstance(args[0], request_type):
            return args[0]
        # As the type stubs have it: positional arguments are fields in their order.
        names = [field.name for field in request_type.DESCRIPTOR.fields]
        if len(args) > len(names):
            raise TypeError(f"{self._declared.name}() takes at most {len(names)} arguments")
        for name, value in zip(names, args):
            if name in kwargs:
                raise TypeError(f"{self._declared.name}() got two values for {name!r}")
            kwargs[name] = value
        return request_type(**kwargs)

    def _invoke(self, args: Any, kwargs: Any) -> Any:
        return self._declared.invoke(self._caller, self._request(args, kwargs))

    def __repr__(self) -> str:
        return f"<method {self._declared.name} of {self._caller!r}>"


class Method(_Method[P, Request, Response]):
    """Takes the request's fields, or the request."""

    @overload
    def __call__(self, request: Request, /) -> Response: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Response: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Response:
        result: Response = self._invoke(args, kwargs)
        return result


class AsyncMethod(_Method[P, Request, Response]):
    """Takes the request's fields, or the request."""

    @overload
    def __call__(self, request: Request, /) -> Coroutine[Any, Any, Response]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, Response]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Response]:
        result: Coroutine[Any, Any, Response] = self._invoke(args, kwargs)
        return result


class WatchMethod(_Method[P, Request, Response]):
    """Takes the request's fields, or the request. Opens nothing before the first message is asked
    for."""

    @overload
    def __call__(self, request: Request, /) -> Watch[Response]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Watch[Response]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Watch[Response]:
        result: Watch[Response] = self._invoke(args, kwargs)
        return result


class AsyncWatchMethod(_Method[P, Request, Response]):
    """Takes the request's fields, or the request. Opens nothing before the first message is asked
    for."""

    @overload
    def __call__(self, request: Request, /) -> AsyncWatch[Response]: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> AsyncWatch[Response]: ...
    def __call__(self, *args: Any, **kwargs: Any) -> AsyncWatch[Response]:
        result: AsyncWatch[Response] = self._invoke(args, kwargs)
        return result


class _Declared(Generic[P, Request, Response]):
    def __init__(self, request: Callable[P, Request], response: Type[Response]) -> None:
        self.request_type = cast(Type[Request], request)
        self.response_type = response
        name = self.request_type.DESCRIPTOR.name
        self.rpc = name[:-len("Request")]
        self.name = self.rpc

    def __set_name__(self, owner: Type[object], name: str) -> None:
        self.name = name

    def invoke(self, caller: Any, request: Message) -> Any:
        return caller._call(self.rpc, request, self.response_type)


class Unary(_Declared[P, Request, Response]):
    """Declares an RPC with one answer."""

    @overload
    def __get__(self, caller: None, owner: Type[object]) -> Unary[P, Request, Response]: ...
    @overload
    def __get__(self, caller: SyncCaller,
                owner: Type[object]) -> Method[P, Request, Response]: ...
    @overload
    def __get__(self, caller: AsyncCaller,
                owner: Type[object]) -> AsyncMethod[P, Request, Response]: ...
    def __get__(self, caller: Union[None, SyncCaller, AsyncCaller], owner: Type[object]) -> Any:
        if caller is None:
            return self
        return (Method if isinstance(caller, SyncCaller) else AsyncMethod)(caller, self)


class Stream(_Declared[P, Request, Response]):
    """Declares an RPC that is watched."""

    def invoke(self, caller: Any, request: Message) -> Any:
        return caller._open(self.rpc, request, self.response_type)

    @overload
    def __get__(self, caller: None, owner: Type[object]) -> Stream[P, Request, Response]: ...
    @overload
    def __get__(self, caller: SyncCaller,
                owner: Type[object]) -> WatchMethod[P, Request, Response]: ...
    @overload
    def __get__(self, caller: AsyncCaller,
                owner: Type[object]) -> AsyncWatchMethod[P, Request, Response]: ...
    def __get__(self, caller: Union[None, SyncCaller, AsyncCaller], owner: Type[object]) -> Any:
        if caller is None:
            return self
        return (WatchMethod if isinstance(caller, SyncCaller) else AsyncWatchMethod)(caller, self)


class Editor(Generic[Resource, Response]):
    """Reads a resource, changes it and writes it back, unless somebody else was faster: then all of
    it again."""

    def __init__(self, caller: SyncCaller, declared: Edit[Resource, Response]) -> None:
        self._caller = caller
        self._declared = declared

    def __call__(self, name: str, change: Callable[[Resource], object], *, attempts: int = 5,
                 reason: str = "", validate_only: bool = False) -> Response:
        """`change` gets the resource as it is and modifies it in place; it may run `attempts`
        times. What it raises ends the edit. After the last attempt ConflictError is raised, else
        what reading and writing raise."""
        declared = self._declared
        for left in reversed(range(_checked(attempts))):
            resource = declared.resource_of(self._caller._call(
                declared.get_rpc, declared.get_request(name), declared.get_response))
            change(resource)
            try:
                return self._caller._call(
                    declared.update_rpc, declared.update_request(resource, reason, validate_only),
                    declared.update_response)
            except ConflictError:
                if left == 0:
                    raise
        raise AssertionError("unreachable")


class AsyncEditor(Generic[Resource, Response]):
    """Reads a resource, changes it and writes it back, unless somebody else was faster: then all of
    it again."""

    def __init__(self, caller: AsyncCaller, declared: Edit[Resource, Response]) -> None:
        self._caller = caller
        self._declared = declared

    async def __call__(self, name: str, change: Callable[[Resource], object], *, attempts: int = 5,
                       reason: str = "", validate_only: bool = False) -> Response:
        """`change` gets the resource as it is and modifies it in place; it may run `attempts`
        times. What it raises ends the edit. After the last attempt ConflictError is raised, else
        what reading and writing raise."""
        declared = self._declared
        for left in reversed(range(_checked(attempts))):
            resource = declared.resource_of(await self._caller._call(
                declared.get_rpc, declared.get_request(name), declared.get_response))
            change(resource)
            try:
                return await self._caller._call(
                    declared.update_rpc, declared.update_request(resource, reason, validate_only),
                    declared.update_response)
            except ConflictError:
                if left == 0:
                    raise
        raise AssertionError("unreachable")


class Edit(Generic[Resource, Response]):
    """Declares a read-modify-write over two RPCs."""

    def __init__(self, resource: Type[Resource], get: Unary[..., Any, Any],
                 update: Unary[..., Any, Response]) -> None:
        self.get_rpc, self.update_rpc = get.rpc, update.rpc
        self.get_response, self.update_response = get.response_type, update.response_type
        self._get_type, self._update_type = get.request_type, update.request_type
        # The field is called the same in both messages.
        self._field = next(field.name for field in self.get_response.DESCRIPTOR.fields
                           if field.message_type is resource.DESCRIPTOR)

    def get_request(self, name: str) -> Message:
        # There is one `limits` only, and reading it asks for no name.
        named = "name" in self._get_type.DESCRIPTOR.fields_by_name
        return cast(Message, self._get_type(name=name) if named else self._get_type())

    def resource_of(self, response: Message) -> Resource:
        return cast(Resource, getattr(response, self._field))

    def update_request(self, resource: Resource, reason: str, validate_only: bool) -> Message:
        # The whole resource, so that a field can be cleared, too; the etag that was read guards it.
        return cast(Message, self._update_type(**{
            self._field: resource, "update_mask": {"paths": ["*"]}, "reason": reason,
            "validate_only": validate_only}))

    @overload
    def __get__(self, caller: None, owner: Type[object]) -> Edit[Resource, Response]: ...
    @overload
    def __get__(self, caller: SyncCaller, owner: Type[object]) -> Editor[Resource, Response]: ...
    @overload
    def __get__(self, caller: AsyncCaller,
                owner: Type[object]) -> AsyncEditor[Resource, Response]: ...
    def __get__(self, caller: Union[None, SyncCaller, AsyncCaller], owner: Type[object]) -> Any:
        if caller is None:
            return self
        return Editor(caller, self) if isinstance(caller, SyncCaller) else AsyncEditor(caller, self)


def _checked(attempts: int) -> int:
    if attempts < 1:
        raise ValueError("attempts is at least 1")
    return attempts
