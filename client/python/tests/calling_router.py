"""The router's side of RouterCallback, and a service that runs in this process."""

import asyncio
import threading

import grpc

from vllm_router_client import v1
from vllm_router_client._address import grpc_target
from vllm_router_client.callbacks import CallbackServer, CallbackService

SECONDS = 60  # of any call: a bound for what hangs, not a wait
MOST_BYTES = 200 << 20


def facts(body=b"", *, headers=(("content-type", "application/json"),), **fields):
    """RequestFacts as the router fills them, where `fields` says nothing else."""
    whole = {"data": body, "total_bytes": len(body), "mode": v1.BODY_MODE_FULL}
    content = whole if isinstance(body, bytes) else body
    defaults = {
        "http_request_id": "r-1", "method": "POST", "path": "/v1/chat/completions",
        "client_address": "203.0.113.7:51234", "receive_time": {"seconds": 1_700_000_000},
        "headers": [{"name": name, "value": value.encode("latin-1")} for name, value in headers],
        "body": content}
    return v1.RequestFacts(**{**defaults, **fields})


def finished(response=b"", *, cause=v1.REQUEST_CAUSE_COMPLETED, request=None, **fields):
    """A PostRequestRequest, likewise."""
    defaults = {
        "callback": "callbacks/test", "request": request or facts(), "cause": cause, "status": 200,
        "response_body": {"data": response, "total_bytes": len(response),
                          "mode": v1.BODY_MODE_FULL}}
    return v1.PostRequestRequest(**{**defaults, **fields})


class CallingRouter:
    """Calls a callback service as the router does."""

    def __init__(self, address, credentials=None, options=()):
        options = [("grpc.max_receive_message_length", MOST_BYTES),
                   ("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1), *options]
        target = grpc_target(address)
        self.channel = (grpc.insecure_channel(target, options) if credentials is None
                        else grpc.secure_channel(target, credentials, options))
        self._pre = self._method("PreRequest", v1.PreRequestResponse)
        self._post = self._method("PostRequest", v1.PostRequestResponse)

    def close(self):
        self.channel.close()

    def pre(self, body=b"", timeout=SECONDS, **fields):
        return self.start_pre(body, timeout, **fields).result()

    def start_pre(self, body=b"", timeout=SECONDS, **fields):
        call = v1.PreRequestRequest(callback="callbacks/test", request=facts(body, **fields))
        return self._pre.future(call, timeout=timeout, wait_for_ready=True)

    def post(self, response=b"", timeout=SECONDS, **fields):
        return self.start_post(response, timeout, **fields).result()

    def start_post(self, response=b"", timeout=SECONDS, **fields):
        return self._post.future(finished(response, **fields), timeout=timeout, wait_for_ready=True)

    def _method(self, name, response):
        return self.channel.unary_unary(
            f"/vllm_router.v1.RouterCallback/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString)


class Served:
    """A CallbackService that is served from a thread of this process."""

    def __init__(self, service, address="127.0.0.1:0", **options):
        self._service, self._given, self._options = service, address, options
        self._started = threading.Event()
        self._error = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with CallbackServer(self._service, self._given, **self._options) as server:
                self.address = server.address
                self._started.set()
                await self._stop.wait()
        except OSError as error:
            self._error = error
        finally:
            self._started.set()


class Scripted(CallbackService):
    """Decides as a test tells it to, and says what it was told."""

    def __init__(self, decide=None):
        self.decide = decide
        self.requests = []
        self.finished = []

    async def pre_request(self, request):
        self.requests.append(request)
        return await self.decide(request) if self.decide else None

    async def post_request(self, finished):
        self.finished.append(finished)


def returning(decision):
    async def decide(request):
        return decision

    return Scripted(decide)
