#include "tools/routerctl/calls.h"
#include "tools/routerctl/columns.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

absl::Status List(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const v1::ListCallbacksResponse response,
                          AllPages(in, &Client::ListCallbacks, v1::ListCallbacksRequest()));
  return ShowList(in, response, "callbacks", CallbackColumns());
}

absl::Status Get(Invocation& in) {
  v1::GetCallbackRequest request;
  request.set_name(FullName("callbacks/", in.Word(0)));
  ROUTER_ASSIGN_OR_RETURN(const v1::GetCallbackResponse response,
                          Call(in, &Client::GetCallback, request));
  return Show(in, response.callback());
}

absl::Status Register(Invocation& in) {
  v1::RegisterCallbackRequest request;
  request.set_callback_id(in.Word(0));
  request.mutable_callback()->set_target(in.Word(1));
  ROUTER_RETURN_IF_ERROR(ApplyFieldFlags(in, request.mutable_callback(), nullptr));
  if (in.Has("--callback-tls")) request.mutable_callback()->mutable_tls();
  if (request.callback().hook_points().empty()) {
    return UsageError("\"callbacks register\" needs --hook");
  }
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::RegisterCallbackResponse response,
                          Call(in, &Client::RegisterCallback, request));
  ROUTER_RETURN_IF_ERROR(ShowChange(in, response));
  if (in.format() == Format::kTable && !response.lease_id().empty()) {
    in.out << "lease " << response.lease_id() << '\n';
  }
  return absl::OkStatus();
}

absl::Status Update(Invocation& in) {
  v1::UpdateCallbackRequest request;
  request.mutable_callback()->set_name(FullName("callbacks/", in.Word(0)));
  if (in.Has("--callback-tls")) {
    request.mutable_callback()->mutable_tls();
    request.mutable_update_mask()->add_paths("tls");
  }
  ROUTER_RETURN_IF_ERROR(
      ApplyUpdateFlags(in, request.mutable_callback(), request.mutable_update_mask()));
  return Change(in, &Client::UpdateCallback, &request);
}

absl::Status Remove(Invocation& in) {
  v1::DeregisterCallbackRequest request;
  request.mutable_deletion()->set_name(FullName("callbacks/", in.Word(0)));
  request.mutable_deletion()->set_etag(in.Get("--etag").value_or(""));
  request.mutable_deletion()->set_allow_missing(in.Has("--allow-missing"));
  return Change(in, &Client::DeregisterCallback, &request);
}

absl::Status Renew(Invocation& in) {
  v1::RenewCallbackLeaseRequest request;
  request.set_name(FullName("callbacks/", in.Word(0)));
  request.set_lease_id(in.Word(1));
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::RenewCallbackLeaseResponse response,
                          Call(in, &Client::RenewCallbackLease, request));
  return Show(in, response);
}

absl::Status Test(Invocation& in) {
  v1::TestCallbackRequest request;
  request.set_name(FullName("callbacks/", in.Word(0)));
  if (const auto hook = in.Get("--hook"); hook.has_value()) {
    ROUTER_RETURN_IF_ERROR(SetField(&request, "hook_point", *hook));
  }
  if (const auto model = in.Get("--model"); model.has_value()) {
    request.mutable_request()->set_model(*model);
  }
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::TestCallbackResponse response,
                          Call(in, &Client::TestCallback, request));
  return Show(in, response);
}

