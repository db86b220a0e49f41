"""The base class of callback handlers, under the original's name.

    from fastapi import Request, Response

    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

Where FastAPI is not installed, `Request`, `Response`, `JSONResponse`, `PlainTextResponse` and
`HTTPException` can be imported from here, too.
"""

from __future__ import annotations

from typing import Any

from ..._http import HTTPException, JSONResponse, PlainTextResponse, Request, Response

__all__ = ["CustomCallbackHandler", "HTTPException", "JSONResponse", "PlainTextResponse", "Request",
           "Response"]


class CustomCallbackHandler:
    """Override one method or both, as plain functions or with `async def`.

    Plain functions run on threads, several at a time; `async def` runs on the one event loop, where
    nothing may block.
    """

    def pre_request(self, request: Any, request_body: bytes, request_json: Any) -> Any:
        """Called before the request is routed; the client waits.

        request: the request, a FastAPI Request where FastAPI is installed.
        request_body: its body.
        request_json: the body as JSON: {} when it is empty, None when it is no JSON (multipart).

        None lets the request go on. A Response ends it: the client gets that. An HTTPException
        does, too; any other exception is a 500, and its traceback is in the log.
        """
        return None

    def post_request(self, request: Any, response_content: bytes) -> Any:
        """Called when an engine's answer has been sent, whole: not after answers of pre_request, of
        the router, or cut ones. Nobody waits.

        request: as for pre_request.
        response_content: the whole body of the answer; of a streamed one the raw event stream.
        """
        return None
