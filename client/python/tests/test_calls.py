"""Calls with one answer: arguments, errors, retries, deadlines."""

import datetime
import pickle
import re
import socket
import threading
import uuid

import grpc
import pytest
from conftest import QUICK
from fake_router import HANG, SERVICE, UNAVAILABLE, FakeRouter, Refusal

import vllm_router_client as client
from vllm_router_client import RouterClient, v1


@pytest.mark.parametrize("method", list(SERVICE.methods), ids=lambda method: method.name)
def test_every_rpc_is_a_method(method):
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", method.name).lower()
    declared = getattr(RouterClient, name)
    assert declared.rpc == method.name
    assert declared.request_type.DESCRIPTOR is method.input_type
    assert declared.response_type.DESCRIPTOR is method.output_type
    assert type(declared).__name__ == ("Stream" if method.server_streaming else "Unary")


def test_arguments_are_the_fields_of_the_request(router, fake):
    fake.answers["DrainBackend"] = [v1.DrainBackendResponse(backend={"name": "backends/a"})]
    wanted = v1.DrainBackendRequest(name="backends/a", on_deadline=v1.ON_DRAIN_DEADLINE_ABORT)
    wanted.deadline.FromSeconds(30)
    wanted.request_id = "00000000-0000-4000-8000-000000000001"
    answer = router.drain_backend(
        name="backends/a", deadline=datetime.timedelta(seconds=30),
        on_deadline="ON_DRAIN_DEADLINE_ABORT", request_id=wanted.request_id)
    assert answer.backend.name == "backends/a"
    router.drain_backend("backends/a", deadline={"seconds": 30},
                         on_deadline=v1.ON_DRAIN_DEADLINE_ABORT, request_id=wanted.request_id)
    router.drain_backend(wanted)
    assert fake.requests("DrainBackend") == [wanted] * 3


def test_wrong_arguments_are_type_errors(router):
    with pytest.raises(TypeError, match="two values"):
        router.get_backend("backends/a", name="backends/b")
    with pytest.raises(TypeError, match="at most 1"):
        router.get_backend("backends/a", "backends/b")
    with pytest.raises(ValueError, match="nmae"):
        router.get_backend(nmae="backends/a")


@pytest.mark.parametrize("code, kind", [
    (grpc.StatusCode.INVALID_ARGUMENT, client.InvalidRequestError),
    (grpc.StatusCode.UNAUTHENTICATED, client.AuthenticationError),
    (grpc.StatusCode.PERMISSION_DENIED, client.PermissionDeniedError),
    (grpc.StatusCode.NOT_FOUND, client.NotFoundError),
    (grpc.StatusCode.ALREADY_EXISTS, client.AlreadyExistsError),
    (grpc.StatusCode.ABORTED, client.ConflictError),
    (grpc.StatusCode.FAILED_PRECONDITION, client.RefusedError),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, client.TooManyError),
    (grpc.StatusCode.UNAVAILABLE, client.UnreachableError),
    (grpc.StatusCode.DEADLINE_EXCEEDED, client.DeadlineExceededError),
    (grpc.StatusCode.UNIMPLEMENTED, client.UnsupportedError),
    (grpc.StatusCode.INTERNAL, client.RouterError),
], ids=lambda value: getattr(value, "name", ""))
def test_errors_have_a_kind(router, fake, code, kind):
    fake.answers["GetBackend"] = [Refusal(code, message="because")]
    with pytest.raises(client.RouterError) as caught:
        router.get_backend("backends/a")
    assert type(caught.value) is kind
    assert (caught.value.code, caught.value.message, caught.value.rpc) == (
        code, "because", "GetBackend")
    assert caught.value.reason == ""


def test_an_error_carries_what_the_router_says(router, fake):
    fake.answers["UpdateBackend"] = [Refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS", {"key": "value"},
        [("backend.url", "is no URL"), ("backend.weight", "is 0")],
        datetime.timedelta(milliseconds=1500))]
    with pytest.raises(client.InvalidRequestError) as caught:
        router.update_backend(backend={"name": "backends/a"})
    for error in caught.value, pickle.loads(pickle.dumps(caught.value)):
        assert error.reason == "INVALID_FIELDS"
        assert error.metadata == {"key": "value"}
        assert error.violations == (client.FieldViolation("backend.url", "is no URL"),
                                    client.FieldViolation("backend.weight", "is 0"))
        assert error.retry_delay == 1.5
        assert uuid.UUID(error.request_id)
        assert str(error) == ("UpdateBackend: INVALID_FIELDS: no\n  backend.url: is no URL\n"
                              "  backend.weight: is 0")


def test_a_conflict_says_what_is_there_now(router, fake):
    fake.answers["UpdateBackend"] = [Refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH",
                                             {"name": "backends/a", "etag": "new"})]
    fake.answers["ApplyConfig"] = [Refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH",
                                           {"generation": "7"})]
    with pytest.raises(client.ConflictError) as caught:
        router.update_backend(backend={"name": "backends/a", "etag": "old"})
    assert (caught.value.resource, caught.value.current_etag) == ("backends/a", "new")
    assert caught.value.current_generation is None
    with pytest.raises(client.ConflictError) as caught:
        router.apply_config(base_generation=6)
    assert (caught.value.resource, caught.value.current_etag) == ("", "")
    assert caught.value.current_generation == 7


