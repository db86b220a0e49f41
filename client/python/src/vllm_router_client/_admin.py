"""All RPCs of the service RouterAdmin. proto/router.proto says what each does and how it fails."""

from __future__ import annotations

from . import v1
from ._methods import Edit, Stream, Unary


class RouterAdmin:
    """The methods of RouterClient, which are called, and of AsyncRouterClient, which are awaited.

    Each takes the fields of its request as keywords, or the request message itself, and answers
    with the response message. A duration may be a `datetime.timedelta`, a message a dict, an enum
    value its name. What fails raises a RouterError.
    """

    # Configuration as a whole.

    get_config = Unary(v1.GetConfigRequest, v1.GetConfigResponse)
    """The configuration in effect, whole and of one generation. Role: viewer."""

    apply_config = Unary(v1.ApplyConfigRequest, v1.ApplyConfigResponse)
    """Changes several resources of any kinds in one generation, in the order given. Role:
    admin."""

    watch_config = Stream(v1.WatchConfigRequest, v1.WatchConfigResponse)
    """Follows the configuration: snapshot, deltas, bookmarks. Role: viewer."""

    list_revisions = Unary(v1.ListRevisionsRequest, v1.ListRevisionsResponse)
    """The generations that are kept, newest first, without their content. Role: viewer."""

    get_revision = Unary(v1.GetRevisionRequest, v1.GetRevisionResponse)
    """One kept generation with its content and its difference from the one before. Role:
    viewer."""

    rollback = Unary(v1.RollbackRequest, v1.RollbackResponse)
    """Makes a new generation with the content of an earlier one. Role: admin."""

    confirm_commit = Unary(v1.ConfirmCommitRequest, v1.ConfirmCommitResponse)
    """Keeps a change that was made with `confirm_within`. Role: admin."""

    cancel_commit = Unary(v1.CancelCommitRequest, v1.CancelCommitResponse)
    """Takes a change that was made with `confirm_within` back at once. Role: admin."""

    # Backends.

    list_backends = Unary(v1.ListBackendsRequest, v1.ListBackendsResponse)
    """The backends in the order of the configuration. Role: viewer."""

    get_backend = Unary(v1.GetBackendRequest, v1.GetBackendResponse)
    """One backend. Role: viewer."""

    create_backend = Unary(v1.CreateBackendRequest, v1.CreateBackendResponse)
    """Adds a backend of source ADMIN at the end of the list. Role: admin."""

    update_backend = Unary(v1.UpdateBackendRequest, v1.UpdateBackendResponse)
    """Changes fields of a backend. Role: admin."""

    delete_backend = Unary(v1.DeleteBackendRequest, v1.DeleteBackendResponse)
    """Drains a backend and then removes it; answers when the drain has begun. Role: admin."""

    drain_backend = Unary(v1.DrainBackendRequest, v1.DrainBackendResponse)
    """Takes a backend out of the candidates and lets its running requests go on. Role:
    operator."""

    undrain_backend = Unary(v1.UndrainBackendRequest, v1.UndrainBackendResponse)
    """Makes a draining or disabled backend active again and forgets a pending deletion. Role:
    operator."""

    probe_backend = Unary(v1.ProbeBackendRequest, v1.ProbeBackendResponse)
    """Asks a backend right now whether it serves, as the periodic health check would, and counts
    the result as one. Role: operator."""

    # Routing.

    list_routing_policies = Unary(v1.ListRoutingPoliciesRequest, v1.ListRoutingPoliciesResponse)
    """The default policy first, then those of single models by name. Role: viewer."""

    get_routing_policy = Unary(v1.GetRoutingPolicyRequest, v1.GetRoutingPolicyResponse)
    """One policy, as configured or as in effect. Role: viewer."""

    set_routing_policy = Unary(v1.SetRoutingPolicyRequest, v1.SetRoutingPolicyResponse)
    """Creates or changes a policy. Role: admin."""

    delete_routing_policy = Unary(v1.DeleteRoutingPolicyRequest, v1.DeleteRoutingPolicyResponse)
    """Removes the policy of one model, which falls back to the default one. Role: admin."""

    explain_route = Unary(v1.ExplainRouteRequest, v1.ExplainRouteResponse)
    """Says where a request would go now and why; sends nothing. Role: viewer."""

    # Callbacks.

    list_callbacks = Unary(v1.ListCallbacksRequest, v1.ListCallbacksResponse)
    """The callbacks in the order in which they run. Role: viewer."""

    get_callback = Unary(v1.GetCallbackRequest, v1.GetCallbackResponse)
    """One callback. Role: viewer."""

    register_callback = Unary(v1.RegisterCallbackRequest, v1.RegisterCallbackResponse)
    """Adds a callback; with a lease it lapses (a generation by the router itself) unless renewed.
    Role: admin."""

    renew_callback_lease = Unary(v1.RenewCallbackLeaseRequest, v1.RenewCallbackLeaseResponse)
    """Prolongs the lease of a callback. Role: admin."""

    update_callback = Unary(v1.UpdateCallbackRequest, v1.UpdateCallbackResponse)
    """Changes fields of a callback. Role: admin."""

    deregister_callback = Unary(v1.DeregisterCallbackRequest, v1.DeregisterCallbackResponse)
    """Removes a callback. Role: admin."""

    test_callback = Unary(v1.TestCallbackRequest, v1.TestCallbackResponse)
    """Calls a callback once with a made-up request and says what it answered and how fast. Role:
    admin."""

    # Model aliases.

    list_model_aliases = Unary(v1.ListModelAliasesRequest, v1.ListModelAliasesResponse)
    """The aliases by name. Role: viewer."""

    get_model_alias = Unary(v1.GetModelAliasRequest, v1.GetModelAliasResponse)
    """One alias. Role: viewer."""

    create_model_alias = Unary(v1.CreateModelAliasRequest, v1.CreateModelAliasResponse)
    """Adds an alias. Role: admin."""

    update_model_alias = Unary(v1.UpdateModelAliasRequest, v1.UpdateModelAliasResponse)
    """Changes the targets of an alias. Role: admin."""

    delete_model_alias = Unary(v1.DeleteModelAliasRequest, v1.DeleteModelAliasResponse)
    """Removes an alias. Role: admin."""

    # Limits.

    get_limits = Unary(v1.GetLimitsRequest, v1.GetLimitsResponse)
    """The limits in effect. Role: viewer."""

    update_limits = Unary(v1.UpdateLimitsRequest, v1.UpdateLimitsResponse)
    """Changes limits. Role: admin."""

    # Statistics.

    get_stats = Unary(v1.GetStatsRequest, v1.GetStatsResponse)
    """Statistics since the start of the router, once. Role: viewer."""

    watch_stats = Stream(v1.WatchStatsRequest, v1.WatchStatsResponse)
    """Statistics as they move: everything since the start of the router, then what changed in each
    interval. Role: viewer."""

    list_in_flight = Unary(v1.ListInFlightRequest, v1.ListInFlightResponse)
    """The requests that the router is working on, oldest first. Role: viewer."""

    abort_request = Unary(v1.AbortRequestRequest, v1.AbortRequestResponse)
    """Cuts a running request on both sides; the engine stops generating, the client gets the
    error that a dying engine would give it. Role: admin."""

    audit_in_flight = Unary(v1.AuditInFlightRequest, v1.AuditInFlightResponse)
    """Compares what the router counts in flight on each backend with what its engine says of
    running and waiting requests, read anew for this call. Role: operator."""

    # Audit.

    list_audit_events = Unary(v1.ListAuditEventsRequest, v1.ListAuditEventsResponse)
    """The audit events that are kept, newest first. Role: viewer."""

    watch_audit_events = Stream(v1.WatchAuditEventsRequest, v1.WatchAuditEventsResponse)
    """Audit events as they happen. Role: viewer."""

    # Server.

    get_server_info = Unary(v1.GetServerInfoRequest, v1.GetServerInfoResponse)
    """What this process is, how it was started and what the caller may do. Role: viewer."""

    set_log_level = Unary(v1.SetLogLevelRequest, v1.SetLogLevelResponse)
    """Sets `limits.log_level`, which an operator may do without the right to change other limits.
    Role: operator."""

    shutdown = Unary(v1.ShutdownRequest, v1.ShutdownResponse)
    """Begins the end of the process as SIGTERM does, and answers when it has begun. Role:
    admin."""

    # Read, change, write back, and again when somebody else was faster.

    edit_backend = Edit(v1.Backend, get_backend, update_backend)
    """`edit_backend("backends/a", change)`: `change` modifies the backend in place. Role: admin."""

    edit_routing_policy = Edit(v1.RoutingPolicy, get_routing_policy, set_routing_policy)
    """`edit_routing_policy("routing", change)`. Role: admin."""

    edit_callback = Edit(v1.Callback, get_callback, update_callback)
    """`edit_callback("callbacks/a", change)`. Role: admin."""

    edit_model_alias = Edit(v1.ModelAlias, get_model_alias, update_model_alias)
    """`edit_model_alias("aliases/a", change)`. Role: admin."""

    edit_limits = Edit(v1.Limits, get_limits, update_limits)
    """`edit_limits("limits", change)`. Role: admin."""
