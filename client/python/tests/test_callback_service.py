"""CallbackService: what it is told, and what becomes of its decisions, over real calls."""

import asyncio
import datetime
import sys
import threading

import grpc
import pytest
from calling_router import CallingRouter, Scripted, Served, facts, returning

from vllm_router_client import v1
from vllm_router_client.callbacks import Answer, CallbackService, Changes, Continue, Timings, Tokens


def test_what_a_request_is(serve):
    service = Scripted()
    serve(service).pre(
        b'{"model": "a"}', query="x=1", model="a", resolved_model="b", stream=True,
        session_id="s", generation=7,
        headers=[("X-Tenant", "blue"), ("accept", "a"), ("accept", "\xe9")])
    [request] = service.requests
    assert (request.callback, request.request_id) == ("callbacks/test", "r-1")
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", "x=1")
    assert (request.client_address, request.session_id) == ("203.0.113.7:51234", "s")
    assert (request.model, request.resolved_model, request.stream) == ("a", "b", True)
    assert request.receive_time == datetime.datetime(2023, 11, 14, 22, 13, 20,
                                                     tzinfo=datetime.timezone.utc)
    assert request.generation == 7
    assert request.headers["x-tenant"] == "blue"
    assert request.headers.get_all("Accept") == ["a", "\xe9"]
    assert request.body.json() == {"model": "a"}


def test_what_is_not_known_is_none(serve):
    service = Scripted()
    router = serve(service)
    router.pre(receive_time=None)
    router.post()
    [request], [finished] = service.requests, service.finished
    assert request.session_id is None and request.receive_time is None
    assert finished.timings == Timings() and finished.tokens == Tokens()


def test_what_a_finished_request_is(serve):
    service = Scripted()
    serve(service).post(
        b"data: [DONE]\n\n", request=facts(b"{}"), cause=v1.REQUEST_CAUSE_CLIENT_ABORTED,
        cause_message="the client went away", status=499, backend="backends/a",
        backend_url="http://a", attempts=2, timings={"total": {"seconds": 2}, "first_token": {}},
        tokens={"input": 9, "output": 0}, response_headers=[{"name": "x-a", "value": b"b"}])
    [finished] = service.finished
    assert finished.cause == v1.REQUEST_CAUSE_CLIENT_ABORTED
    assert (finished.cause_message, finished.status) == ("the client went away", 499)
    assert (finished.backend, finished.backend_url) == ("backends/a", "http://a")
    assert finished.attempts == 2
    assert finished.timings == Timings(total=datetime.timedelta(seconds=2),
                                       first_token=datetime.timedelta(0))
    assert finished.tokens == Tokens(input=9, output=0)
    assert finished.response_headers["X-A"] == "b"
    assert finished.response_body.data == b"data: [DONE]\n\n"
    assert finished.request.body.data == b"{}"


@pytest.mark.parametrize("decision", [None, Continue()])
def test_going_on(serve, decision):
    assert serve(returning(decision)).pre() == v1.PreRequestResponse()


def test_a_service_that_overrides_nothing_lets_all_go_on(serve):
    router = serve(CallbackService())
    assert router.pre() == v1.PreRequestResponse()
    assert router.post() == v1.PostRequestResponse()


def test_changes(serve):
    decision = Changes(set_headers={"x-tenant": "blue"}, append_headers=[("via", b"guard")],
                       remove_headers=["x-debug"], model="small")
    mutation = v1.HeaderMutation
    changes = serve(returning(decision)).pre().proceed
    assert changes == v1.RequestChanges(model="small", header_mutations=[
        mutation(action=mutation.ACTION_REMOVE, name="x-debug"),
        mutation(action=mutation.ACTION_SET, name="x-tenant", value=b"blue"),
        mutation(action=mutation.ACTION_APPEND, name="via", value=b"guard")])