def test_unreadable_details_do_no_harm(router, fake):
    refusal = Refusal(grpc.StatusCode.NOT_FOUND)
    refusal.details = b"\xff\xff\xff"
    fake.answers["GetBackend"] = [refusal]
    with pytest.raises(client.NotFoundError):
        router.get_backend("backends/a")


def test_a_read_is_repeated(router, fake):
    fake.answers["GetLimits"] = [UNAVAILABLE, UNAVAILABLE, v1.GetLimitsResponse()]
    router.get_limits()
    assert len(fake.calls) == 3


def test_a_change_is_repeated_under_one_id(router, fake):
    fake.answers["CreateBackend"] = [UNAVAILABLE, v1.CreateBackendResponse()]
    request = v1.CreateBackendRequest(backend={"url": "http://a"})
    router.create_backend(request)
    router.create_backend(request)
    first, again, second = [r.request_id for r in fake.requests("CreateBackend")]
    assert first == again != second
    assert uuid.UUID(first).version == 4
    assert request.request_id == ""  # the caller's message stays as it is


def test_a_given_request_id_is_kept(router, fake):
    fake.answers["CreateBackend"] = [v1.CreateBackendResponse()]
    router.create_backend(request_id="mine")
    assert fake.requests("CreateBackend")[0].request_id == "mine"


@pytest.mark.parametrize("method", ["probe_backend", "test_callback", "renew_callback_lease"])
def test_a_change_without_an_id_is_made_once(router, fake, method):
    fake.answers["".join(word.title() for word in method.split("_"))] = [UNAVAILABLE]
    with pytest.raises(client.UnreachableError):
        getattr(router, method)(name="x")
    assert len(fake.calls) == 1


@pytest.mark.parametrize("refusal, calls", [
    (UNAVAILABLE, QUICK.max_attempts),
    (Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS",
             retry_delay=datetime.timedelta(milliseconds=1)), QUICK.max_attempts),
    (Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED), 1),
    (Refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"), 1),
    (Refusal(grpc.StatusCode.UNKNOWN), 1),
    (Refusal(grpc.StatusCode.UNAVAILABLE, retry_delay=datetime.timedelta(hours=1)), 1),
], ids=["unavailable", "come back", "exhausted", "conflict", "unknown", "come back too late"])
def test_what_is_repeated_and_how_often(router, fake, refusal, calls):
    fake.answers["SetLogLevel"] = [refusal]
    with pytest.raises(client.RouterError) as caught:
        router.set_log_level("LOG_LEVEL_DEBUG")
    assert caught.value.code == refusal.code
    assert len(fake.calls) == calls


def test_no_answer_in_time(router, fake):
    fake.answers["Shutdown"] = [HANG]
    with pytest.raises(client.DeadlineExceededError) as caught:
        router.with_timeout(0.5).shutdown()
    # What tells, later, what became of it.
    assert caught.value.request_id == fake.requests("Shutdown")[0].request_id != ""
    assert fake.calls[0].time_remaining < 1


def test_calls_have_a_deadline(router, fake):
    fake.answers["GetLimits"] = [v1.GetLimitsResponse()]
    router.get_limits()
    router.with_timeout(100).get_limits()
    # On the wire a deadline is rounded up by at most 1 %.
    assert 5 < fake.calls[0].time_remaining <= 10.1
    assert 90 < fake.calls[1].time_remaining <= 101


def test_nobody_listens(connect):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else gets the port
        router = connect(f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(client.UnreachableError):
            router.get_limits()


def test_a_router_that_comes_later_is_found(connect, fake):
    router = connect(fake.address)
    fake.answers["GetLimits"] = [v1.GetLimitsResponse()]
    router.get_limits()
    fake.stop()
    with pytest.raises(client.UnreachableError):
        router.get_limits()
    again = FakeRouter(fake.address)
    again.answers["GetLimits"] = [v1.GetLimitsResponse()]
    try:
        connect(fake.address, retry=client.RetryOptions(max_attempts=50)).get_limits()
    finally:
        again.stop()


def test_a_closed_client_makes_no_calls(connect, fake):
    router = connect(fake.address)
    router.close()
    router.close()
    for call in (router.get_limits, router.watch_config, router.with_timeout(1).get_limits):
        with pytest.raises(ValueError, match="closed"):
            call()


def test_closing_ends_calls_of_other_threads(fake):
    fake.answers["GetLimits"] = [HANG]
    router = RouterClient(fake.address)
    closer = threading.Thread(target=lambda: (fake.wait_for_call("GetLimits"), router.close()))
    closer.start()
    with pytest.raises(client.RouterError) as caught:
        router.get_limits()
    assert caught.value.code == grpc.StatusCode.CANCELLED
    closer.join()
