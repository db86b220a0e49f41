"""What every test needs: clients of the router, and a look at what the engines saw."""

import json
import os
import time
import types
import urllib.request

import openai

STACK = types.SimpleNamespace(**json.loads(os.environ["E2E_STACK"]))
MESSAGES = [{"role": "user", "content": "Say something."}]
# What the router says when an engine dies in the middle of a stream.
DIED = ("The model server closed the stream before its end.", "backend_disconnected")

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def options(**changes):
    """No retries unless a test asks for them: they would hide what the router does wrong."""
    return {"base_url": STACK.router + "/v1", "api_key": "anything", "max_retries": 0,
            "timeout": 20, **changes}


def client(**changes):
    return openai.OpenAI(**options(**changes))


def async_client(**changes):
    return openai.AsyncOpenAI(**options(**changes))


def http(url, body=None, headers=None):
    """The open answer to a GET, or to a POST of `body` as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        url, data, {"Content-Type": "application/json", **(headers or {})})
    return _direct.open(request, timeout=20)


def http_json(url, body=None):
    with http(url, body) as answer:
        return json.load(answer)


def stats(engine):
    return http_json(engine + "/fake/stats")


def total(counter):
    """The sum of one counter over the two engines of the main model."""
    return sum(stats(engine)[counter] for engine in STACK.engines)


def control(engine, **settings):
    http_json(engine + "/fake/control", settings)


def recorded(request_id, engines=None):
    """The requests with this X-Request-Id as the engines have them, headers by lower-case name."""
    found = []
    for engine in engines or STACK.engines:
        for request in http_json(engine + "/fake/requests")["requests"]:
            lines = request["head"].split("\r\n")[1:]
            request["headers"] = {
                name.lower(): value.strip() for name, _, value in
                (line.partition(":") for line in lines if line)}
            if request["headers"].get("x-request-id") == request_id:
                found.append(request)
    return found


def wait_until(condition, seconds=1.0):
    """True as soon as condition() is, False when it never was."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def chat_text(sdk, messages=None, **more):
    answer = sdk.chat.completions.create(
        model=STACK.model, messages=messages or MESSAGES, **more)
    return answer.choices[0].message.content


def stream_text(stream):
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
