"""As much of Starlette's requests and responses as handlers use, for where it is not installed.

Made from an ASGI scope, and called as ASGI applications, as Starlette's own are.
"""

from __future__ import annotations

import http
import http.cookies
import json
from typing import (Any, AsyncIterator, Awaitable, Callable, Dict, Iterable, Iterator, List,
                    Mapping, MutableMapping, NamedTuple, Optional, Tuple, Union)
from urllib.parse import parse_qsl, urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
RawHeaders = List[Tuple[bytes, bytes]]


class Address(NamedTuple):
    host: str
    port: int


class URL(str):
    """A URL that is a string and knows its parts."""

    def __getattr__(self, part: str) -> Any:
        if part in ("scheme", "netloc", "path", "query", "fragment", "hostname", "port"):
            return getattr(urlsplit(self), part)
        raise AttributeError(part)


class Pairs(Mapping[str, str]):
    """Names with one value or several; a name maps to its last value."""

    def __init__(self, pairs: Iterable[Tuple[str, str]]) -> None:
        self._pairs = list(pairs)
        self._last = dict(self._pairs)

    def __getitem__(self, name: str) -> str:
        return self._last[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)

    def getlist(self, name: str) -> List[str]:
        return [value for key, value in self._pairs if key == name]

    def multi_items(self) -> List[Tuple[str, str]]:
        return list(self._pairs)


class Headers(Mapping[str, str]):
    """Header lines; names are matched without regard to case."""

    def __init__(self, raw: RawHeaders) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        values = self.getlist(name)
        if not values:
            raise KeyError(name)
        return values[0]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(self.getlist(name))

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name.decode("latin-1") for name, _ in self.raw))

    def __len__(self) -> int:
        return len({name for name, _ in self.raw})

    def getlist(self, name: str) -> List[str]:
        wanted = name.lower().encode("latin-1", "replace")
        return [value.decode("latin-1") for key, value in self.raw if key == wanted]


class MutableHeaders(Headers):
    """Those of a response."""

    def __setitem__(self, name: str, value: str) -> None:
        if name in self:
            del self[name]
        self.append(name, value)

    def __delitem__(self, name: str) -> None:
        wanted = name.lower().encode("latin-1")
        self.raw[:] = [line for line in self.raw if line[0] != wanted]

    def append(self, name: str, value: str) -> None:
        self.raw.append((name.lower().encode("latin-1"), value.encode("latin-1")))

    def setdefault(self, name: str, value: str) -> str:
        if name not in self:
            self.append(name, value)
        return self[name]

    def update(self, other: Mapping[str, str]) -> None:
        for name, value in other.items():
            self[name] = value


class State:
    """Attributes that are kept in a dict."""

    def __init__(self, values: Dict[str, Any]) -> None:
        self.__dict__ = values

    def __getattr__(self, name: str) -> Any:  # to type checkers: there may be any
        raise AttributeError(name)


class Request:
    """An HTTP request."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.headers = Headers(list(scope["headers"]))
        self.query_params = Pairs(parse_qsl(scope["query_string"].decode("latin-1"),
                                            keep_blank_values=True))
        self.path_params: Dict[str, Any] = scope.get("path_params", {})
        self.client = Address(*scope["client"]) if scope.get("client") else None
        self.state = State(scope.setdefault("state", {}))
        self._body: Optional[bytes] = None

    @property
    def method(self) -> str:
        return str(self.scope["method"])

    @property
    def app(self) -> Any:
        return self.scope["app"]

    @property
    def url(self) -> URL:
        path = self.scope["raw_path"].decode("latin-1")
        query = self.scope["query_string"].decode("latin-1")
        host = self.headers.get("host")
        base = f"{self.scope['scheme']}://{host}" if host else ""
        return URL(base + path + (f"?{query}" if query else ""))

    @property
    def cookies(self) -> Dict[str, str]:
        parsed: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        for line in self.headers.getlist("cookie"):
            for pair in line.split(";"):
                try:
                    parsed.load(pair)
                except http.cookies.CookieError:
                    continue  # one that is malformed takes no other with it
        return {name: morsel.value for name, morsel in parsed.items()}

    async def stream(self) -> AsyncIterator[bytes]:
        yield await self.body()

    async def body(self) -> bytes:
        if self._body is None:
            chunks = []
            while True:
                message = await self.receive()
                chunks.append(message.get("body", b""))
                if not message.get("more_body", False):
                    break
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        return json.loads(await self.body())


class Response:
    """An HTTP response."""

    media_type: Optional[str] = None
    charset = "utf-8"

    def __init__(self, content: Any = None, status_code: int = 200,
                 headers: Optional[Mapping[str, str]] = None, media_type: Optional[str] = None,
                 background: Optional[Callable[[], Awaitable[object]]] = None) -> None:
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.background = background
        self.body = self.render(content)
        self.raw_headers: RawHeaders = []
        self.headers = MutableHeaders(self.raw_headers)
        for name, value in (headers or {}).items():
            self.headers.append(name, value)
        if self.media_type is not None:
            of_text = self.media_type.startswith("text/") and "charset=" not in self.media_type
            self.headers.setdefault("content-type", self.media_type + (
                f"; charset={self.charset}" if of_text else ""))

    def render(self, content: Any) -> bytes:
        if content is None:
            return b""
        return bytes(content) if isinstance(content, (bytes, memoryview)) else str.encode(content)

    def set_cookie(self, key: str, value: str = "", max_age: Optional[int] = None,
                   expires: Union[None, str, int] = None, path: Optional[str] = "/",
                   domain: Optional[str] = None, secure: bool = False, httponly: bool = False,
                   samesite: Optional[str] = "lax") -> None:
        cookie: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        cookie[key] = value
        attributes = {"max-age": max_age, "expires": expires, "path": path, "domain": domain,
                      "secure": secure or None, "httponly": httponly or None, "samesite": samesite}
        for name, attribute in attributes.items():
            if attribute is not None:
                cookie[key][name] = attribute
        self.headers.append("set-cookie", cookie.output(header="").strip())

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code,
                    "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})
        if self.background is not None:
            await self.background()


class JSONResponse(Response):
    """Its content as JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False,
                          separators=(",", ":")).encode()


class PlainTextResponse(Response):
    """Text."""

    media_type = "text/plain"


class HTTPException(Exception):
    """Ends the request with this status; `detail` is in the answer."""

    def __init__(self, status_code: int, detail: Any = None,
                 headers: Optional[Mapping[str, str]] = None) -> None:
        if detail is None:
            detail = http.HTTPStatus(status_code).phrase
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.headers = headers
