"""How a router is reached: addresses, tokens, TLS."""

import grpc
import pytest
from conftest import QUICK
from fake_router import UNAVAILABLE, FakeRouter

import vllm_router_client as client
from vllm_router_client import RetryOptions, RouterClient, TlsOptions, v1
from vllm_router_client._errors import ErrorDetails, RouterError
from vllm_router_client._retry import Backoff



def answering(**options):
    router = FakeRouter(**options)
    router.answers["GetLimits"] = [v1.GetLimitsResponse()]
    return router


@pytest.mark.parametrize("name", ["admin.sock", "100%25 #1?.sock"])
def test_a_unix_socket(connect, tmp_path, name):
    fake = answering(address=f"unix:{tmp_path}/{name}")
    assert (tmp_path / name).is_socket()
    try:
        connect(fake.address, token="secret").get_limits()
        assert fake.calls[0].metadata["authorization"] == "Bearer secret"
    finally:
        fake.stop()


def test_ipv6(connect):
    try:
        fake = answering(address="[::1]:0")
    except RuntimeError:
        pytest.skip("this machine has no IPv6")
    try:
        connect(f"[::1]:{fake.port}", token="secret").get_limits()
    finally:
        fake.stop()


def test_no_token_and_a_user_agent(connect, fake):
    fake.answers["GetLimits"] = [v1.GetLimitsResponse()]
    connect(fake.address, user_agent="tool/1").get_limits()
    assert "authorization" not in fake.calls[0].metadata
    assert fake.calls[0].metadata["user-agent"].startswith("tool/1 ")


def test_a_rotated_token_is_used_at_once(connect, fake, tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    router = connect(fake.address, token_file=file)
    fake.answers["GetLimits"] = [v1.GetLimitsResponse()]
    router.get_limits()
    file.write_text("new\n")
    router.get_limits()
    assert [c.metadata["authorization"] for c in fake.calls] == ["Bearer old", "Bearer new"]
    file.write_text("\n")
    with pytest.raises(ValueError, match="holds no token"):
        router.get_limits()
    with pytest.raises(ValueError, match="holds no token"):
        router.watch_config().next()


@pytest.mark.parametrize("options, error", [
    ({"address": ""}, "address is empty"),
    ({"token": "a", "token_file": "b"}, "exclude each other"),
    ({"token": "a\nb"}, "characters that no token has"),
    ({"tls": TlsOptions(cert_file="a")}, "needs both"),
    ({"timeout": 0}, "above 0"),
    ({"address": "10.0.0.1:50051", "token": "a"}, "in plain text"),
    ({"address": "127.example.org:50051", "token": "a"}, "in plain text"),
    ({"address": "[2001:db8::1]:50051", "token": "a"}, "in plain text"),
])
def test_contradicting_options_are_refused(options, error):
    with pytest.raises(ValueError, match=error):
        RouterClient(**options)


@pytest.mark.parametrize("options", [
    {"address": "127.1.2.3:1"}, {"address": "localhost:1"}, {"address": "[::1]:1"},
    {"address": "unix:/x"}, {"address": "10.0.0.1:1", "token_in_plain_text": True},
    {"address": "10.0.0.1:1", "tls": TlsOptions()}])
def test_where_a_token_may_go(options):
    RouterClient(token="secret", **options).close()


@pytest.mark.parametrize("options", [
    {"token_file": "/nowhere/token"}, {"tls": TlsOptions(ca_file="/nowhere/ca.pem")}])
def test_files_that_are_not_there(options):
    with pytest.raises(FileNotFoundError):
        RouterClient(**options)


@pytest.mark.parametrize("options", [
    {"max_attempts": 0}, {"multiplier": 0.5}, {"initial_backoff": 2, "max_backoff": 1},
    {"initial_backoff": -1}])
def test_retry_options_that_make_no_sense(options):
    with pytest.raises(ValueError):
        RetryOptions(**options)


def test_the_waits_between_attempts():
    options = RetryOptions(initial_backoff=1, max_backoff=3)
    error = RouterError(ErrorDetails(grpc.StatusCode.UNAVAILABLE, ""))
    come_back = RouterError(ErrorDetails(grpc.StatusCode.UNAVAILABLE, "", retry_delay=60.0))
    backoff = Backoff(options, share=lambda: 0.5)
    assert [backoff.next(error) for _ in range(3)] == [0.5, 1, 1.5]
    assert backoff.next(come_back) == 60
    backoff.reset()
    assert backoff.next(error) == 0.5
    assert all(0.5 <= Backoff(options).next(error) <= 1 for _ in range(100))


@pytest.fixture
def secure(certificates):
    def read(name):
        return (certificates / name).read_bytes()

    router = answering(credentials=grpc.ssl_server_credentials(
        [(read("server.key"), read("server.pem"))], read("ca.pem"), require_client_auth=True))
    yield router
    router.stop()


def tls(folder, ca="ca", identity="client", server_name="router.test"):
    return TlsOptions(ca_file=folder / f"{ca}.pem", cert_file=folder / f"{identity}.pem",
                      key_file=folder / f"{identity}.key", server_name=server_name)


def test_tls_with_a_client_certificate(connect, secure, certificates):
    connect(secure.address, tls=tls(certificates), token="secret").get_limits()
    assert secure.calls[0].metadata["authorization"] == "Bearer secret"


@pytest.mark.parametrize("wrong", [
    {"ca": "other-ca"}, {"identity": "other"}, {"server_name": "elsewhere.test"}])
def test_a_wrong_certificate_makes_no_connection(connect, secure, certificates, wrong):
    router = connect(secure.address, tls=tls(certificates, **wrong), retry=QUICK)
    with pytest.raises(client.UnreachableError):
        router.get_limits()
    assert secure.calls == []


def test_plain_text_towards_tls_makes_no_connection(connect, secure):
    with pytest.raises(client.UnreachableError):
        connect(secure.address).get_limits()


def test_retries_can_be_turned_off(connect, fake):
    fake.answers["GetLimits"] = [UNAVAILABLE]
    with pytest.raises(client.UnreachableError):
        connect(fake.address, retry=RetryOptions(max_attempts=1)).get_limits()
    assert len(fake.calls) == 1