def test_an_empty_body_is_a_body(serve):
    changes = serve(returning(Changes(body=b""))).pre().proceed
    assert changes.HasField("body") and changes.body == b"" and not changes.HasField("model")


def test_an_answer(serve):
    decision = Answer(418, "I'm a teapot \N{HOT BEVERAGE}",
                      [("set-cookie", "a=1"), ("Set-Cookie", "b=2")])
    answer = serve(returning(decision)).pre().answer
    assert (answer.status, answer.body.decode()) == (418, "I'm a teapot \N{HOT BEVERAGE}")
    mutation = v1.HeaderMutation
    assert [(line.action, line.name, line.value) for line in answer.headers] == [
        (mutation.ACTION_SET, "set-cookie", b"a=1"), (mutation.ACTION_APPEND, "Set-Cookie", b"b=2")]


def test_what_is_raised_is_a_failure_and_is_logged(serve, caplog):
    async def decide(request):
        raise RuntimeError("a prompt that is nobody's business")

    with pytest.raises(grpc.RpcError) as failed:
        serve(Scripted(decide)).pre()
    assert failed.value.code() == grpc.StatusCode.INTERNAL
    assert failed.value.details() == "pre_request raised RuntimeError"
    assert "pre_request failed for request r-1" in caplog.text
    assert "RuntimeError: a prompt" in caplog.text


def test_a_wrong_decision_is_a_failure(serve, caplog):
    with pytest.raises(grpc.RpcError) as failed:
        serve(returning({"allow": True})).pre()
    assert failed.value.code() == grpc.StatusCode.INTERNAL
    assert "pre_request returned dict" in caplog.text


def test_sys_exit_in_a_call_ends_that_call_only(serve):
    async def decide(request):
        if request.model == "exit":
            sys.exit(1)

    router = serve(Scripted(decide))
    with pytest.raises(grpc.RpcError):
        router.pre(model="exit")
    assert router.pre() == v1.PreRequestResponse()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="cannot be told from a cancelled call")
def test_a_call_that_awaits_what_was_cancelled_is_a_failure(serve):
    async def decide(request):
        raise asyncio.CancelledError

    with pytest.raises(grpc.RpcError) as failed:
        serve(Scripted(decide)).pre()
    assert failed.value.code() == grpc.StatusCode.INTERNAL


def test_a_call_is_cancelled_when_the_router_gives_up(serve):
    entered, cancelled = threading.Event(), threading.Event()

    async def decide(request):
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    call = serve(Scripted(decide)).start_pre()
    assert entered.wait(30)
    call.cancel()
    assert cancelled.wait(30)


def test_calls_run_at_the_same_time(serve):
    arrived = []
    all_there = threading.Event()

    async def decide(request):
        arrived.append(request)
        if len(arrived) == 20:
            all_there.set()
        await asyncio.to_thread(all_there.wait)

    router = serve(Scripted(decide))
    for call in [router.start_pre() for _ in range(20)]:
        call.result()


def test_background_of_an_answer_runs_after_it(serve):
    answered, done = threading.Event(), threading.Event()

    async def background():
        await asyncio.to_thread(answered.wait)
        done.set()

    router = serve(returning(Answer(204, background=background)))
    assert router.pre().answer.status == 204
    assert not done.is_set()
    answered.set()
    assert done.wait(30)


def test_background_that_fails_is_logged(serve, caplog):
    async def background():
        raise RuntimeError("later")

    served = Served(returning(Answer(204, background=background)))
    router = CallingRouter(served.address)
    router.pre()
    router.close()
    served.stop()  # waits for it
    assert "RuntimeError: later" in caplog.text


def test_bodies_of_64_mib(serve):
    service = returning(Changes(body=b"a" * (64 << 20)))
    router = serve(service)
    body = b"b" * (64 << 20)
    assert len(router.pre(body).proceed.body) == 64 << 20
    router.post(body, request=facts(body))
    assert service.finished[0].response_body.data == body
