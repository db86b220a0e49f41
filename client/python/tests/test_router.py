"""The library against a real router, whose binary VLLM_ROUTER_BINARY names."""

import hashlib
from datetime import timedelta

import grpc
import pytest
import trustme
from fake_router import SERVICE
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

import vllm_router_client as client
from vllm_router_client import TlsOptions, v1

ENGINE = "http://127.0.0.1:9"  # what the fixture `start` gives its router
TOKENS = {"viewer": "token-of-a-viewer", "operator": "token-of-an-operator",
          "admin": "token-of-an-admin"}


def backend(url="http://127.0.0.1:9001", **fields):
    return v1.Backend(url=url, models=[{"model": "m"}], **fields)


def wait_until_gone(router, name):
    """A backend that is deleted drains first."""
    with router.watch_config() as watch:
        while name in {b.name for b in router.list_backends().backends}:
            watch.next(30)


def test_server_info(start):
    router = start()()
    info = router.get_server_info()
    assert info.version == client.__version__
    assert info.generation == 1
    assert info.caller == "anonymous"
    assert info.caller_role == v1.ROLE_ADMIN
    assert [b.url for b in router.list_backends().backends] == [ENGINE]


def test_the_life_of_a_backend(start):
    router = start()()
    created = router.create_backend(backend=backend(), backend_id="b", reason="test")
    assert (created.change.generation, created.backend.name) == (2, "backends/b")
    with pytest.raises(client.AlreadyExistsError) as exists:
        router.create_backend(backend=backend("http://127.0.0.1:9002"), backend_id="b")
    assert exists.value.reason == "RESOURCE_EXISTS"
    updated = router.update_backend(
        backend={"name": "backends/b", "weight": 5}, update_mask={"paths": ["weight"]})
    assert updated.backend.weight == 5
    drained = router.drain_backend("backends/b")
    assert drained.backend.admin_state == v1.ADMIN_STATE_DRAINING
    assert router.undrain_backend("backends/b").backend.admin_state == v1.ADMIN_STATE_ACTIVE
    router.delete_backend(deletion={"name": "backends/b"})
    wait_until_gone(router, "backends/b")
    with pytest.raises(client.NotFoundError) as unknown:
        router.get_backend("backends/b")
    assert unknown.value.reason == "BACKEND_NOT_FOUND"
    assert unknown.value.metadata["name"] == "backends/b"


def test_every_violation_is_told(start):
    router = start()()
    with pytest.raises(client.InvalidRequestError) as caught:
        router.apply_config(mutations=[{"upsert_backend": backend("ftp://a")},
                                       {"upsert_backend": backend(weight=5000)}])
    assert caught.value.reason == "INVALID_FIELDS"
    assert {v.field for v in caught.value.violations} == {
        "mutations[0].upsert_backend.url", "mutations[1].upsert_backend.weight"}
    with pytest.raises(client.InvalidRequestError) as caught:
        router.create_backend(backend=backend("ftp://a"))
    assert [v.field for v in caught.value.violations] == ["backend.url"]
    assert caught.value.message.startswith("backend.url: ")
    assert router.get_server_info().generation == 1


def test_a_stale_etag_is_a_conflict(start):
    router = start()()
    first = router.create_backend(backend=backend(), backend_id="b").backend
    second = router.update_backend(backend={"name": first.name, "label": "new"}).backend
    with pytest.raises(client.ConflictError) as caught:
        router.update_backend(backend={"name": first.name, "etag": first.etag, "label": "old"})
    assert caught.value.reason == "ETAG_MISMATCH"
    assert caught.value.resource == first.name
    assert caught.value.current_etag == second.etag

    def relabel(resource):
        if resource.label == "new":  # somebody else is faster, once
            router.update_backend(backend={"name": first.name, "label": "newer"})
        resource.label += "+"

    assert router.edit_backend(first.name, relabel).backend.label == "newer+"


def test_a_repeated_request_id_changes_nothing_more(start):
    router = start()()
    request = v1.CreateBackendRequest(backend=backend(), backend_id="b",
                                      request_id="6a4d3a5e-3bb0-4d50-9d0a-1f6e2ac6a0b1")
    assert router.create_backend(request) == router.create_backend(request)
    assert router.get_server_info().generation == 2
    request.reason = "another"
    with pytest.raises(client.InvalidRequestError) as caught:
        router.create_backend(request)
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_a_watch_tells_of_changes_and_resumes(start):
    router = start()()
    with router.watch_config() as watch:
        snapshot = watch.next(30).message
        assert [b.url for b in snapshot.snapshot.backends] == [ENGINE]
        router.create_backend(backend=backend(), backend_id="b")
        delta = watch.next(30).message
        assert (delta.generation, delta.delta.from_generation) == (2, 1)
        assert [r.backend.name for r in delta.delta.upserted] == ["backends/b"]
    router.update_backend(backend={"name": "backends/b", "label": "x"})
    with router.watch_config(resume_token=watch.resume_token) as resumed:
        event = resumed.next(30)
        assert not event.restarted
        assert (event.message.generation, event.message.WhichOneof("event")) == (3, "delta")


