"""Streams: resuming, beginning anew, refusals, closing."""

import asyncio
import gc
import threading

import grpc
import pytest
from conftest import QUICK
from fake_router import HANG, UNAVAILABLE, FakeRouter, Refusal

import vllm_router_client as client
from vllm_router_client import AsyncRouterClient, RouterClient, Watch, _watch_state, v1
from vllm_router_client._watch_state import WatchState

EXPIRED = Refusal(grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")


def config(token, generation=1):
    return v1.WatchConfigResponse(resume_token=token, generation=generation, bookmark={})


def tokens(fake, rpc="WatchConfig"):
    return [request.resume_token for request in fake.requests(rpc)]


def test_a_broken_stream_goes_on_behind_the_last_message(router, fake):
    fake.answers["WatchConfig"] = [
        [config("a"), config("b"), UNAVAILABLE],
        [UNAVAILABLE],
        [config("c"), HANG],
    ]
    with_kinds = router.watch_config(kinds=["RESOURCE_KIND_BACKEND"])
    events = [with_kinds.next(30) for _ in range(3)]
    assert [event.message.resume_token for event in events] == ["a", "b", "c"]
    assert not any(event.restarted for event in events)
    assert tokens(fake) == ["", "b", "b"]
    assert all(r.kinds == [v1.RESOURCE_KIND_BACKEND] for r in fake.requests("WatchConfig"))
    assert with_kinds.resume_token == "c"
    assert with_kinds.restarts == 0
    with_kinds.close()


@pytest.mark.parametrize("end", [
    None, *(Refusal(code) for code in (
        grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN))],
    ids=["politely", "CANCELLED", "INTERNAL", "UNKNOWN"])
def test_a_stream_that_was_well_is_opened_again(router, fake, end):
    fake.answers["WatchAuditEvents"] = [
        [v1.WatchAuditEventsResponse(resume_token="a"), *([end] if end else [])],
        [v1.WatchAuditEventsResponse(resume_token="b"), HANG],
    ]
    watch = router.watch_audit_events()
    assert [watch.next(30).message.resume_token for _ in range(2)] == ["a", "b"]
    assert tokens(fake, "WatchAuditEvents") == ["", "a"]
    watch.close()


def test_an_expired_token_begins_anew_and_says_so(router, fake):
    fake.answers["WatchConfig"] = [
        [config("a"), UNAVAILABLE], [EXPIRED], [config("s", 9), config("t", 10), HANG]]
    watch = router.watch_config()
    events = [watch.next(30) for _ in range(3)]
    assert [event.restarted for event in events] == [False, True, False]
    assert [event.message.generation for event in events] == [1, 9, 10]
    assert tokens(fake) == ["", "a", ""]
    assert watch.restarts == 1
    watch.close()


def test_a_callers_token_may_have_expired(router, fake):
    fake.answers["WatchConfig"] = [[EXPIRED], [config("s"), HANG]]
    watch = router.watch_config(resume_token="old")
    assert watch.next(30).restarted
    assert tokens(fake) == ["old", ""]
    watch.close()


def test_expired_without_a_token_is_an_error(router, fake):
    fake.answers["WatchConfig"] = [[EXPIRED]]
    with pytest.raises(client.RouterError) as caught:
        router.watch_config().next(30)
    assert caught.value.reason == "RESUME_TOKEN_EXPIRED"


def test_statistics_begin_anew_after_a_break(router, fake):
    first = v1.WatchStatsResponse(sequence=1, snapshot={})
    fake.answers["WatchStats"] = [
        [UNAVAILABLE], [first, v1.WatchStatsResponse(sequence=2), UNAVAILABLE], [UNAVAILABLE],
        [first, v1.WatchStatsResponse(sequence=2), HANG]]
    watch = router.watch_stats(scopes=["STATS_SCOPE_ROUTER"])
    events = [watch.next(30) for _ in range(4)]
    assert [event.message.sequence for event in events] == [1, 2, 1, 2]
    assert [event.restarted for event in events] == [False, False, True, False]
    assert watch.restarts == 1
    watch.close()


def test_a_refusal_is_final(router, fake):
    fake.answers["WatchConfig"] = [
        [config("a"), Refusal(grpc.StatusCode.PERMISSION_DENIED, "ROLE_INSUFFICIENT")]]
    watch = router.watch_config()
    watch.next(30)
    for _ in range(2):
        with pytest.raises(client.PermissionDeniedError):
            watch.next(30)
    with pytest.raises(client.PermissionDeniedError):
        list(watch)
    assert len(fake.calls) == 1


def test_a_router_that_was_never_there_is_an_error(router, fake):
    fake.answers["WatchConfig"] = [[UNAVAILABLE]]
    with pytest.raises(client.UnreachableError):
        router.watch_config().next(30)
    assert len(fake.calls) == QUICK.max_attempts


def test_a_router_that_goes_away_is_waited_for(connect, fake):
    fake.answers["WatchConfig"] = [[config("a"), UNAVAILABLE]] + [[UNAVAILABLE]] * 20 + [
        [config("b"), HANG]]
    watch = connect(fake.address).watch_config()
    assert [watch.next(30).message.resume_token for _ in range(2)] == ["a", "b"]
    watch.close()


def test_a_stream_survives_a_new_router(connect, fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]
    watch = connect(fake.address).watch_config()
    assert watch.next(30).message.resume_token == "a"
    fake.stop()
    again = FakeRouter(fake.address)
    try:
        again.answers["WatchConfig"] = [[config("b"), HANG]]
        assert watch.next(30).message.resume_token == "b"
        assert tokens(again) == ["a"]
        watch.close()
    finally:
        again.stop()


def test_nothing_is_lost_when_no_message_came_in_time(router, fake):
    released = threading.Event()

    def stream():
        yield config("a")
        released.wait(30)
        yield config("b")
        yield HANG

    fake.answers["WatchConfig"] = [stream()]
    watch = router.watch_config()
    watch.next(30)
    with pytest.raises((TimeoutError, asyncio.TimeoutError)):
        watch.next(0.01)
    released.set()
    assert watch.next(30).message.resume_token == "b"
    assert len(fake.calls) == 1
    watch.close()


def test_a_silent_stream_is_given_up(router, fake, monkeypatch):
    monkeypatch.setattr(_watch_state, "_SHORTEST_SILENCE", 0.3)
    fake.answers["WatchStats"] = [[v1.WatchStatsResponse(sequence=1), HANG]]
    watch = router.watch_stats(min_interval={"nanos": 1})
    assert not watch.next(30).restarted
    assert watch.next(30).restarted
    assert fake.calls[0].ended.wait(30)
    watch.close()


def test_how_long_a_stream_may_be_silent():
    def longest(rpc, **request):
        return WatchState(rpc, getattr(v1, f"{rpc}Request")(**request),
                          getattr(v1, f"{rpc}Response"), QUICK).longest_silence

    assert longest("WatchConfig") == 90
    assert longest("WatchConfig", bookmark_interval={"seconds": 60}) == 180
    assert longest("WatchStats", min_interval={"seconds": 1}) == 15


def test_closing_ends_the_iteration_and_the_stream(router, fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]
    watch = router.watch_config()
    next(watch)
    watch.close()
    watch.close()
    assert watch.closed
    assert list(watch) == []
    with pytest.raises(client.RouterError) as caught:
        watch.next()
    assert caught.value.code == grpc.StatusCode.CANCELLED
    assert fake.calls[0].ended.wait(30)


def test_closing_from_another_thread(fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]
    seen = []
    with RouterClient(fake.address) as router:
        watch = router.watch_config()
        first = threading.Event()

        def consume():
            for event in watch:
                seen.append(event.message.resume_token)
                first.set()

        consumer = threading.Thread(target=consume)
        consumer.start()
        assert first.wait(30)
        watch.close()
        consumer.join(30)
        assert not consumer.is_alive()
    assert seen == ["a"]


def test_closing_while_the_router_is_away(fake):
    fake.answers["WatchConfig"] = [[config("a"), UNAVAILABLE]]
    with RouterClient(fake.address, retry=client.RetryOptions(initial_backoff=3600,
                                                              max_backoff=3600)) as router:
        with router.watch_config() as watch:
            next(watch)
            consumer = threading.Thread(target=lambda: list(watch))
            consumer.start()
            watch.close()
            consumer.join(30)
            assert not consumer.is_alive()


def test_closing_the_client_ends_its_watches(connect, fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]
    router = connect(fake.address)
    watch = router.with_timeout(1).watch_config()
    next(watch)
    router.close()
    assert list(watch) == []


def test_a_dropped_watch_leaves_no_stream(fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]
    with RouterClient(fake.address) as router:
        watch = router.watch_config()
        next(watch)
        del watch
        gc.collect()
        assert fake.calls[0].ended.wait(30)


class OneByOne:
    """A stream as gRPC gives it, that counts how many messages were asked for."""

    def __init__(self):
        self.asked = 0

    def __iter__(self):
        return self

    def __next__(self):
        self.asked += 1
        return config(str(self.asked))

    def cancel(self):
        pass


def test_a_slow_consumer_is_a_slow_reader_to_the_router():
    stream = OneByOne()
    state = WatchState("WatchConfig", v1.WatchConfigRequest(), v1.WatchConfigResponse, QUICK)
    with Watch(state, lambda request: stream) as watch:
        for number in (1, 2, 3):
            assert watch.next(30).message.resume_token == str(number)
            with watch._changed:
                assert watch._changed.wait_for(lambda: watch._reader.ready, 30)
                assert stream.asked == number + 1


def test_being_cancelled_loses_nothing(fake):
    released = threading.Event()

    def stream():
        yield config("a")
        released.wait(30)
        yield config("b")
        yield HANG

    async def run():
        async with AsyncRouterClient(fake.address) as router, router.watch_config() as watch:
            await watch.next()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(watch.__anext__(), 0.01)
            released.set()
            async for event in watch:
                return event.message.resume_token

    fake.answers["WatchConfig"] = [stream()]
    assert asyncio.run(run()) == "b"
    assert len(fake.calls) == 1


def test_closing_from_another_task(fake):
    fake.answers["WatchConfig"] = [[config("a"), HANG]]

    async def run():
        async with AsyncRouterClient(fake.address) as router:
            watch = router.watch_config()
            first = asyncio.Event()

            async def consume():
                async for _ in watch:
                    first.set()

            consumer = asyncio.ensure_future(consume())
            await first.wait()
            await watch.aclose()
            await asyncio.wait_for(consumer, 30)

    asyncio.run(run())
