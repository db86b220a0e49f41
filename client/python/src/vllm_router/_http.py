"""Request, Response and HTTPException as handlers know them: Starlette's, which are FastAPI's,
where it is installed, else the stand-ins of this package. To a type checker they are always the
stand-ins, so that it needs no FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._stand_ins import HTTPException, JSONResponse, PlainTextResponse, Request, Response
else:
    try:
        from starlette.exceptions import HTTPException
        from starlette.requests import Request
        from starlette.responses import JSONResponse, PlainTextResponse, Response
    except ModuleNotFoundError as error:
        if error.name != "starlette":
            raise  # it is there, and broken
        from ._stand_ins import HTTPException, JSONResponse, PlainTextResponse, Request, Response

__all__ = ["HTTPException", "JSONResponse", "PlainTextResponse", "Request", "Response"]