def test_statistics_and_audit_are_watched(start):
    router = start()()
    with router.watch_stats(min_interval={"nanos": 100_000_000}) as stats:
        first, second = stats.next(30).message, stats.next(30).message
        assert (first.sequence, first.WhichOneof("event")) == (1, "snapshot")
        assert (second.sequence, second.WhichOneof("event")) == (2, "delta")
    router.set_log_level("LOG_LEVEL_DEBUG", reason="test")
    event = router.list_audit_events().events[0]
    assert (event.rpc, event.reason, event.actor) == ("SetLogLevel", "test", "anonymous")


def test_a_confirmed_change(start):
    router = start()()
    mutation = v1.ConfigMutation(upsert_backend=backend(name="backends/b"))
    with pytest.raises(RuntimeError):
        with router.confirmed_change([mutation], confirm_within=timedelta(seconds=60)):
            assert router.get_backend("backends/b").backend.url
            raise RuntimeError("not well")
    wait_until_gone(router, "backends/b")
    with router.confirmed_change([mutation], confirm_within=timedelta(seconds=60)):
        pass
    assert router.get_backend("backends/b").backend.url
    assert not router.get_config().pending_commit.commit_id


def test_reflection_lists_services_and_methods(start, tmp_path):
    start()
    with grpc.insecure_channel(f"unix:{tmp_path}/admin.sock") as channel:
        asked = [reflection_pb2.ServerReflectionRequest(list_services=""),
                 reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE.full_name)]
        listed, found = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter(asked), timeout=30)
    assert SERVICE.full_name in [s.name for s in listed.list_services_response.service]
    files = [FileDescriptorProto.FromString(data)
             for data in found.file_descriptor_response.file_descriptor_proto]
    methods = [method.name for file in files if file.package == "vllm_router.v1"
               for service in file.service if service.name == "RouterAdmin"
               for method in service.method]
    assert methods == [method.name for method in SERVICE.methods]


@pytest.fixture
def tokens_file(tmp_path):
    file = tmp_path / "tokens"
    file.write_text("".join(
        f"{role} {role} {hashlib.sha256(token.encode()).hexdigest()}\n"
        for role, token in TOKENS.items()))
    file.chmod(0o600)
    return file


def test_what_each_role_may(start, tokens_file):
    connect = start("--admin-tokens-file", str(tokens_file), token=TOKENS["admin"])
    viewer, operator, admin = (connect(token=TOKENS[role]) for role in TOKENS)
    assert viewer.get_server_info().caller_role == v1.ROLE_VIEWER
    assert viewer.get_server_info().caller == "token:viewer"
    for refused in (
            lambda: viewer.create_backend(backend=backend()),
            lambda: viewer.create_backend(backend=backend(), validate_only=True),
            lambda: viewer.drain_backend("backends/unknown"),
            lambda: viewer.set_log_level("LOG_LEVEL_DEBUG"),
            lambda: viewer.shutdown(),
            lambda: operator.create_backend(backend=backend()),
            lambda: operator.shutdown()):
        with pytest.raises(client.PermissionDeniedError) as caught:
            refused()
        assert caught.value.reason == "ROLE_INSUFFICIENT"
    assert admin.get_server_info().generation == 1
    operator.set_log_level("LOG_LEVEL_DEBUG")
    admin.create_backend(backend=backend())
    assert admin.get_server_info().generation == 3


def test_who_has_no_token_learns_nothing(start, tokens_file):
    connect = start("--admin-tokens-file", str(tokens_file), token=TOKENS["admin"])
    for options, reason in (({}, "CREDENTIALS_MISSING"), ({"token": "x"}, "CREDENTIALS_INVALID")):
        router = connect(**options)
        for call in (router.get_server_info, router.get_config, router.shutdown,
                     router.watch_config().next, router.watch_stats().next):
            with pytest.raises(client.AuthenticationError) as caught:
                call()
            assert caught.value.reason == reason


def test_a_wrong_certificate_learns_nothing(start, tmp_path):
    ca, other_ca = trustme.CA(), trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    for authority, name, identity in ((ca, "server", "router.test"), (ca, "client", "ops.test"),
                                      (other_ca, "stranger", "ops.test")):
        made = authority.issue_cert(identity)
        made.cert_chain_pems[0].write_to_path(tmp_path / f"{name}.pem")
        made.private_key_pem.write_to_path(tmp_path / f"{name}.key")
    (tmp_path / "roles").write_text("san:ops.test admin\n")

    def tls(identity=None):
        files = {} if identity is None else {
            "cert_file": tmp_path / f"{identity}.pem", "key_file": tmp_path / f"{identity}.key"}
        return TlsOptions(ca_file=tmp_path / "ca.pem", server_name="router.test", **files)

    connect = start("--admin-tls-cert", f"{tmp_path}/server.pem",
                    "--admin-tls-key", f"{tmp_path}/server.key",
                    "--admin-tls-client-ca", f"{tmp_path}/ca.pem",
                    "--admin-tokens-file", f"{tmp_path}/roles", tls=tls("client"))
    assert connect(tls=tls("client")).get_server_info().caller == "san:ops.test"
    for options in ({"tls": tls("stranger")}, {"tls": tls()}, {}):
        with pytest.raises(client.UnreachableError) as caught:
            connect(timeout=5, **options).get_server_info()
        assert caught.value.reason == ""
