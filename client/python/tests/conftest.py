import asyncio
import contextlib
import inspect
import os

import pytest

# Before gRPC is loaded. Tests start programs (mypy, routers) beside running servers: the children
# have no use for gRPC's handlers around fork(), which can crash them.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from fake_router import FakeRouter

from vllm_router_client import AsyncRouterClient, AsyncWatch, RetryOptions, RouterClient

# Retries are quick, and there is no randomness in how many there are.
QUICK = RetryOptions(max_attempts=4, initial_backoff=0.001, max_backoff=0.002)


@pytest.fixture
def fake():
    router = FakeRouter()
    yield router
    router.stop()


class Blocking:
    """An AsyncRouterClient or AsyncWatch that is used as its sibling for threads is, so that one
    test serves for both."""

    def __init__(self, loop, wrapped):
        self._loop = loop
        self._wrapped = wrapped

    def __getattr__(self, name):
        member = getattr(self._wrapped, "aclose" if name == "close" else name)
        return self._adapt(member) if callable(member) else member

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self._loop.run_until_complete(self._wrapped.__anext__())
        except StopAsyncIteration:
            raise StopIteration from None

    def _adapt(self, member):
        def call(*args, **kwargs):
            result = member(*args, **kwargs)
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(result)
            if isinstance(result, (AsyncRouterClient, AsyncWatch)):
                return Blocking(self._loop, result)
            if isinstance(result, contextlib.AbstractAsyncContextManager):
                return self._context(result)
            return result

        return call

    @contextlib.contextmanager
    def _context(self, manager):
        run = self._loop.run_until_complete
        value = run(manager.__aenter__())
        try:
            yield value
        except BaseException as error:
            if not run(manager.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            run(manager.__aexit__(None, None, None))


@pytest.fixture(params=["threads", "asyncio"])
def connect(request):
    """Makes a client of either kind, used in the same way."""
    clients = []
    loop = asyncio.new_event_loop()

    def make(address, **options):
        options.setdefault("retry", QUICK)
        if request.param == "threads":
            client = RouterClient(address, **options)
        else:
            client = Blocking(loop, AsyncRouterClient(address, **options))
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
    loop.close()


@pytest.fixture
def router(connect, fake):
    return connect(fake.address)
