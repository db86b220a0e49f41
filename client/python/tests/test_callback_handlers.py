"""What handlers of the original's kind get and give, with FastAPI, with Starlette alone, and with
neither."""

import json
import sys
import textwrap
from pathlib import Path

import pytest
from hosting import INSTALLED, Host

from vllm_router_client import v1

HERE = Path(__file__).parent
SET, APPEND = v1.HeaderMutation.ACTION_SET, v1.HeaderMutation.ACTION_APPEND


RUNNING = """
    from fastapi import HTTPException, Request, Response, status
    from fastapi.responses import JSONResponse, PlainTextResponse

    def run(statement):
        defined = {}
        exec("def decide():\\n  " + statement.decode(), globals(), defined)
        return defined["decide"]()

    class Handler:
        def pre_request(self, request, request_body, request_json):
            return run(request_body)

    class AsyncHandler:
        async def pre_request(self, request, request_body, request_json):
            return run(request_body)

    handler, async_handler = Handler(), AsyncHandler()
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Returns a host, one for all tests, whose pre_request runs the statement in the request's
    body."""
    hosts = {}

    def start(installed="fastapi", instance="handlers.handler"):
        if (installed, instance) not in hosts:
            folder = tmp_path_factory.mktemp("running")
            (folder / "handlers.py").write_text(textwrap.dedent(RUNNING))
            hosts[installed, instance] = Host(folder, instance, installed)
            hosts[installed, instance].ready()
        return hosts[installed, instance]

    yield start
    for host in hosts.values():
        host.end()


def lines_of(answer):
    return [(line.action, line.name, line.value) for line in answer.headers]


@pytest.mark.skipif(sys.version_info < (3, 10), reason="its annotations need Python 3.10")
@INSTALLED
def test_the_example_of_the_originals_documentation(host, tmp_path, installed):
    source = (HERE / "my_callbacks.py").read_bytes()
    written = tmp_path / "response.txt"
    changed = source.replace(b"/tmp/response.txt", str(written).encode())
    assert changed.count(b"\n") == source.count(b"\n")
    (tmp_path / "my_callbacks.py").write_bytes(changed)
    started = host("", "my_callbacks.my_callback_handler_instance", installed=installed)
    assert started.ready() == {"ready": True, "pre_request": True, "post_request": True}
    answer = started.router.pre(b'{"messages": "coffee"}').answer
    assert (answer.status, answer.body) == (418, b"I'm a teapot")
    assert started.router.pre(b'{"messages": "tea"}') == v1.PreRequestResponse()
    started.router.post(b"data: one\n\n")
    started.router.post(b"data: [DONE]\n\n")
    assert written.read_bytes() == b"data: one\n\ndata: [DONE]\n\n"


@INSTALLED
def test_what_a_request_is(deciding, installed):
    started = deciding("""
request.state.seen = True
request.app.state.count = getattr(request.app.state, "count", 0) + 1
return JSONResponse({
    "method": request.method, "url": str(request.url), "path": request.url.path,
    "query": request.url.query, "params": request.query_params.get("id"),
    "params2": request.query_params.getlist("id"), "host": request.client.host,
    "port": request.client.port, "auth": request.headers["Authorization"],
    "accept": request.headers.getlist("accept"), "none": request.headers.get("x-none"),
    "cookie": request.cookies["session"], "other": request.cookies["b"],
    "in": "AUTHORIZATION" in request.headers, "names": sorted(set(request.headers.keys())),
    "seen": request.state.seen, "count": request.app.state.count, "json": request_json,
    "body": request_body.decode(), "path_params": request.path_params,
    "hostname": request.url.hostname, "url_port": request.url.port})""", installed=installed)
    call = dict(query="id=1&id=2&x=", headers=[
        ("host", "router.example:8001"), ("authorization", "Bearer k"), ("accept", "a"),
        ("accept", "b"), ("cookie", "session=s; bad=; b=c")])
    started.router.pre(b'{"a": 1}', **call)
    answer = started.router.pre(b'{"a": 1}', **call).answer
    assert json.loads(answer.body) == {
        "method": "POST", "path": "/v1/chat/completions", "query": "id=1&id=2&x=",
        "url": "http://router.example:8001/v1/chat/completions?id=1&id=2&x=",
        "params": "2", "params2": ["1", "2"], "host": "203.0.113.7", "port": 51234,
        "auth": "Bearer k", "accept": ["a", "b"], "none": None, "cookie": "s", "other": "c",
        "in": True, "names": ["accept", "authorization", "cookie", "host"],
        "seen": True, "count": 2,
        "json": {"a": 1}, "body": '{"a": 1}', "path_params": {}, "hostname": "router.example",
        "url_port": 8001}


