#!/usr/bin/env python3
"""The Python of docs/admin-api.md as one program.

    admin_api.py ADDRESS URL

ADDRESS is the router's admin address, URL an engine of model `llama` that the router does not know
yet. Changes the router; at the end it is as before, except for its generation.
"""

import sys
from concurrent import futures
from datetime import timedelta

import grpc

from vllm_router_client import ConflictError, RefusedError, RouterClient, v1


def look(router: RouterClient) -> None:
    config = router.get_config().config
    print("generation", config.generation)
    for backend in config.backends:
        print(backend.name, backend.url, [model.model for model in backend.models])


def backends(router: RouterClient, url: str) -> None:
    created = router.create_backend(
        backend=v1.Backend(url=url, models=[v1.ServedModel(model="llama")]),
        backend_id="gpu3", reason="new machine")
    print("in effect, generation", created.change.generation)
    router.update_backend(backend=v1.Backend(name="backends/gpu3", label="fast"))
    router.drain_backend("backends/gpu3", deadline=timedelta(minutes=10),
                         on_deadline="ON_DRAIN_DEADLINE_ABORT", reason="kernel update")
    router.undrain_backend("backends/gpu3")


def removal(router: RouterClient) -> None:
    router.delete_backend(deletion={"name": "backends/gpu3", "drain": {
        "deadline": timedelta(minutes=5), "on_deadline": "ON_DRAIN_DEADLINE_ABORT"}})


def logic(router: RouterClient) -> None:
    router.set_routing_policy(routing_policy=v1.RoutingPolicy(
        name="routing", session=v1.SessionOptions(), session_key="x-user-id"))


def canary(router: RouterClient) -> None:
    router.create_model_alias(model_alias=v1.ModelAlias(name="aliases/chat", targets=[
        v1.WeightedModel(model="llama", weight=95),
        v1.WeightedModel(model="llama-next", weight=5)]))


def several(router: RouterClient) -> None:
    mutations = [
        v1.ConfigMutation(upsert_model_alias={"name": "aliases/chat", "targets": [
            {"model": "llama", "weight": 50}, {"model": "llama-next", "weight": 50}]}),
        v1.ConfigMutation(update_limits=v1.Limits(max_concurrent_requests=2000),
                          update_mask={"paths": ["max_concurrent_requests"]}),
    ]
    trial = router.apply_config(mutations=mutations, validate_only=True).change
    for resource in trial.diff.resources:
        print(resource.name, [field.path for field in resource.fields])
    # Refused when somebody has changed something since the trial.
    router.apply_config(mutations=mutations, base_generation=trial.base_generation)


def locking(router: RouterClient) -> None:
    alias = router.get_model_alias("aliases/chat").model_alias
    alias.targets[0].weight = 60
    try:
        router.update_model_alias(model_alias=alias)  # its etag goes along
        router.update_model_alias(model_alias=alias)  # ... and is stale by now
    except ConflictError as error:
        print(error.reason, error.resource, error.current_etag)

    def even(alias: v1.ModelAlias) -> None:
        alias.targets[0].weight = alias.targets[1].weight

    router.edit_model_alias("aliases/chat", even)  # reads, changes, writes; again when it lost


def confirmed(router: RouterClient) -> None:
    mutation = v1.ConfigMutation(upsert_backend={"name": "backends/gpu3", "weight": 2},
                                 update_mask={"paths": ["weight"]})
    # Confirmed at the end of the block; taken back when it raises, or by the router after 60 s.
    with router.confirmed_change([mutation], confirm_within=timedelta(seconds=60)) as applied:
        commit = applied.change.pending_commit
        print("until", commit.expire_time.ToDatetime(), "only:", commit.commit_id)
        try:
            router.update_backend(backend={"name": "backends/gpu3", "label": "slow"})
        except RefusedError as error:
            print(error.reason)


def undone(router: RouterClient) -> None:
    revisions = router.list_revisions(page_size=2).revisions
    for revision in revisions:
        print(revision.generation, v1.RevisionOrigin.Name(revision.origin), revision.actor)
    router.rollback(revisions[1].generation, reason="INC-4711")