std::vector<FlagSpec> FieldFlags() {
  return {
      {.name = "--hook",
       .metavar = "HOOK",
       .help = "A hook to call. Repeatable.",
       .choices = "pre-request|post-request",
       .field = "hook_points",
       .repeated = true},
      {.name = "--order",
       .metavar = "N",
       .help = "Place in the chain, lower first. Default: 0.",
       .field = "order"},
      {.name = "--model",
       .metavar = "NAME",
       .help = "Only requests for this model. Repeatable.",
       .field = "models",
       .repeated = true},
      {.name = "--pre-deadline",
       .metavar = "DURATION",
       .help = "Deadline of a PreRequest call. Default: 200ms.",
       .field = "pre_deadline"},
      {.name = "--post-deadline",
       .metavar = "DURATION",
       .help = "Deadline of a PostRequest call. Default: 5s.",
       .field = "post_deadline"},
      {.name = "--failure-mode",
       .metavar = "MODE",
       .help = "What a request does when the call fails. Default: fail-open.",
       .choices = "fail-open|fail-closed",
       .field = "failure_mode"},
      {.name = "--request-body",
       .metavar = "MODE",
       .help = "How much of the request's body it gets. Default: none.",
       .choices = "none|truncated|full",
       .field = "request_body_mode"},
      {.name = "--response-body",
       .metavar = "MODE",
       .help = "How much of the answer's body it gets. Default: none.",
       .choices = "none|truncated|full",
       .field = "response_body_mode"},
      {.name = "--max-body-bytes",
       .metavar = "N",
       .help = "Bound of each body. Default: 1 MiB.",
       .field = "max_body_bytes"},
      {.name = "--over-limit",
       .metavar = "ACTION",
       .help = "What happens above it in mode full. Default: truncate.",
       .choices = "skip|truncate|deny",
       .field = "over_limit"},
      {.name = "--max-in-flight",
       .metavar = "N",
       .help = "Calls running at a time. Default: 1000.",
       .field = "max_in_flight"},
      {.name = "--forward-header",
       .metavar = "NAME",
       .help = "A header that it may see. Repeatable.",
       .field = "header_rules.forward_allow",
       .repeated = true},
      {.name = "--mutate-header",
       .metavar = "NAME",
       .help = "A header that it may change. Repeatable.",
       .field = "header_rules.mutate_allow",
       .repeated = true},
      {.name = "--allow-credentials",
       .metavar = "YES",
       .help = "Whether keys and cookies travel, too. Default: false.",
       .choices = "true|false",
       .field = "header_rules.allow_credentials"},
      {.name = "--allow-answer",
       .metavar = "YES",
       .help = "Whether it may answer in a backend's place. Default: true.",
       .choices = "true|false",
       .field = "header_rules.allow_answer"},
      {.name = "--breaker-failures",
       .metavar = "N",
       .help = "Failures in a row after which it is left alone.",
       .field = "breaker.consecutive_failures"},
      {.name = "--breaker-open",
       .metavar = "DURATION",
       .help = "For how long.",
       .field = "breaker.open_duration"},
      {.name = "--callback-tls", .metavar = "", .help = "Speak TLS to it."},
      {.name = "--callback-tls-ca",
       .metavar = "FILE",
       .help = "TLS: authorities to trust, on the router's machine.",
       .field = "tls.ca_file"},
      {.name = "--callback-tls-cert",
       .metavar = "FILE",
       .help = "TLS: certificate to present, likewise.",
       .field = "tls.cert_file"},
      {.name = "--callback-tls-key",
       .metavar = "FILE",
       .help = "TLS: its key, likewise.",
       .field = "tls.key_file"},
      {.name = "--callback-tls-server-name",
       .metavar = "NAME",
       .help = "TLS: name expected in its certificate.",
       .field = "tls.server_name"},
  };
}

std::vector<FlagSpec> With(std::vector<FlagSpec> flags, const std::vector<FlagSpec>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

}  // namespace

std::vector<CommandSpec> CallbackCommands() {
  const FlagSpec etag{.name = "--etag",
                      .metavar = "ETAG",
                      .help = "Refuse when it is not at this etag any more.",
                      .field = "etag"};
  return {
      {.name = "callbacks list",
       .arguments = "",
       .summary = "List the callbacks in the order in which they run.",
       .example = "routerctl callbacks list",
       .run = List},
      {.name = "callbacks get",
       .arguments = "ID",
       .summary = "Show one callback.",
       .example = "routerctl callbacks get guard",
       .run = Get},
      {.name = "callbacks register",
       .arguments = "ID TARGET",
       .summary = "Add a callback: host:port or unix:/path of its service.",
       .example = "routerctl callbacks register guard 10.0.0.9:9000 --hook pre-request "
                  "--request-body full",
       .run = Register,
       .effect = Effect::kDryRunnable,
       .flags = With(FieldFlags(), {{.name = "--lease",
                                     .metavar = "DURATION",
                                     .help = "It lapses after this time unless renewed.",
                                     .field = "lease_ttl"}})},
      {.name = "callbacks renew",
       .arguments = "ID LEASE",
       .summary = "Prolong the lease that `callbacks register --lease` has shown.",
       .example = "routerctl callbacks renew guard 5f0c9a3e-8d21-4b6f-9a53-0c2f6d1c7e11",
       .run = Renew,
       .effect = Effect::kAudited},
      {.name = "callbacks update",
       .arguments = "ID",
       .summary = "Change fields of a callback.",
       .example = "routerctl callbacks update guard --pre-deadline 100ms --request-body truncated",
       .run = Update,
       .effect = Effect::kDryRunnable,
       .flags = With(FieldFlags(), {{.name = "--target",
                                     .metavar = "TARGET",
                                     .help = "host:port or unix:/path of its service.",
                                     .field = "target"},
                                    {.name = "--clear",
                                     .metavar = "FIELD",
                                     .help = "Give it its default: models, tls, ... Repeatable.",
                                     .repeated = true},
                                    etag})},
      {.name = "callbacks remove",
       .arguments = "ID",
       .summary = "Remove a callback.",
       .example = "routerctl callbacks remove guard",
       .run = Remove,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--allow-missing", .metavar = "", .help = "No error when there is none."},
                 etag}},
      {.name = "callbacks test",
       .arguments = "ID",
       .summary = "Call a callback once with a made-up request.",
       .example = "routerctl callbacks test guard --model llama",
       .run = Test,
       .effect = Effect::kAudited,
       .flags = {{.name = "--hook",
                  .metavar = "HOOK",
                  .help = "Which hook. Default: pre-request.",
                  .choices = "pre-request|post-request"},
                 {.name = "--model", .metavar = "NAME", .help = "Model of the request."}}},
  };
}

}  // namespace vllm_router::routerctl
