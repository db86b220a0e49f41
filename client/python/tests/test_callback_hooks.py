"""How the host calls handlers: threads and coroutines, post_request, what it tells in the log."""

import sys

import grpc
import pytest
from calling_router import facts
from hosting import INSTALLED

from vllm_router_client import v1

BLOCKING = """
    import threading
    from fastapi import Response

    release = threading.Event()

    class Handler:
        def pre_request(self, request, request_body, request_json):
            if request_body == b"wait":
                print("waiting")
                release.wait()
            elif request_body == b"release":
                release.set()
            return Response(request_body)

    handler = Handler()
"""


def test_one_that_blocks_blocks_no_other(host):
    started = host(BLOCKING)
    started.ready()
    waiting = started.router.start_pre(b"wait")
    started.log.wait_for("waiting")
    assert started.router.pre(b"release").answer.body == b"release"
    assert waiting.result().answer.body == b"wait"


def test_calls_to_a_full_pool_wait(deciding):
    started = deciding("return Response(request_body)", arguments=["--threads", "1"])
    calls = [started.router.start_pre(b"%d" % number) for number in range(50)]
    assert [call.result().answer.body for call in calls] == [b"%d" % n for n in range(50)]


def test_coroutines_run_on_one_thread(host):
    started = host("""
        import threading
        from fastapi import Response

        class Handler:
            async def pre_request(self, request, request_body, request_json):
                return Response(str(threading.current_thread() is threading.main_thread()))

        handler = Handler()
    """)
    started.ready()
    assert started.router.pre().answer.body == b"True"


def test_a_plain_function_may_hand_out_a_coroutine(host):
    started = host("""
        from fastapi import HTTPException

        class Handler:
            def pre_request(self, *arguments):
                async def decide():
                    raise HTTPException(404)
                return decide()

        handler = Handler()
    """)
    started.ready()
    assert started.router.pre().answer.status == 404


POST = """
    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

    class Handler(CustomCallbackHandler):
        def pre_request(self, request, request_body, request_json):
            request.state.user = request_body.decode()

        {kind} post_request(self, request, response_content):
            print("post", response_content, type(response_content).__name__,
                  getattr(request.state, "user", None))
            if response_content == b"fail":
                raise RuntimeError("of post_request")

    handler = Handler()
"""


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_post_request(host, kind):
    started = host(POST.format(kind=kind))
    started.ready()
    started.router.post(b"whole")
    started.log.wait_for("post b'whole' bytes None")
    started.router.post(b"server error", cause=v1.REQUEST_CAUSE_BACKEND_STATUS, status=500)
    started.log.wait_for("post b'server error' bytes None")
    # A failure is the handler's, not the callback's.
    assert started.router.post(b"fail") == v1.PostRequestResponse()
    started.log.wait_for("post_request of handlers.handler failed for request r-1")
    started.log.wait_for("RuntimeError: of post_request")


def test_post_request_is_called_for_whole_answers_of_engines_only(host):
    started = host(POST.format(kind="def"))
    started.ready()
    whole = (v1.REQUEST_CAUSE_COMPLETED, v1.REQUEST_CAUSE_BACKEND_STATUS)
    for name, cause in v1.RequestCause.items():
        if cause not in whole:
            started.router.post(name.encode(), cause=cause)
    started.router.post(b"last")
    started.log.wait_for("post b'last'")
    assert "REQUEST_CAUSE" not in started.log.text()


@INSTALLED
def test_pre_request_leaves_its_state_for_post_request(host, installed):
    started = host(POST.format(kind="def"), installed=installed)
    started.ready()
    router = started.router
    router.pre(b"ann", client_address="203.0.113.7:1")
    router.pre(b"bob", client_address="203.0.113.7:2")
    router.pre(b"gone", client_address="203.0.113.7:3")
    for port, cause in (
            (2, "COMPLETED"), (1, "COMPLETED"), (3, "CLIENT_ABORTED"), (3, "COMPLETED")):
        router.post(b"%d" % port, cause=f"REQUEST_CAUSE_{cause}",
                    request=facts(client_address=f"203.0.113.7:{port}"))
    started.log.wait_for("post b'3' bytes None")
    assert "post b'1' bytes ann\n" in started.log.text()
    assert "post b'2' bytes bob\n" in started.log.text()


