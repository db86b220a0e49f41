"""The values of vllm_router_client.callbacks: what they refuse, and what they hide."""

import asyncio

import pytest
from calling_router import facts, finished

from vllm_router_client import v1
from vllm_router_client.callbacks import Answer, Body, Changes, Headers
from vllm_router_client.callbacks._decisions import response_of
from vllm_router_client.callbacks._facts import finished_of, request_of


def test_headers():
    headers = Headers([("accept", b"a"), ("x-a", b"\xe9"), ("accept", b"b")])
    assert headers["ACCEPT"] == "a" and headers.get_all("Accept") == ["a", "b"]
    assert headers["x-a"] == "\xe9" and headers.raw[1] == ("x-a", b"\xe9")
    assert headers.get("x-b") is None and headers.get_all("x-b") == []
    assert "X-A" in headers and "x-b" not in headers and 7 not in headers
    assert list(headers) == ["accept", "x-a"] and len(headers) == 2
    assert dict(headers) == {"accept": "a", "x-a": "\xe9"}
    with pytest.raises(KeyError):
        headers["x-b"]


def test_what_is_printed_holds_no_key_and_no_prompt():
    call = finished(b"secret answer", request=facts(
        b"secret prompt", headers=[("authorization", "Bearer secret")]),
        response_headers=[{"name": "set-cookie", "value": b"secret"}])
    printed = [repr(finished_of(call)), repr(Answer(200, "secret")),
               repr(Changes(body=b"secret"))]
    assert "authorization" in printed[0]
    assert not [text for text in printed if "secret" in text]


@pytest.mark.parametrize("body, whole", [
    (Body(), True), (Body(b"a", 1), True), (Body(b"", 1), False), (Body(b"a", 2, True), False)])
def test_whether_a_body_is_whole(body, whole):
    assert body.whole == whole


def test_a_body_as_json():
    assert Body(b'{"a": 1}', 8).json() == {"a": 1}
    for data in (b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(ValueError):
            Body(data, len(data)).json()
    with pytest.raises(ValueError, match="of the body's 9 bytes 1 are here"):
        Body(b"1", 9, True).json()


@pytest.mark.parametrize("fields, error", [
    ({"status": 199}, "200 to 599"),
    ({"status": 600}, "200 to 599"),
    ({"body": "\u00e9" * ((1 << 19) + 1)}, "1048578 bytes: at most 1048576"),
    ({"headers": {"Date": "now"}}, "'Date' is the router's own"),
    ({"headers": {"server": "s"}}, "the router's own"),
    ({"headers": {"Content_Length": "1"}}, "the router's own"),
    ({"headers": {"": "a"}}, "no name of a header"),
    ({"headers": {"a b": "a"}}, "no name of a header"),
    ({"headers": {"a\n": "a"}}, "no name of a header"),
    ({"headers": {"x-a": "a\nb"}}, "control characters"),
    ({"headers": {"x-a": b"\x00"}}, "control characters"),
    ({"headers": {"x-a": "\u20ac"}}, "latin-1"),
    ({"headers": [("x-a", "a")] * 65}, "65 headers"),
    ({"headers": {"x-a": "a" * (16 << 10)}}, "16387 bytes"),
])
def test_answers_that_break_a_rule(fields, error):
    with pytest.raises(ValueError, match=error):
        Answer(**{"status": 200, **fields})


@pytest.mark.parametrize("fields, error", [
    ({"set_headers": {"Host": "a"}}, "'Host' is the router's own"),
    ({"append_headers": [("x-forwarded-for", "a")]}, "the router's own"),
    ({"remove_headers": ["Content-Length"]}, "the router's own"),
    ({"remove_headers": [":path"]}, "no name of a header"),
    ({"set_headers": {"x-a": "\x7f"}}, "control characters"),
    ({"model": "a", "body": b"{}"}, "not both"),
    ({"set_headers": {"x-a": "a"}, "remove_headers": ["x-%d" % i for i in range(64)]},
     "65 headers"),
])
def test_changes_that_break_a_rule(fields, error):
    with pytest.raises(ValueError, match=error):
        Changes(**fields)


def test_what_is_allowed_at_the_limits():
    Answer(599, b"a" * (1 << 20), [("x-a", "a")] * 64)
    Answer(200, headers={"x-a": "a" * ((16 << 10) - 3), })
    Answer(200, headers={"x-a": "tab\tand \xff"})
    Changes(set_headers={"date": "now", "server": "s", "authorization": "Bearer k"})


def test_an_answer_of_json():
    async def background():
        pass

    answer = Answer.json(402, {"left": "\u00e9"}, {"retry-after": "9"}, background=background)
    message = response_of(answer).answer
    assert message.body == b'{"left":"\xc3\xa9"}' and answer.background is background
    assert [(line.name, line.value) for line in message.headers] == [
        ("content-type", b"application/json"), ("retry-after", b"9")]


def test_header_lines_may_come_from_a_generator():
    lines = (line for line in [("x-a", "a")])
    assert len(response_of(Answer(200, headers=lines)).answer.headers) == 1
    names = (name for name in ["x-a"])
    assert len(response_of(Changes(remove_headers=names)).proceed.header_mutations) == 1


def test_a_newer_routers_cause_is_its_number():
    assert finished_of(v1.PostRequestRequest(cause=99)).cause == 99


def test_equal_values_are_equal():
    assert Answer(200, "a") == Answer(200, "a") and Changes(model="a") != Changes(model="b")
    assert request_of("c", facts(b"a")) == request_of("c", facts(b"a"))


def test_a_decision_that_is_none_of_them():
    async def forgotten():
        pass

    coroutine = forgotten()
    with pytest.raises(TypeError, match="pre_request returned coroutine"):
        response_of(coroutine)
    asyncio.run(coroutine)