@INSTALLED
def test_a_coroutine_can_read_the_body(host, installed):
    started = host("""
        from vllm_router.services.callbacks_service.custom_callbacks import (
            CustomCallbackHandler, Response)

        class Handler(CustomCallbackHandler):
            async def pre_request(self, request, request_body, request_json):
                chunks = [chunk async for chunk in request.stream()]
                assert b"".join(chunks) == request_body == await request.body()
                assert await request.json() == request_json
                return Response(str(request.client))

        handler = Handler()
    """, installed=installed)
    started.ready()
    answer = started.router.pre(b"[1]", client_address="").answer
    assert (answer.status, answer.body) == (200, b"None"), started.log.text()


def test_the_body_as_json(deciding):
    router = deciding("return Response(repr(request_json))").router
    for body, parsed in [
            (b"", "{}"), (b"[1, null]", "[1, None]"), (b"--boundary", "None"),
            (b"\xff\x00", "None"), (b"[" * 100_000, "None"), (b'{"a": NaN}', "{'a': nan}")]:
        assert router.pre(body).answer.body.decode() == parsed


@INSTALLED
@pytest.mark.parametrize("response, status, body, headers", [
    ("Response('a')", 200, b"a", []),
    ("Response(b'\\xff', 403, media_type='image/x')", 403, b"\xff",
     [(SET, "content-type", b"image/x")]),
    ("Response(status_code=status.HTTP_204_NO_CONTENT)", 204, b"", []),
    ("PlainTextResponse('\u00e9')", 200, b"\xc3\xa9",
     [(SET, "content-type", b"text/plain; charset=utf-8")]),
    ("JSONResponse({'a': '\u00e9'}, 401, {'WWW-Authenticate': 'Bearer'})", 401,
     b'{"a":"\xc3\xa9"}', [(SET, "www-authenticate", b"Bearer"),
                           (SET, "content-type", b"application/json")]),
    ("Response('a', headers={'Content-Type': 'text/html', 'Content-Length': '1', 'Date': 'now', "
     "'Server': 's', 'Connection': 'close', 'Transfer-Encoding': 'chunked', 'X-Request-Id': 'r', "
     "'X_Forwarded_For': 'a', 'X-A': '\u00e9'})", 200, b"a",
     [(SET, "content-type", b"text/html"), (SET, "x-a", b"\xe9")]),
], ids=range(6))
def test_responses(running, installed, response, status, body, headers):
    answer = running(installed).router.pre(f"return {response}".encode()).answer
    assert (answer.status, answer.body) == (status, body)
    assert lines_of(answer) == headers


@INSTALLED
def test_cookies_and_changed_headers_of_a_response(deciding, installed):
    answer = deciding("""
response = Response("a")
response.set_cookie("a", "1", max_age=60, secure=True, httponly=True)
response.set_cookie("b", "2", path=None, samesite=None)
response.headers["X-A"] = "1"
response.headers["x-a"] = "2"
response.headers.append("X-B", "1")
response.headers.append("X-B", "2")
del response.headers["x-c"]
return response""", installed=installed).router.pre().answer
    assert lines_of(answer) == [
        (SET, "set-cookie", b"a=1; HttpOnly; Max-Age=60; Path=/; SameSite=lax; Secure"),
        (APPEND, "set-cookie", b"b=2"), (SET, "x-a", b"2"), (SET, "x-b", b"1"),
        (APPEND, "x-b", b"2")]


@INSTALLED
@pytest.mark.parametrize("raised, status, body, headers", [
    ("HTTPException(402, {'left': 0}, {'Retry-After': '9', 'Content-Length': '3'})", 402,
     b'{"detail":{"left":0}}', [(SET, "content-type", b"application/json"),
                                (SET, "Retry-After", b"9")]),
    ("HTTPException(status.HTTP_403_FORBIDDEN)", 403, b'{"detail":"Forbidden"}',
     [(SET, "content-type", b"application/json")]),
    ("HTTPException(status_code=304, detail='x')", 304, b"", []),
], ids=["detail", "phrase", "no body"])
def test_http_exceptions(running, installed, raised, status, body, headers):
    answer = running(installed).router.pre(f"raise {raised}".encode()).answer
    assert (answer.status, answer.body) == (status, body)
    assert lines_of(answer) == headers


