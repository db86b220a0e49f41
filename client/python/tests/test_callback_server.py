"""CallbackServer: addresses, TLS, limits, and how it ends."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import threading

import grpc
import pytest
from calling_router import CallingRouter, Scripted, Served

from vllm_router_client import v1
from vllm_router_client.callbacks import ServerTls


def test_one_call_too_many_fails_at_once(serve):
    entered, leave = threading.Event(), threading.Event()

    async def decide(request):
        entered.set()
        await asyncio.to_thread(leave.wait)

    router = serve(Scripted(decide), max_concurrent_calls=1)
    first = router.start_pre()
    assert entered.wait(30)
    with pytest.raises(grpc.RpcError) as failed:
        router.pre()
    assert failed.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    leave.set()
    first.result()


def test_a_unix_socket(serve, tmp_path):
    path = tmp_path / "with %41 and ?.sock"
    service = Scripted()
    serve(service, f"unix:{path}", private_socket=True).pre()
    assert service.requests
    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_socket_goes_with_its_server_and_a_stale_one_is_replaced(tmp_path):
    path = tmp_path / "service.sock"
    for _ in range(2):
        served = Served(Scripted(), f"unix:{path}")
        router = CallingRouter(served.address)
        router.pre()
        router.close()
        served.stop()
        assert not path.exists()
        os.mknod(path, stat.S_IFSOCK | 0o600)


def test_an_address_that_is_taken_is_an_error(serve):
    router = serve(Scripted())
    with pytest.raises(OSError, match="cannot listen on 127.0.0.1"):
        Served(Scripted(), router.address)
    with pytest.raises(OSError, match="cannot listen on unix:/nowhere/a.sock"):
        Served(Scripted(), "unix:/nowhere/a.sock")


def test_running_calls_have_a_grace():
    entered, cancelled = threading.Event(), threading.Event()

    async def decide(request):
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    served = Served(Scripted(decide), grace=0.1)
    router = CallingRouter(served.address)
    call = router.start_pre()
    assert entered.wait(30)
    served.stop()
    assert cancelled.is_set()
    with pytest.raises(grpc.RpcError):
        call.result()
    router.close()


def credentials(folder, identity=None):
    def read(name):
        return (folder / name).read_bytes()

    if identity is None:
        return grpc.ssl_channel_credentials(read("ca.pem"))
    return grpc.ssl_channel_credentials(read("ca.pem"), read(f"{identity}.key"),
                                        read(f"{identity}.pem"))


NAMED = [("grpc.ssl_target_name_override", "router.test")]


def test_tls(serve, certificates):
    tls = ServerTls(certificates / "server.pem", certificates / "server.key")
    service = Scripted()
    serve(service, tls=tls, credentials=credentials(certificates), channel=NAMED).pre()
    assert service.requests


def test_tls_with_client_certificates(serve, certificates):
    tls = ServerTls(certificates / "server.pem", certificates / "server.key",
                    client_ca_file=certificates / "ca.pem")
    service = Scripted()
    router = serve(service, tls=tls, credentials=credentials(certificates, "client"), channel=NAMED)
    router.pre()
    stranger = CallingRouter(router.address, credentials(certificates, "other"), NAMED)
    with pytest.raises(grpc.RpcError):
        stranger._pre(v1.PreRequestRequest(), timeout=30)
    stranger.close()
    assert len(service.requests) == 1


def test_a_certificate_that_is_not_there():
    with pytest.raises(FileNotFoundError):
        Served(Scripted(), tls=ServerTls("/nowhere/cert.pem", "/nowhere/key.pem"))


PROGRAM = """
import sys
from vllm_router_client.callbacks import Answer, CallbackService, serve

class Closed(CallbackService):
    async def pre_request(self, request):
        return Answer(403, "closed")

serve(Closed(), sys.argv[1])
print("ended in order")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_whole_program_ends_on_signals(tmp_path, number):
    address = f"unix:{tmp_path}/service.sock"
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, address], stdout=subprocess.PIPE,
                               text=True)
    router = CallingRouter(address, options=[("grpc.max_reconnect_backoff_ms", 100)])
    try:
        assert router.pre().answer.status == 403
    finally:
        router.close()
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "ended in order\n")
