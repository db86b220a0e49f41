"""Endpoints that generate text: plain answers, streams, and that both say the same."""

import json
import unittest
import uuid

from support import (MESSAGES, STACK, chat_text, client, http, http_json, recorded, stream_text)

TOOLS = [{"type": "function", "function": {
    "name": "say", "description": "Says it.",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}}}]


class Generation(unittest.TestCase):
    def setUp(self):
        self.sdk = client()
        self.addCleanup(self.sdk.close)

    def chat(self, **more):
        return self.sdk.chat.completions.create(
            **{"model": STACK.model, "messages": MESSAGES, **more})

    def test_chat_answers(self):
        answer = self.chat(max_tokens=5)
        self.assertEqual(answer.object, "chat.completion")
        self.assertEqual(answer.model, STACK.model)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(len(answer.choices[0].message.content.split()), 5)
        self.assertEqual(answer.usage.completion_tokens, 5)

    def test_chat_streams_the_same_text(self):
        chunks = list(self.chat(stream=True))
        self.assertEqual(stream_text(chunks), chat_text(self.sdk))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)

    def test_chat_stream_ends_with_usage(self):
        chunks = list(self.chat(stream=True, stream_options={"include_usage": True}))
        self.assertEqual(chunks[-1].choices, [])
        self.assertTrue(all(chunk.usage is None for chunk in chunks[:-1]))
        plain = self.chat().usage
        self.assertGreater(plain.prompt_tokens, 0)
        self.assertEqual(chunks[-1].usage.prompt_tokens, plain.prompt_tokens)
        self.assertEqual(chunks[-1].usage.completion_tokens, plain.completion_tokens)

    def test_tool_call_deltas_make_the_whole_call(self):
        plain = self.chat(tools=TOOLS).choices[0]
        self.assertEqual(plain.finish_reason, "tool_calls")
        name, arguments, finish = "", "", None
        for chunk in self.chat(tools=TOOLS, stream=True):
            finish = chunk.choices[0].finish_reason
            for call in chunk.choices[0].delta.tool_calls or []:
                name += call.function.name or ""
                arguments += call.function.arguments or ""
        self.assertEqual(finish, "tool_calls")
        self.assertEqual(name, "say")
        self.assertEqual(arguments, plain.message.tool_calls[0].function.arguments)
        self.assertEqual(list(json.loads(arguments)), ["text"])

    def test_the_stream_helper_collects_an_answer(self):
        with self.sdk.chat.completions.stream(model=STACK.model, messages=MESSAGES) as stream:
            final = stream.get_final_completion()
        self.assertEqual(final.choices[0].message.content, chat_text(self.sdk))

    def test_completions_stream_the_same_text(self):
        arguments = {"model": STACK.model, "prompt": "Once upon a time"}
        plain = self.sdk.completions.create(**arguments)
        self.assertEqual(plain.object, "text_completion")
        chunks = self.sdk.completions.create(**arguments, stream=True)
        text = "".join(chunk.choices[0].text for chunk in chunks)
        self.assertEqual(text, plain.choices[0].text)
        self.assertNotEqual(text, "")

    def test_responses_answer(self):
        answer = self.sdk.responses.create(model=STACK.model, input="Hello")
        self.assertEqual(answer.status, "completed")
        self.assertEqual(len(answer.output_text.split()), answer.usage.output_tokens)
        self.assertGreater(answer.usage.output_tokens, 0)

    def test_responses_stream_typed_events(self):
        plain = self.sdk.responses.create(model=STACK.model, input="Hello")
        events = list(self.sdk.responses.create(model=STACK.model, input="Hello", stream=True))
        self.assertEqual(events[0].type, "response.created")
        self.assertEqual(events[-1].type, "response.completed")
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), plain.output_text)
        self.assertEqual(events[-1].response.output_text, plain.output_text)

    def test_the_messages_api_answers_and_streams(self):
        url = STACK.router + "/v1/messages"
        body = {"model": STACK.model, "max_tokens": 64, "messages": MESSAGES}
        plain = http_json(url, body)
        self.assertEqual((plain["type"], plain["stop_reason"]), ("message", "end_turn"))
        names, text = [], ""
        with http(url, {**body, "stream": True}) as answer:
            self.assertEqual(answer.headers.get_content_type(), "text/event-stream")
            for line in answer.read().decode().splitlines():
                if line.startswith("event: "):
                    names.append(line.removeprefix("event: "))
                elif line.startswith("data: "):
                    event = json.loads(line.removeprefix("data: "))
                    if event["type"] == "content_block_delta":
                        text += event["delta"]["text"]
        self.assertEqual((names[0], names[-1]), ("message_start", "message_stop"))
        self.assertEqual(text, plain["content"][0]["text"])

    def test_an_alias_reaches_the_engine_as_its_model(self):
        request_id = str(uuid.uuid4())
        answer = self.chat(model=STACK.alias, extra_headers={"X-Request-Id": request_id})
        self.assertEqual(answer.choices[0].message.content, chat_text(self.sdk))
        [request] = recorded(request_id)
        self.assertEqual(json.loads(request["body"])["model"], STACK.model)