@pytest.mark.parametrize("instance", ["handler", "async_handler"])
@pytest.mark.parametrize("statement, logged", [
    ("return 1 / 0", "ZeroDivisionError"),
    ("import sys; sys.exit(3)", "SystemExit: 3"),
    ("raise StopIteration", "StopIteration"),
    ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("return {'allow': True}", "returned dict for request r-1: a Response or None is meant"),
    ("return 'no'", "returned str"),
    ("return Response('a'), 403", "returned tuple"),
    ("return True", "returned bool"),
    ("return Response('a', 99)", "the status is 200 to 599"),
    ("return Response('a' * (1024 * 1024 + 1))", "more than 1 MiB"),
    ("return Response('a', headers={'x-a': 'a\\r\\nset-cookie: b'})", "control characters"),
    ("return Response('a', headers={'x-%d' % i: 'b' for i in range(65)})", "65 headers: at most"),
    ("raise HTTPException(500, object())", "not JSON serializable"),
], ids=range(13))
def test_what_a_handler_does_wrong_is_a_500(running, instance, statement, logged):
    started = running(instance=f"handlers.{instance}")
    before = started.log.length()
    answer = started.router.pre(statement.encode()).answer
    assert (answer.status, answer.body) == (500, b"Internal Server Error")
    assert lines_of(answer) == [(SET, "content-type", b"text/plain; charset=utf-8")]
    text = started.log.wait_for(logged, before)
    if logged != "StopIteration":  # of which no frame of a coroutine is left
        assert "_hook.py" not in text


@pytest.mark.parametrize("nothing", ["None", "''", "False", "{}"])
def test_what_is_false_lets_the_request_go_on(running, nothing):
    assert running().router.pre(f"return {nothing}".encode()) == v1.PreRequestResponse()


STREAMING = """
    import asyncio
    from fastapi import BackgroundTasks
    from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
    from starlette.background import BackgroundTask
    from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

    async def events(number):
        for i in range(number):
            yield b"a" * 1024
            await asyncio.sleep(0)

    def failing():
        yield b"a"
        raise RuntimeError("in the middle")

    def told():
        print("in the background")

    class Handler(CustomCallbackHandler):
        def pre_request(self, request, request_body, request_json):
            return eval(request_body)

    handler = Handler()
"""


def test_streamed_responses_and_files(host, tmp_path):
    (tmp_path / "page.html").write_text("<p>")
    started = host(STREAMING)
    started.ready()
    router = started.router
    answer = router.pre(b"StreamingResponse(events(3), 503, {'x-a': 'b'})").answer
    assert (answer.status, answer.body) == (503, b"a" * 3072)
    assert lines_of(answer) == [(SET, "x-a", b"b")]
    answer = router.pre(b"StreamingResponse(iter(['a', 'b']), media_type='text/plain')").answer
    assert answer.body == b"ab"
    assert router.pre(b"StreamingResponse(events(1024))").answer.body == b"a" * (1 << 20)
    answer = router.pre(b"FileResponse('page.html')").answer
    assert answer.body == b"<p>", started.log.text()
    answer = router.pre(b"RedirectResponse('https://elsewhere/')").answer
    assert answer.status == 307 and (SET, "location", b"https://elsewhere/") in lines_of(answer)

    assert router.pre(b"StreamingResponse(events(1025))").answer.status == 500
    started.log.wait_for("more than 1 MiB")
    assert router.pre(b"StreamingResponse(failing())").answer.status == 500
    started.log.wait_for("in the middle")


def test_background_tasks_run_after_the_answer(host):
    started = host(STREAMING)
    started.ready()
    expression = b"FileResponse('handlers.py', background=BackgroundTask(told))"
    assert started.router.pre(expression).answer.status == 200
    started.log.wait_for("in the background")


@INSTALLED
def test_background_of_a_response_that_is_used_again(deciding, installed):
    started = deciding("""
async def told():
    print("told", request.headers["x-number"])
if not hasattr(self, "response"):
    self.response = Response("a")
self.response.background = told
return self.response""", installed=installed)
    for number in "12":
        assert started.router.pre(headers=[("x-number", number)]).answer.body == b"a"
        started.log.wait_for(f"told {number}")
