"""What mypy --strict sees of the library. Each `type: ignore` is an error that it has to find: with
--warn-unused-ignores one that it does not find is an error, too."""

import asyncio
import datetime
from typing import Any, List, Optional

from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler, Response
from vllm_router_client import (AsyncRouterClient, ConflictError, FieldViolation, RouterClient,
                                RouterError, TlsOptions, WatchEvent, v1)
from vllm_router_client.callbacks import (Answer, CallbackServer, CallbackService, Changes, Decision,
                                          FinishedRequest, Request, ServerTls)


def threads(router: RouterClient) -> List[str]:
    answer: v1.DrainBackendResponse = router.drain_backend(
        "backends/a", deadline=datetime.timedelta(seconds=30),
        on_deadline=v1.ON_DRAIN_DEADLINE_ABORT, reason="rack 7")
    generation: int = answer.change.generation
    router.with_timeout(60).apply_config(base_generation=generation, mutations=[
        v1.ConfigMutation(delete_callback=v1.ResourceDeletion(name="callbacks/a"))])
    router.create_backend(v1.CreateBackendRequest(backend={"url": "http://a"}))
    with router.watch_config(kinds=[v1.RESOURCE_KIND_BACKEND]) as watch:
        for event in watch:
            typed: WatchEvent[v1.WatchConfigResponse] = event
            print(typed.message.delta.deleted, typed.restarted)
    with router.confirmed_change([], confirm_within=datetime.timedelta(seconds=9)) as applied:
        print(applied.change.diff)

    def heavier(backend: v1.Backend) -> None:
        backend.weight += 1

    edited: v1.UpdateBackendResponse = router.edit_backend("backends/a", heavier)
    print(edited.backend.etag)

    router.drain_backend(nmae="backends/a")  # type: ignore[call-overload]
    router.drain_backend(name=7)  # type: ignore[call-overload]
    router.drain_backend(v1.GetBackendRequest())  # type: ignore[call-overload]
    router.get_limits().limit  # type: ignore[attr-defined]
    router.edit_limits("limits", heavier)  # type: ignore[arg-type]
    wrong: v1.GetBackendResponse = router.get_limits()  # type: ignore[assignment]
    print(wrong)
    return [backend.url for backend in router.list_backends(page_size=1000).backends]


async def asynchronous() -> None:
    async with AsyncRouterClient("router:50051", tls=TlsOptions(ca_file="ca.pem")) as router:
        info: v1.GetServerInfoResponse = await router.get_server_info()
        print(info.version, await asyncio.create_task(router.get_limits()))
        async for event in router.watch_stats(min_interval=datetime.timedelta(seconds=1)):
            table: v1.StatsTable = event.message.delta.table
            print(table.router.traffic.qps)
        async with router.confirmed_change([], confirm_within=datetime.timedelta(1)) as applied:
            print(applied.resources)
        edited: v1.UpdateLimitsResponse = await router.edit_limits("limits", print)
        print(edited.limits)
        router.get_server_info().version  # type: ignore[attr-defined]


def errors(error: RouterError) -> List[FieldViolation]:
    if isinstance(error, ConflictError):
        print(error.current_etag)
    return list(error.violations)


class Service(CallbackService):
    async def pre_request(self, request: Request) -> Decision:
        if request.headers.get("x-tenant") is None:
            return Answer.json(401, {"error": request.body.json()}, {"www-authenticate": "Bearer"})
        Answer("401")  # type: ignore[arg-type]
        Changes(model=7)  # type: ignore[arg-type]
        request.modle  # type: ignore[attr-defined]
        return Changes(set_headers=[("x-tenant", b"blue")], model=request.model or None)

    async def post_request(self, finished: FinishedRequest) -> None:
        tokens: Optional[int] = finished.tokens.output
        print(tokens, finished.cause == v1.REQUEST_CAUSE_COMPLETED, finished.response_body.data)


class Narrower(CallbackService):
    async def pre_request(self, request: Request) -> Optional[Answer]:
        return None


class Wrong(CallbackService):
    async def pre_request(self, request: Request) -> str:  # type: ignore[override]
        return ""


async def serving() -> None:
    tls = ServerTls("cert.pem", "key.pem", client_ca_file="ca.pem")
    async with CallbackServer(Service(), "127.0.0.1:0", tls=tls) as server:
        address: str = server.address
        print(address)


class Handler(CustomCallbackHandler):
    def pre_request(self, request: Any, request_body: bytes,
                    request_json: Any) -> Optional[Response]:
        return Response("no", 403)

    async def post_request(self, request: Any, response_content: bytes) -> None:
        pass
