"""Endpoints that do not generate text, the model list, and request ids."""

import base64
import json
import unittest
import uuid

import openai
from support import MESSAGES, STACK, client, recorded

SECONDS = 2
RECORDING = ("speech.wav", bytes(range(256)) * (SECONDS * 32000 // 256), "audio/wav")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Endpoints(unittest.TestCase):
    def setUp(self):
        self.sdk = client()
        self.addCleanup(self.sdk.close)
        self.request_id = str(uuid.uuid4())
        self.named = {"extra_headers": {"X-Request-Id": self.request_id}}

    def body_at_the_engine(self):
        [request] = recorded(self.request_id)
        return request

    def test_embeddings_as_floats(self):
        answer = self.sdk.embeddings.create(
            model=STACK.model, input=["one", "two"], encoding_format="float")
        self.assertEqual([item.index for item in answer.data], [0, 1])
        self.assertEqual([len(item.embedding) for item in answer.data], [16, 16])
        self.assertNotEqual(answer.data[0].embedding, answer.data[1].embedding)

    def test_embeddings_in_base64_by_default(self):
        arguments = {"model": STACK.model, "input": "one"}
        floats = self.sdk.embeddings.create(**arguments, encoding_format="float").data[0].embedding
        decoded = self.sdk.embeddings.create(**arguments, **self.named).data[0].embedding
        self.assertEqual(json.loads(self.body_at_the_engine()["body"])["encoding_format"], "base64")
        self.assertEqual(len(decoded), len(floats))
        for got, want in zip(decoded, floats):
            self.assertAlmostEqual(got, want, places=5)

    def test_a_transcription_of_an_upload_as_json(self):
        answer = self.sdk.audio.transcriptions.create(
            model=STACK.model, file=RECORDING, response_format="json", **self.named)
        self.assertGreater(len(answer.text.split()), 1)
        self.assertEqual(answer.usage.seconds, SECONDS)
        request = self.body_at_the_engine()
        self.assertIn("multipart/form-data; boundary=", request["headers"]["content-type"])
        self.assertGreater(request["body_bytes"], len(RECORDING[1]))

    def test_a_transcription_of_an_upload_as_text(self):
        arguments = {"model": STACK.model, "file": RECORDING}
        plain = self.sdk.audio.transcriptions.create(**arguments, response_format="text")
        whole = self.sdk.audio.transcriptions.create(**arguments, response_format="json")
        self.assertEqual(plain, whole.text + "\n")

    def test_speech_is_bytes(self):
        answer = self.sdk.audio.speech.create(
            model=STACK.model, voice="alloy", input="Hello", response_format="wav")
        sound = answer.read()
        self.assertEqual(answer.response.headers["content-type"], "audio/wav")
        self.assertEqual(sound[:4], b"RIFF")
        self.assertEqual(int.from_bytes(sound[4:8], "little") + 8, len(sound))

    def test_images_are_generated(self):
        answer = self.sdk.images.generate(
            model=STACK.model, prompt="a dot", n=2, response_format="b64_json")
        self.assertEqual(len(answer.data), 2)
        for image in answer.data:
            self.assertTrue(base64.b64decode(image.b64_json).startswith(PNG_SIGNATURE))

    def test_moderations_answer(self):
        answer = self.sdk.moderations.create(model=STACK.model, input=["fine", "also fine"])
        self.assertEqual([result.flagged for result in answer.results], [False, False])

    def test_models_are_listed(self):
        models = self.sdk.models.list()
        self.assertEqual(
            sorted(model.id for model in models),
            sorted([STACK.model, STACK.short_keep_alive_model, STACK.down_model]))

    def test_a_model_with_a_slash_is_retrieved(self):
        self.assertIn("/", STACK.model)
        model = self.sdk.models.retrieve(STACK.model)
        self.assertEqual((model.id, model.object), (STACK.model, "model"))

    def test_every_answer_has_a_request_id(self):
        answer = self.sdk.chat.completions.with_raw_response.create(
            model=STACK.model, messages=MESSAGES)
        first = answer.headers["X-Request-Id"]
        self.assertEqual(len(recorded(first)), 1)
        second = self.sdk.chat.completions.create(model=STACK.model, messages=MESSAGES)._request_id
        with self.assertRaises(openai.NotFoundError) as refusal:
            self.sdk.chat.completions.create(model="nobody", messages=MESSAGES)
        ids = {first, second, refusal.exception.request_id}
        self.assertNotIn(None, ids)
        self.assertEqual(len(ids), 3)

    def test_a_request_id_of_the_client_is_kept(self):
        answer = self.sdk.chat.completions.with_raw_response.create(
            model=STACK.model, messages=MESSAGES, **self.named)
        self.assertEqual(answer.headers["X-Request-Id"], self.request_id)
        self.assertEqual(self.body_at_the_engine()["method"], "POST")
