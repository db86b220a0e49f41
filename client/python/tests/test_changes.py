"""Changes that take several calls: commit-confirmed, read-modify-write."""

import asyncio
import datetime

import grpc
import pytest
from fake_router import Refusal

import vllm_router_client as client
from vllm_router_client import AsyncRouterClient, v1

MINUTE = datetime.timedelta(seconds=60)
MUTATION = v1.ConfigMutation(delete_callback={"name": "callbacks/a"})
PENDING = v1.ApplyConfigResponse(change={"generation": 5, "pending_commit": {"commit_id": "c5"}})
STALE = Refusal(grpc.StatusCode.ABORTED, "ETAG_MISMATCH", {"name": "backends/a", "etag": "2"})


@pytest.fixture
def confirming(fake):
    fake.answers["ApplyConfig"] = [PENDING]
    fake.answers["ConfirmCommit"] = [v1.ConfirmCommitResponse()]
    fake.answers["CancelCommit"] = [v1.CancelCommitResponse()]
    return fake


def rpcs(fake):
    return [call.rpc for call in fake.calls]


def test_a_change_is_confirmed_after_the_body(router, confirming):
    with router.confirmed_change([MUTATION], confirm_within=MINUTE, base_generation=4,
                                 reason="why") as applied:
        assert applied.change.generation == 5
        assert rpcs(confirming) == ["ApplyConfig"]
    assert rpcs(confirming) == ["ApplyConfig", "ConfirmCommit"]
    request = confirming.requests("ApplyConfig")[0]
    assert list(request.mutations) == [MUTATION]
    assert request.confirm_within.seconds == 60
    assert (request.base_generation, request.reason) == (4, "why")
    assert confirming.requests("ConfirmCommit")[0].commit_id == "c5"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_change_is_taken_back_when_the_body_fails(router, confirming, error):
    with pytest.raises(error):
        with router.confirmed_change([MUTATION], confirm_within=MINUTE):
            raise error
    assert rpcs(confirming) == ["ApplyConfig", "CancelCommit"]
    assert confirming.requests("CancelCommit")[0].commit_id == "c5"


def test_the_bodys_error_wins(router, confirming, caplog):
    confirming.answers["CancelCommit"] = [Refusal(grpc.StatusCode.NOT_FOUND, "COMMIT_NOT_FOUND")]
    with pytest.raises(RuntimeError):
        with router.confirmed_change([MUTATION], confirm_within=MINUTE):
            raise RuntimeError
    assert "commit c5 could not be taken back" in caplog.text


def test_a_body_that_took_too_long(router, confirming):
    confirming.answers["ConfirmCommit"] = [Refusal(grpc.StatusCode.NOT_FOUND, "COMMIT_NOT_FOUND")]
    with pytest.raises(client.NotFoundError):
        with router.confirmed_change([MUTATION], confirm_within=MINUTE):
            pass
    assert rpcs(confirming) == ["ApplyConfig", "ConfirmCommit"]


@pytest.mark.parametrize("body_fails", [False, True])
def test_a_change_of_nothing_is_not_confirmed(router, confirming, body_fails):
    confirming.answers["ApplyConfig"] = [v1.ApplyConfigResponse(change={"generation": 4})]
    try:
        with router.confirmed_change([MUTATION], confirm_within=MINUTE):
            if body_fails:
                raise RuntimeError
    except RuntimeError:
        assert body_fails
    assert rpcs(confirming) == ["ApplyConfig"]


def test_a_refused_change_runs_no_body(router, confirming):
    confirming.answers["ApplyConfig"] = [
        Refusal(grpc.StatusCode.FAILED_PRECONDITION, "COMMIT_PENDING", {"commit_id": "c4"})]
    with pytest.raises(client.RefusedError):
        with router.confirmed_change([MUTATION], confirm_within=MINUTE):
            raise AssertionError("the body ran")
    assert rpcs(confirming) == ["ApplyConfig"]


def test_a_cancelled_task_takes_its_change_back(confirming):
    async def run():
        async with AsyncRouterClient(confirming.address) as router:
            inside = asyncio.Event()

            async def change():
                async with router.confirmed_change([MUTATION], confirm_within=MINUTE):
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.ensure_future(change())
            await inside.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())
    assert rpcs(confirming) == ["ApplyConfig", "CancelCommit"]


def read(etag, weight):
    return v1.GetBackendResponse(backend={"name": "backends/a", "etag": etag, "weight": weight})


def heavier(backend):
    backend.weight += 1


def test_an_edit_reads_again_when_somebody_was_faster(router, fake):
    fake.answers["GetBackend"] = [read("1", 10), read("2", 20)]
    fake.answers["UpdateBackend"] = [STALE, v1.UpdateBackendResponse(change={"generation": 8})]
    answer = router.edit_backend("backends/a", heavier, reason="why")
    assert answer.change.generation == 8
    assert [r.name for r in fake.requests("GetBackend")] == ["backends/a"] * 2
    first, second = fake.requests("UpdateBackend")
    assert (first.backend.etag, first.backend.weight) == ("1", 11)
    assert (second.backend.etag, second.backend.weight) == ("2", 21)
    assert list(second.update_mask.paths) == ["*"]
    assert second.reason == "why"
    assert first.request_id != second.request_id


def test_an_edit_gives_up(router, fake):
    fake.answers["GetBackend"] = [read("1", 10)]
    fake.answers["UpdateBackend"] = [STALE]
    with pytest.raises(client.ConflictError):
        router.edit_backend("backends/a", heavier, attempts=3)
    assert len(fake.requests("UpdateBackend")) == 3
    with pytest.raises(ValueError):
        router.edit_backend("backends/a", heavier, attempts=0)


def test_an_edit_passes_errors_on(router, fake):
    fake.answers["GetBackend"] = [read("1", 10)]
    with pytest.raises(ZeroDivisionError):
        router.edit_backend("backends/a", lambda backend: 1 / 0)
    fake.answers["UpdateBackend"] = [Refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELDS")]
    with pytest.raises(client.InvalidRequestError):
        router.edit_backend("backends/a", heavier)
    assert len(fake.requests("UpdateBackend")) == 1


@pytest.mark.parametrize("kind, get, update, field", [
    ("routing_policy", "GetRoutingPolicy", "SetRoutingPolicy", "routing_policy"),
    ("callback", "GetCallback", "UpdateCallback", "callback"),
    ("model_alias", "GetModelAlias", "UpdateModelAlias", "model_alias"),
    ("limits", "GetLimits", "UpdateLimits", "limits"),
])
def test_every_kind_can_be_edited(router, fake, kind, get, update, field):
    fake.answers[get] = [getattr(v1, f"{get}Response")(**{field: {"name": "n", "etag": "1"}})]
    fake.answers[update] = [getattr(v1, f"{update}Response")()]
    router_edit = getattr(router, f"edit_{kind}")
    router_edit("n", lambda resource: setattr(resource, "name", "changed"), validate_only=True)
    sent = fake.requests(update)[0]
    assert (getattr(sent, field).name, getattr(sent, field).etag) == ("changed", "1")
    assert sent.validate_only
