"""Which exception an SDK makes of each refusal and failure, and how often it asks before."""

import unittest
import uuid

import openai
from support import MESSAGES, STACK, client, control, recorded, stats, total


def ask(sdk, fault=None, **more):
    headers = {"X-Fake-Fault": fault} if fault else {}
    return sdk.chat.completions.create(
        **{"model": STACK.model, "messages": MESSAGES, "extra_headers": headers, **more})


def counting_client(statuses, **changes):
    """Its answers' statuses, those before retries included, go to the list."""
    hook = {"response": [lambda response: statuses.append(response.status_code)]}
    return client(http_client=openai.DefaultHttpxClient(event_hooks=hook), **changes)


class Errors(unittest.TestCase):
    def raised(self, kind, call, sdk):
        self.addCleanup(sdk.close)
        with self.assertRaises(openai.APIError) as caught:
            call(sdk)
        self.assertIs(type(caught.exception), kind)
        return caught.exception

    def assert_error(self, error, status, code, param=None):
        self.assertEqual((error.status_code, error.code, error.param), (status, code, param))

    def assert_asked_three_times(self, fault, kind, status):
        before = total("requests")
        request_id = str(uuid.uuid4())
        headers = {"X-Fake-Fault": fault, "X-Request-Id": request_id}
        error = self.raised(
            kind, lambda sdk: ask(sdk, extra_headers=headers), client(max_retries=2))
        self.assertEqual(error.status_code, status)
        self.assertEqual(error.response.headers["Retry-After"], "1")
        self.assertEqual(total("requests") - before, 3)
        counts = [request["headers"]["x-stainless-retry-count"] for request in recorded(request_id)]
        self.assertEqual(sorted(counts), ["0", "1", "2"])

    def test_an_unknown_model_is_not_found(self):
        before = total("requests")
        error = self.raised(
            openai.NotFoundError, lambda sdk: ask(sdk, model="nobody/knows"), client())
        self.assert_error(error, 404, "model_not_found", "model")
        self.assertEqual(error.type, "invalid_request_error")
        self.assertIn("Model 'nobody/knows' not found", error.message)
        self.assertEqual(total("requests"), before)

    def test_the_card_of_an_unknown_model_is_not_found(self):
        error = self.raised(
            openai.NotFoundError, lambda sdk: sdk.models.retrieve("nobody/knows"), client())
        self.assert_error(error, 404, "model_not_found", "model")

    def test_a_body_without_a_model_is_a_bad_request(self):
        error = self.raised(
            openai.BadRequestError,
            lambda sdk: sdk.post("/chat/completions", body={"messages": MESSAGES}, cast_to=object),
            client(max_retries=2))
        self.assert_error(error, 400, "missing_required_parameter", "model")
        self.assertIn("missing 'model'", error.message)

    def test_a_model_that_is_no_string_is_a_bad_request(self):
        error = self.raised(openai.BadRequestError, lambda sdk: ask(sdk, model=5), client())
        self.assert_error(error, 400, "invalid_type", "model")

    def test_a_bad_request_of_the_engine_passes_through(self):
        before = total("requests")
        error = self.raised(
            openai.BadRequestError, lambda sdk: ask(sdk, "status:400"), client(max_retries=2))
        self.assertEqual(error.status_code, 400)
        self.assertEqual(total("requests") - before, 1)

    def test_a_wrong_key_is_an_authentication_error(self):
        before = total("requests")
        error = self.raised(
            openai.AuthenticationError, ask,
            client(base_url=STACK.keyed_router + "/v1", api_key="sk-wrong", max_retries=2))
        self.assert_error(error, 401, "invalid_api_key")
        self.assertIn("Incorrect API key", error.message)
        self.assertEqual(total("requests"), before)

    def test_the_right_key_is_served_and_stays_here(self):
        request_id = str(uuid.uuid4())
        sdk = client(base_url=STACK.keyed_router + "/v1", api_key=STACK.api_key)
        self.addCleanup(sdk.close)
        self.assertTrue(ask(sdk, extra_headers={"X-Request-Id": request_id}).choices)
        [request] = recorded(request_id)
        self.assertNotIn(STACK.api_key, request["head"])

    def test_a_429_of_the_engine_is_retried_and_then_a_rate_limit_error(self):
        self.assert_asked_three_times("status:429", openai.RateLimitError, 429)

    def test_a_503_of_the_engine_is_retried_and_then_an_internal_server_error(self):
        self.assert_asked_three_times("status:503", openai.InternalServerError, 503)

    def test_a_retry_that_is_answered_hides_two_failures(self):
        # One failure at each engine: in turn, the first two requests meet one, the third none.
        for engine in STACK.engines:
            control(engine, fault="status:500", fault_times=1)
        statuses = []
        with counting_client(statuses, max_retries=2) as sdk:
            self.assertTrue(ask(sdk).choices)
        self.assertEqual(statuses, [500, 500, 200])

    def test_engines_that_are_down_are_an_internal_server_error(self):
        statuses = []
        error = self.raised(
            openai.InternalServerError, lambda sdk: ask(sdk, model=STACK.down_model),
            counting_client(statuses, max_retries=2))
        self.assert_error(error, 502, "backend_connect_failed")
        self.assertEqual(error.message.count("127.0.0.1"), 0)
        self.assertEqual(statuses, [502, 502, 502])

    def test_one_failing_engine_is_covered_by_the_other(self):
        failing = STACK.engines[0]
        before = stats(failing)["faults"]
        self.addCleanup(control, failing, fault="none")
        control(failing, fault="reset-before-head")
        with client() as sdk:
            for _ in range(4):
                self.assertTrue(ask(sdk).choices)
        self.assertGreaterEqual(stats(failing)["faults"] - before, 1)