def test_bodies_that_are_not_whole_are_told(host):
    started = host(POST.format(kind="def"))
    started.ready()
    started.router.pre(body={"total_bytes": 9, "data": b"part", "truncated": True})
    started.log.wait_for(
        "WARNING vllm_router.callback_host: the handler gets 4 bytes of the request's body of "
        "request r-1, which has 9")
    for _ in range(2):
        started.router.post(response_body={"total_bytes": 9, "mode": v1.BODY_MODE_NONE})
    started.log.wait_for("gets no bytes of the answer: the registration callbacks/test does not")
    started.stop()
    assert started.log.whole().count("gets no bytes") == 1


def test_bodies_of_64_mib(host):
    started = host("""
        from fastapi import Response

        class Handler:
            def pre_request(self, request, request_body, request_json):
                return Response(str(len(request_body)))

            def post_request(self, request, response_content):
                print("post", len(response_content))

        handler = Handler()
    """)
    started.ready()
    whole = b"a" * (64 << 20)
    assert started.router.pre(whole).answer.body == b"67108864"
    started.router.post(whole, request=facts(whole))
    started.log.wait_for("post 67108864")


def test_the_stand_ins_are_where_fastapi_has_them(host):
    host("""
        import fastapi.status, starlette.responses
        from fastapi import exceptions, requests, responses, status
        from starlette import status as status_too
        from starlette.exceptions import HTTPException
        from starlette.requests import Request
        from starlette.status import HTTP_418_IM_A_TEAPOT

        assert fastapi.Request is requests.Request is Request
        assert fastapi.HTTPException is exceptions.HTTPException is HTTPException
        assert fastapi.Response is responses.Response is starlette.responses.Response
        assert status.HTTP_418_IM_A_TEAPOT == status_too.HTTP_418_IM_A_TEAPOT == 418

        class Handler:
            def pre_request(self, request, request_body, request_json):
                pass

        handler = Handler()
    """, installed="neither").ready()


def test_what_the_stand_ins_do_not_have_is_told(host):
    started = host("from fastapi.responses import StreamingResponse", installed="neither")
    assert started.status()["message"] == (
        "ImportError: fastapi.responses.StreamingResponse needs fastapi, which is not installed")
    started = host("import fastapi.middleware", installed="neither")
    assert "No module named 'fastapi.middleware'" in started.status()["message"]


@pytest.mark.parametrize("installed, told", [("fastapi", False), ("starlette", True)])
def test_that_fastapi_is_missing_is_told(deciding, installed, told):
    started = deciding("return", installed=installed)
    started.stop()
    assert ("fastapi is not installed" in started.log.whole()) == told


def test_fastapis_own_classes_are_used_where_they_are(deciding):
    started = deciding("""
import fastapi, starlette.requests
return Response(f"{isinstance(request, fastapi.Request)} {type(request).__module__}")""")
    assert started.router.pre().answer.body == b"True starlette.requests"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="cannot be told from a cancelled call")
def test_a_handler_that_awaits_what_was_cancelled_is_a_500(host):
    started = host("""
        import asyncio

        class Handler:
            async def pre_request(self, *arguments):
                raise asyncio.CancelledError

        handler = Handler()
    """)
    started.ready()
    assert started.router.pre().answer.status == 500


def test_a_call_that_the_router_gave_up_ends_with_its_function(host):
    started = host(BLOCKING, arguments=["--threads", "2"])
    started.ready()
    running = started.router.start_pre(b"wait")
    started.log.wait_for("waiting")
    running.cancel()
    with pytest.raises((grpc.FutureCancelledError, grpc.RpcError)):
        running.result()
    assert started.router.pre(b"release").answer.body == b"release"
    assert started.router.pre(b"next").answer.body == b"next"
    started.stop()
    assert "Traceback" not in started.log.whole()
