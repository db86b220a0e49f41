#include "tools/routerctl/calls.h"
#include "tools/routerctl/columns.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

std::string PolicyName(const std::string& model) {
  return model.empty() || model == "routing" ? "routing" : FullName("routing/", model);
}

// People see what is in effect: what a policy does not set comes from the default one, and what
// that does not set from the router's defaults. Programs see what is configured.
absl::Status FillIn(Invocation& in, v1::ListRoutingPoliciesResponse* response) {
  v1::GetRoutingPolicyRequest request;
  request.set_name("routing");
  request.set_effective(true);
  ROUTER_ASSIGN_OR_RETURN(const v1::GetRoutingPolicyResponse defaults,
                          Call(in, &Client::GetRoutingPolicy, request));
  for (v1::RoutingPolicy& policy : *response->mutable_routing_policies()) {
    v1::RoutingPolicy effective = defaults.routing_policy();
    effective.MergeFrom(policy);
    policy.Swap(&effective);
  }
  return absl::OkStatus();
}

absl::Status List(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(
      v1::ListRoutingPoliciesResponse response,
      AllPages(in, &Client::ListRoutingPolicies, v1::ListRoutingPoliciesRequest()));
  if (in.format() == Format::kTable) ROUTER_RETURN_IF_ERROR(FillIn(in, &response));
  return ShowList(in, response, "routing_policies", RoutingColumns());
}

absl::Status Get(Invocation& in) {
  v1::GetRoutingPolicyRequest request;
  request.set_name(PolicyName(in.Word(0)));
  request.set_effective(in.Has("--effective"));
  ROUTER_ASSIGN_OR_RETURN(const v1::GetRoutingPolicyResponse response,
                          Call(in, &Client::GetRoutingPolicy, request));
  return Show(in, response.routing_policy());
}

absl::Status Set(Invocation& in) {
  v1::SetRoutingPolicyRequest request;
  v1::RoutingPolicy* policy = request.mutable_routing_policy();
  policy->set_name(PolicyName(in.Word(0)));
  const std::string logic = in.Get("--logic").value_or("");
  if (logic == "roundrobin") {
    policy->mutable_round_robin();
    request.mutable_update_mask()->add_paths("round_robin");
  } else if (logic == "session") {
    policy->mutable_session();
    request.mutable_update_mask()->add_paths("session");
  }
  ROUTER_RETURN_IF_ERROR(ApplyUpdateFlags(in, policy, request.mutable_update_mask()));
  return Change(in, &Client::SetRoutingPolicy, &request);
}

absl::Status Delete(Invocation& in) {
  v1::DeleteRoutingPolicyRequest request;
  request.mutable_deletion()->set_name(PolicyName(in.Word(0)));
  request.mutable_deletion()->set_etag(in.Get("--etag").value_or(""));
  request.mutable_deletion()->set_allow_missing(in.Has("--allow-missing"));
  return Change(in, &Client::DeleteRoutingPolicy, &request);
}

absl::Status FillInput(const Invocation& in, v1::ExplainInput* input) {
  input->set_model(in.Word(0));
  input->set_path(in.Get("--path").value_or(""));
  for (const std::string& text : in.All("--header")) {
    const size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0) {
      return UsageError("--header: \"" + text + "\" is not NAME:VALUE");
    }
    v1::ExplainHeader* header = input->add_headers();
    header->set_name(text.substr(0, colon));
    header->set_value(text.substr(std::min(text.find_first_not_of(' ', colon + 1), text.size())));
  }
  const std::optional<std::string> path = in.Get("--body-file");
  if (!path.has_value()) return absl::OkStatus();
  ROUTER_ASSIGN_OR_RETURN(const std::string body, ReadInput(in, *path));
  input->set_body(body);
  return absl::OkStatus();
}

void PrintExplanation(Invocation& in, const v1::ExplainRouteResponse& response) {
  v1::ExplainRouteResponse facts = response;
  facts.clear_candidates();
  (void)Show(in, facts);
  in.out << '\n';
  PrintTable(in, response, "candidates",
             {{"BACKEND", "backend"},
              {"URL", "url"},
              {"VERDICT", "verdict"},
              {"SCORE", "score"},
              {"IN-FLIGHT", "in_flight"},
              {"REASON", "reason"}});
}

