"""Callbacks in Python, as a real router calls them for requests."""

import http.client
import json
import os
import queue
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from calling_router import Served

from vllm_router_client import v1
from vllm_router_client.callbacks import Answer, CallbackService, Changes

HERE = Path(__file__).parent


@pytest.fixture
def engine(binary):
    """The URL of a fake engine with the model `m`."""
    program = Path(binary).with_name("fake-engine")
    process = subprocess.Popen([program, "--port", "0", "--model", "m", "--tokens", "8"],
                               stdout=subprocess.PIPE, text=True)
    with process.stdout as output:
        yield "http://" + output.readline().split()[3]
        process.terminate()
        process.wait(30)


class Client:
    """Sends requests to a router."""

    def __init__(self, router):
        listening = router.get_server_info().listen_addresses[0]
        self._address = urlsplit(listening if "//" in listening else f"//{listening}")

    def ask(self, content, stream=False, **headers):
        """Status, headers, body."""
        connection = http.client.HTTPConnection(self._address.hostname, self._address.port,
                                                timeout=60)
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps({
                "model": "m", "stream": stream,
                "messages": [{"role": "user", "content": content}]}),
                {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()


@pytest.fixture
def route(start, engine):
    """Starts a router in front of the engine; returns clients of its admin API and of itself."""
    def run(*flags):
        admin = start("--static-backends", engine, "--static-models", "m", *flags)()
        return admin, Client(admin)

    return run


@pytest.mark.skipif(sys.version_info < (3, 10), reason="its annotations need Python 3.10")
def test_the_example_of_the_originals_documentation(route, tmp_path, monkeypatch):
    # What the handler writes can be waited for.
    written = tmp_path / "response.txt"
    os.mkfifo(written)
    source = (HERE / "my_callbacks.py").read_bytes()
    (tmp_path / "my_callbacks.py").write_bytes(
        source.replace(b"/tmp/response.txt", str(written).encode()))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, client = route("--callbacks", "my_callbacks.my_callback_handler_instance",
                      "--callbacks-python", sys.executable)

    status, headers, body = client.ask("coffee, please")
    assert (status, body) == (418, b"I'm a teapot") and headers["x-request-id"]
    for stream in (False, True):
        status, _, body = client.ask("tea, please", stream)
        assert status == 200 and (b"data: [DONE]" in body) == stream
        assert written.read_bytes() == body


HANDLER = """
from fastapi import HTTPException, Response
from vllm_router.services.callbacks_service.custom_callbacks import CustomCallbackHandler

class Handler(CustomCallbackHandler):
    async def pre_request(self, request, request_body, request_json):
        asked = request_json["messages"][0]["content"]
        request.state.asked = asked
        if asked == "fail":
            raise RuntimeError("of the handler")
        if asked == "refuse":
            raise HTTPException(402, "no money left", {"retry-after": "9"})
        if asked == "all headers":
            return Response("", 204, {"date": "now", "server": "mine", "connection": "close",
                                      "x-request-id": "mine", "x-mine": "yes"})
        if asked == "key":
            return Response(request.headers["authorization"] + " " + str(request.url))

    def post_request(self, request, response_content):
        with open("WRITTEN", "ab") as file:
            file.write(request.state.asked.encode())

handler = Handler()
"""


def test_what_handlers_do_is_what_clients_see(route, tmp_path, monkeypatch):
    written = tmp_path / "written"
    os.mkfifo(written)
    (tmp_path / "handlers.py").write_text(HANDLER.replace("WRITTEN", str(written)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    _, client = route("--callbacks", "handlers.handler", "--callbacks-python", sys.executable)

    assert client.ask("fail")[::2] == (500, b"Internal Server Error")
    status, headers, body = client.ask("refuse")
    assert (status, body) == (402, b'{"detail":"no money left"}')
    assert headers["retry-after"] == "9"
    status, headers, body = client.ask("all headers", **{"x-request-id": "the-clients"})
    assert (status, body, headers["x-mine"]) == (204, b"", "yes")
    assert headers.get_all("x-request-id") == ["the-clients"]
    assert headers["date"] != "now" and headers["server"] != "mine"
    _, _, body = client.ask("key", authorization="Bearer sk-1", host="models.example:8001")
    assert body == b"Bearer sk-1 http://models.example:8001/v1/chat/completions"
    # None of these counted as a failure, after a few of which all requests would be refused.
    for _ in range(6):
        assert client.ask("fail")[0] == 500
    # What pre_request left in the state of its request is there in post_request.
    long = "a long question " * 100_000
    assert client.ask(long)[0] == 200
    assert written.read_text() == long


class Guard(CallbackService):
    def __init__(self):
        self.finished = queue.Queue()

    async def pre_request(self, request):
        if "x-tenant" not in request.headers:
            return Answer.json(401, {"error": "who?"},
                               [("set-cookie", "a=1"), ("set-cookie", "b=2")])
        return Changes(set_headers={"x-fake-tokens": "3"})

    async def post_request(self, finished):
        self.finished.put(finished)


def test_a_service_answers_changes_and_follows(route, tmp_path):
    guard = Guard()
    served = Served(guard, f"unix:{tmp_path}/guard.sock")
    try:
        admin, client = route()
        admin.register_callback(callback_id="guard", callback=v1.Callback(
            target=served.address, failure_mode="FAILURE_MODE_FAIL_CLOSED",
            hook_points=["HOOK_POINT_PRE_REQUEST", "HOOK_POINT_POST_REQUEST"],
            pre_deadline={"seconds": 30}, response_body_mode="BODY_MODE_FULL"))
        admin.update_limits(limits=v1.Limits(callback_budget={"seconds": 30}))
        status, headers, body = client.ask("hello")
        assert (status, body) == (401, b'{"error":"who?"}')
        assert headers.get_all("set-cookie") == ["a=1", "b=2"]
        status, _, body = client.ask("hello", **{"x-tenant": "blue"})
        assert status == 200
        assert json.loads(body)["usage"]["completion_tokens"] == 3
        told = {finished.cause: finished for finished in (
            guard.finished.get(timeout=30), guard.finished.get(timeout=30))}
    finally:
        served.stop()
    assert told[v1.REQUEST_CAUSE_CALLBACK_ANSWERED].attempts == 0
    completed = told[v1.REQUEST_CAUSE_COMPLETED]
    assert completed.response_body.data == body
    assert completed.tokens.output == 3
    assert completed.request.headers["x-fake-tokens"] == "3"
