import asyncio
import contextlib
import inspect
import os
import subprocess
import textwrap
import time

import pytest
import trustme

# Before gRPC is loaded. Tests start programs (mypy, routers) beside running servers: the children
# have no use for gRPC's handlers around fork(), which can crash them.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from calling_router import CallingRouter, Served
from fake_router import FakeRouter
from hosting import DECIDING, Host

from vllm_router_client import (AsyncRouterClient, AsyncWatch, RetryOptions, RouterClient,
                                RouterError)

# Retries are quick, and there is no randomness in how many there are.
QUICK = RetryOptions(max_attempts=4, initial_backoff=0.001, max_backoff=0.002)
# While it starts there is nothing to connect to yet.
STARTING = RetryOptions(max_attempts=10_000, initial_backoff=0.02, max_backoff=0.1)


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


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """ca.pem signed server.pem, client.pem; other-ca.pem signed other.pem; keys beside them."""
    folder = tmp_path_factory.mktemp("certificates")
    ca, other_ca = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(folder / "ca.pem")
    other_ca.cert_pem.write_to_path(folder / "other-ca.pem")
    for authority, name, identity in [
            (ca, "server", "router.test"), (ca, "client", "operator.test"),
            (other_ca, "other", "operator.test")]:
        made = authority.issue_cert(identity)
        made.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        made.private_key_pem.write_to_path(folder / f"{name}.key")
    return folder


@pytest.fixture(scope="session")
def binary():
    path = os.environ.get("VLLM_ROUTER_BINARY", "")
    if not path:
        pytest.skip("VLLM_ROUTER_BINARY names no router")
    # Named and not there is an error, not a reason to skip.
    assert os.access(path, os.X_OK), f"{path} is no program"
    return path


@pytest.fixture
def start(binary, tmp_path):
    """Starts a router on a unix socket, waits until it answers the client with these options, and
    returns a function that makes further clients."""
    started = []
    clients = []

    def run(*flags, **options):
        address = f"unix:{tmp_path}/admin.sock"
        log = open(tmp_path / "router.log", "w")
        process = subprocess.Popen(
            [binary, "--host", "127.0.0.1", "--port", "0", "--service-discovery", "static",
             "--static-backends", "http://127.0.0.1:9", "--static-models", "m", "--routing-logic", "roundrobin",
             "--drain-delay-seconds", "0", "--admin-address", address, *flags],
            stdout=log, stderr=subprocess.STDOUT)
        started.append((process, log))

        def connect(**others):
            made = RouterClient(address, **others)
            clients.append(made)
            return made

        first = connect(timeout=1, retry=STARTING, **options)
        give_up = time.monotonic() + 30
        while True:
            try:
                first.get_server_info()
                return connect
            except RouterError as error:
                gone = process.poll() is not None
                if gone or time.monotonic() > give_up:
                    pytest.fail(f"{error}\nThe router {'has ended' if gone else 'runs'}:\n"
                                + (tmp_path / "router.log").read_text())

    yield run
    for made in clients:
        made.close()
    for process, log in started:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            log.close()


@pytest.fixture
def serve():
    """Serves a service and returns a router that calls it."""
    ends = []

    def run(service, address="127.0.0.1:0", *, credentials=None, channel=(), **options):
        served = Served(service, address, **options)
        ends.append(served.stop)
        router = CallingRouter(served.address, credentials, channel)
        router.address = served.address
        ends.append(router.close)
        return router

    yield run
    for end in reversed(ends):
        end()


@pytest.fixture
def host(tmp_path):
    """Starts the callback host with this text as the module `handlers`, in a folder of its own."""
    with contextlib.ExitStack() as ends:
        def start(source, instance="handlers.handler", **options):
            (tmp_path / "handlers.py").write_text(textwrap.dedent(source))
            started = Host(tmp_path, instance, **options)
            ends.callback(started.end)
            return started

        yield start


@pytest.fixture
def deciding(host):
    """Starts a host whose pre_request consists of these statements."""
    def start(decide, **options):
        started = host(DECIDING.format(decide=decide.replace("\n", "\n" + " " * 12)), **options)
        started.ready()
        return started

    return start