absl::Status Explain(Invocation& in) {
  v1::ExplainRouteRequest request;
  const std::optional<std::string> id = in.Get("--request-id");
  if (id.has_value()) {
    if (!in.Word(0).empty()) return UsageError("--request-id excludes MODEL");
    request.set_http_request_id(*id);
  } else {
    ROUTER_RETURN_IF_ERROR(FillInput(in, request.mutable_input()));
    if (request.input().model().empty() && request.input().body().empty()) {
      return UsageError("\"routing explain\" needs MODEL, --body-file or --request-id");
    }
  }
  for (const std::string& backend : in.All("--exclude")) {
    request.add_excluded_backends(FullName("backends/", backend));
  }
  ROUTER_ASSIGN_OR_RETURN(const v1::ExplainRouteResponse response,
                          Call(in, &Client::ExplainRoute, request));
  if (in.format() != Format::kTable) return Show(in, response);
  PrintExplanation(in, response);
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> RoutingCommands() {
  const FlagSpec etag{.name = "--etag",
                      .metavar = "ETAG",
                      .help = "Refuse when it is not at this etag any more.",
                      .field = "etag"};
  return {
      {.name = "routing list",
       .arguments = "",
       .summary = "List the policies, the default one first; a table shows what is in effect.",
       .example = "routerctl routing list\n"
                  "routerctl routing list -o yaml",
       .run = List},
      {.name = "routing get",
       .arguments = "[MODEL]",
       .summary = "Show the default policy, or that of a model.",
       .example = "routerctl routing get\n"
                  "routerctl routing get llama --effective",
       .run = Get,
       .flags = {{.name = "--effective",
                  .metavar = "",
                  .help = "With everything filled in that the default policy and defaults give."}}},
      {.name = "routing set",
       .arguments = "[MODEL]",
       .summary = "Create or change the default policy, or that of a model.",
       .example = "routerctl routing set --logic session --session-key x-user-id\n"
                  "routerctl routing set llama --max-attempts 2 --dry-run",
       .run = Set,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--logic",
                  .metavar = "LOGIC",
                  .help = "How to choose a backend.",
                  .choices = "roundrobin|session"},
                 {.name = "--session-key",
                  .metavar = "NAME",
                  .help = "Header or JSON field that holds the session id.",
                  .field = "session_key"},
                 {.name = "--max-attempts",
                  .metavar = "N",
                  .help = "Further attempts after the first one, 0 to 100.",
                  .field = "failover.max_attempts"},
                 {.name = "--retry-budget-percent",
                  .metavar = "N",
                  .help = "Further attempts that may run, in percent of the requests.",
                  .field = "failover.retry_budget_percent"},
                 {.name = "--retry-budget-min",
                  .metavar = "N",
                  .help = "Further attempts that may always run.",
                  .field = "failover.retry_budget_min"},
                 {.name = "--retryable-status",
                  .metavar = "CODE",
                  .help = "HTTP status after which another backend is tried. Repeatable.",
                  .field = "failover.retryable_status_codes",
                  .repeated = true},
                 {.name = "--connect-timeout",
                  .metavar = "DURATION",
                  .help = "To connect to a backend.",
                  .field = "timeouts.connect"},
                 {.name = "--first-byte-timeout",
                  .metavar = "DURATION",
                  .help = "For the first byte of an answer.",
                  .field = "timeouts.first_byte"},
                 {.name = "--stream-idle-timeout",
                  .metavar = "DURATION",
                  .help = "Between two pieces of an answer.",
                  .field = "timeouts.stream_idle"},
                 {.name = "--clear",
                  .metavar = "FIELD",
                  .help = "Give it its default: session_key, failover, timeouts, ... Repeatable.",
                  .repeated = true},
                 etag}},
      {.name = "routing delete",
       .arguments = "MODEL",
       .summary = "Remove the policy of a model, which falls back to the default one.",
       .example = "routerctl routing delete llama",
       .run = Delete,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--allow-missing", .metavar = "", .help = "No error when there is none."},
                 etag}},
      {.name = "routing explain",
       .arguments = "[MODEL]",
       .summary = "Say where a request would go now, and why.",
       .example = "routerctl routing explain llama --header x-user-id:42",
       .run = Explain,
       .flags = {{.name = "--header",
                  .metavar = "NAME:VALUE",
                  .help = "A header of the request. Repeatable.",
                  .repeated = true},
                 {.name = "--path",
                  .metavar = "PATH",
                  .help = "Its path. Default: /v1/chat/completions."},
                 {.name = "--body-file",
                  .metavar = "FILE",
                  .help = "Its body; - is standard input."},
                 {.name = "--request-id",
                  .metavar = "ID",
                  .help = "Explain the running or recent request with this X-Request-Id."},
                 {.name = "--exclude",
                  .metavar = "BACKEND",
                  .help = "As if this backend had failed the request. Repeatable.",
                  .repeated = true}}},
  };
}

}  // namespace vllm_router::routerctl