def watched(router: RouterClient) -> None:
    with router.watch_config() as watch:
        print("backends:", len(watch.next(timeout=10).message.snapshot.backends))
        token = watch.resume_token  # keep it: another process may go on from here
    router.set_log_level("LOG_LEVEL_DEBUG")
    with router.watch_config(resume_token=token) as watch:
        for event in watch:
            if event.message.HasField("delta"):
                print("generation", event.message.generation, event.message.delta.actor)
                break
    router.set_log_level("LOG_LEVEL_INFO")


def statistics(router: RouterClient) -> None:
    with router.watch_stats(scopes=["STATS_SCOPE_BACKENDS"],
                            min_interval=timedelta(seconds=1)) as watch:
        for event in watch:
            message = event.message
            if message.HasField("snapshot"):  # totals since the start of the router
                table = message.snapshot.table
            else:  # what was added in this interval
                table = message.delta.table
            for backend in table.backends:
                print(backend.name, backend.traffic.requests_started, backend.traffic.in_decode)
            if message.sequence == 2:
                break


def explained(router: RouterClient) -> None:
    why = router.explain_route(input=v1.ExplainInput(
        model="llama", headers=[v1.ExplainHeader(name="x-user-id", value=b"42")]))
    print(why.picked_backend, "because", why.pick_reason)
    for candidate in why.candidates:
        print(candidate.backend, v1.CandidateVerdict.Name(candidate.verdict), candidate.reason)


def requests(router: RouterClient) -> None:
    for entry in router.list_in_flight(min_age=timedelta(minutes=10)).entries:
        print(entry.name, entry.http_request_id, entry.backend, entry.output_events)
        router.abort_request(name=entry.name, reason="runs for ever")


def compared(router: RouterClient) -> None:
    for one in router.audit_in_flight().comparisons:
        print(one.url, v1.InFlightVerdict.Name(one.verdict), one.difference)


class Guard:
    """A callback service (proto/callback.proto) that lets every request go on."""

    def __init__(self) -> None:
        self.server = grpc.server(futures.ThreadPoolExecutor(1))
        self.server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
            "vllm_router.v1.RouterCallback", {"PreRequest": grpc.unary_unary_rpc_method_handler(
                lambda request, context: v1.PreRequestResponse(proceed={}),
                request_deserializer=v1.PreRequestRequest.FromString,
                response_serializer=v1.PreRequestResponse.SerializeToString)})])
        self.target = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()


def callbacks(router: RouterClient, target: str) -> None:
    registered = router.register_callback(callback_id="guard", callback=v1.Callback(
        target=target, hook_points=["HOOK_POINT_PRE_REQUEST"], lease_ttl=timedelta(minutes=1)))
    router.renew_callback_lease(name="callbacks/guard", lease_id=registered.lease_id)
    answer = router.test_callback("callbacks/guard")
    print(answer.ok, answer.message, answer.pre_request_response)
    router.deregister_callback(deletion={"name": "callbacks/guard"})


def audited(router: RouterClient) -> None:
    for event in router.list_audit_events(page_size=5).events:
        print(event.time.ToDatetime(), event.actor, event.rpc, event.error_reason or "OK")


def server(router: RouterClient) -> None:
    info = router.get_server_info()
    print(info.version, "you are", info.caller, v1.Role.Name(info.caller_role))
    router.update_limits(limits=v1.Limits(access_log={"format": "ACCESS_LOG_FORMAT_JSON"}),
                         update_mask={"paths": ["access_log.format"]})
    router.set_log_level("LOG_LEVEL_INFO", reason="quiet again")
    router.shutdown(drain_timeout=timedelta(minutes=5), validate_only=True)


def main(address: str, url: str) -> None:
    with RouterClient(address) as router:
        before = router.get_config().config
        look(router)
        backends(router, url)
        logic(router)
        canary(router)
        several(router)
        locking(router)
        confirmed(router)
        undone(router)
        watched(router)
        statistics(router)
        explained(router)
        requests(router)
        compared(router)
        guard = Guard()
        callbacks(router, guard.target)
        guard.server.stop(None)
        audited(router)
        removal(router)
        server(router)
        router.rollback(before.generation, reason="as before")


if __name__ == "__main__":
    main(*sys.argv[1:])
