"""Many streams at once, and the router's connections to the engines."""

import asyncio
import unittest
import uuid

from support import (MESSAGES, STACK, async_client, client, recorded, stats, wait_until)

STREAMS = 50
ROUNDS = 4
AT_ONCE = 5


class Connections(unittest.TestCase):
    def test_fifty_streams_at_once_all_complete(self):
        async def one(sdk, number):
            arguments = {"model": STACK.model,
                         "messages": [{"role": "user", "content": f"Stream {number}"}]}
            plain = await sdk.chat.completions.create(**arguments)
            text, finish = "", None
            stream = await sdk.chat.completions.create(
                **arguments, stream=True, extra_headers={"X-Fake-Itl-Ms": "5"})
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
                finish = chunk.choices[0].finish_reason
            return text == plain.choices[0].message.content, finish, text

        async def all_of_them():
            async with async_client() as sdk:
                return await asyncio.gather(*(one(sdk, number) for number in range(STREAMS)))

        before = [stats(engine)["streams_finished"] for engine in STACK.engines]
        results = asyncio.run(all_of_them())
        self.assertEqual([result[:2] for result in results], [(True, "stop")] * STREAMS)
        self.assertEqual(len({text for _, _, text in results}), STREAMS)
        after = [stats(engine)["streams_finished"] for engine in STACK.engines]
        served = [now - then for now, then in zip(after, before)]
        self.assertEqual(sum(served), STREAMS)
        self.assertTrue(all(served), served)

    def test_requests_in_a_row_share_an_engine_connection(self):
        ids = [str(uuid.uuid4()) for _ in range(6)]
        with client() as sdk:
            for request_id in ids:
                sdk.chat.completions.create(model=STACK.model, messages=MESSAGES,
                                            extra_headers={"X-Request-Id": request_id})
        for engine in STACK.engines:
            used = [request["connection"] for request_id in ids
                    for request in recorded(request_id, [engine])]
            self.assertEqual(len(used), 3)
            self.assertEqual(len(set(used)), 1)

    def test_the_keep_alive_close_of_an_engine_goes_unnoticed(self):
        engine = STACK.short_keep_alive_engine

        def open_connections():
            return stats(engine)["connections_open"]

        async def ask(sdk):
            answer = await sdk.chat.completions.create(
                model=STACK.short_keep_alive_model, messages=MESSAGES,
                extra_headers={"X-Fake-Ttft-Ms": "30"})
            return answer.choices[0].finish_reason

        async def rounds():
            async with async_client() as sdk:
                for number in range(ROUNDS):
                    reasons = await asyncio.gather(*(ask(sdk) for _ in range(AT_ONCE)))
                    self.assertEqual(reasons, ["stop"] * AT_ONCE)
                    if number == ROUNDS - 1:
                        return
                    # The next requests go out just as the engine begins to close what it kept.
                    peak = max(2, open_connections())
                    self.assertTrue(wait_until(lambda: open_connections() < peak, 5.0))

        before = stats(engine)
        asyncio.run(rounds())
        after = stats(engine)
        self.assertEqual(after["answered"] - before["answered"], ROUNDS * AT_ONCE)
        self.assertEqual(after["aborts"], before["aborts"])
