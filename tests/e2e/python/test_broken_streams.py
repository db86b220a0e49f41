"""Clients that leave and engines that die, before and within an answer."""

import asyncio
import json
import statistics
import time
import unittest

import openai
from support import (DIED, MESSAGES, STACK, async_client, client, http, stats, total, wait_until)

ENDLESS = {"X-Fake-Itl-Ms": "10", "X-Fake-Tokens": "5000"}
ABORTS = 5


def last_abort():
    return max((stats(engine) for engine in STACK.engines), key=lambda s: s["last_abort_unix_ns"])


class BrokenStreams(unittest.TestCase):
    def setUp(self):
        self.sdk = client()
        self.addCleanup(self.sdk.close)

    def assert_aborted(self, before):
        self.assertTrue(wait_until(lambda: total("aborts") > before, 1.0))

    def test_closing_a_stream_aborts_generation(self):
        took_ms = []
        for _ in range(ABORTS):
            before = total("aborts")
            stream = self.sdk.chat.completions.create(
                model=STACK.model, messages=MESSAGES, stream=True, extra_headers=ENDLESS)
            for _ in range(3):
                next(stream)
            left = time.time_ns()
            stream.close()
            self.assert_aborted(before)
            abort = last_abort()
            self.assertEqual(abort["last_abort_phase"], "mid_answer")
            took_ms.append((abort["last_abort_unix_ns"] - left) / 1e6)
        # The median: a busy machine may hold up one of them.
        self.assertLess(statistics.median(took_ms), 50, took_ms)

    def test_leaving_before_the_answer_aborts_generation(self):
        async def leave():
            async with async_client() as sdk:
                before = total("aborts")
                request = asyncio.create_task(sdk.chat.completions.create(
                    model=STACK.model, messages=MESSAGES,
                    extra_headers={"X-Fake-Ttft-Ms": "60000"}))
                deadline = time.monotonic() + 5
                while total("running") == 0 and time.monotonic() < deadline:
                    await asyncio.sleep(0.002)
                left = time.time_ns()
                request.cancel()
                await asyncio.gather(request, return_exceptions=True)
                self.assert_aborted(before)
                abort = last_abort()
                self.assertEqual(abort["last_abort_phase"], "before_head")
                return (abort["last_abort_unix_ns"] - left) / 1e6

        took_ms = [asyncio.run(leave()) for _ in range(ABORTS)]
        self.assertLess(statistics.median(took_ms), 50, took_ms)

    def assert_died(self, stream, least):
        received = []
        with self.assertRaises(openai.APIError) as caught:
            for item in stream:
                received.append(item)
        self.assertIs(type(caught.exception), openai.APIError)
        self.assertEqual((caught.exception.message, caught.exception.code), DIED)
        self.assertGreaterEqual(len(received), least)

    def chat_with(self, fault, **headers):
        return self.sdk.chat.completions.create(
            model=STACK.model, messages=MESSAGES, stream=True,
            extra_headers={"X-Fake-Fault": fault, **headers})

    def test_an_engine_that_closes_mid_stream_raises_our_error(self):
        self.assert_died(self.chat_with("close-mid-stream:3"), least=3)

    def test_an_engine_that_resets_mid_stream_raises_our_error(self):
        # A reset may overtake what the engine sent just before it: only the error is certain.
        self.assert_died(
            self.chat_with("reset-mid-stream:3", **{"X-Fake-Itl-Ms": "20"}), least=1)

    def test_an_engine_that_closes_within_an_event_is_never_a_success(self):
        # Half an event has gone out and cannot be taken back: an SDK may stumble over that before
        # it gets to the error event.
        with self.assertRaises((openai.APIError, json.JSONDecodeError)):
            list(self.chat_with("truncated-chunk:3"))

    def test_an_engine_with_a_malformed_chunk_raises_our_error(self):
        self.assert_died(self.chat_with("bad-chunk:3"), least=3)

    def test_a_completion_stream_that_breaks_raises_our_error(self):
        with client(default_headers={"X-Fake-Fault": "close-mid-stream:3"}) as sdk:
            self.assert_died(sdk.completions.create(
                model=STACK.model, prompt="Once", stream=True), least=3)

    def test_a_response_stream_that_breaks_raises_our_error(self):
        with client(default_headers={"X-Fake-Fault": "close-mid-stream:3"}) as sdk:
            self.assert_died(sdk.responses.create(
                model=STACK.model, input="Once", stream=True), least=3)

    def test_a_messages_stream_that_breaks_ends_with_our_error(self):
        body = {"model": STACK.model, "max_tokens": 64, "messages": MESSAGES, "stream": True}
        with http(STACK.router + "/v1/messages", body,
                  {"X-Fake-Fault": "close-mid-stream:3"}) as answer:
            text = answer.read().decode()
        events = [json.loads(line.removeprefix("data: "))
                  for line in text.splitlines() if line.startswith("data: ")]
        self.assertEqual((events[-1]["error"]["message"], events[-1]["error"]["code"]), DIED)
        self.assertNotIn("message_stop", text)

    def test_a_cut_plain_answer_is_never_a_success(self):
        with self.assertRaises(openai.APIConnectionError):
            self.sdk.chat.completions.create(
                model=STACK.model, messages=MESSAGES, extra_headers={"X-Fake-Fault": "short-body"})
