"""Callback services: programs that see, change, refuse or follow the router's requests.

    from vllm_router_client.callbacks import Answer, CallbackService, Decision, Request, serve

    class Closed(CallbackService):
        async def pre_request(self, request: Request) -> Decision:
            if request.model == "secret":
                return Answer(403, "not for you")
            return None

    serve(Closed(), "127.0.0.1:9000")

proto/callback.proto is the contract; `routerctl callbacks register` makes a router call a service.
"""

from ._decisions import Answer, Changes, Continue, Decision, HeaderLines
from ._facts import Body, FinishedRequest, Request, Timings, Tokens
from ._headers import Headers
from ._server import CallbackServer, ServerTls, serve
from ._service import CallbackService

__all__ = [
    "Answer",
    "Body",
    "CallbackServer",
    "CallbackService",
    "Changes",
    "Continue",
    "Decision",
    "FinishedRequest",
    "HeaderLines",
    "Headers",
    "Request",
    "ServerTls",
    "Timings",
    "Tokens",
    "serve",
]
