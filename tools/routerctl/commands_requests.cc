#include <google/protobuf/timestamp.pb.h>

#include "absl/time/clock.h"
#include "tools/routerctl/calls.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/output.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

const Columns& EntryColumns() {
  static const auto* const columns = new Columns{
      {"NAME", "name"},          {"AGE", "age"},
      {"PHASE", "phase"},        {"FOR", "phase_age"},
      {"MODEL", "model"},        {"BACKEND", "backend"},
      {"ATTEMPT", "attempt"},    {"CLIENT", "client_address"},
      {"OUT", "response_bytes"}, {"REQUEST-ID", "http_request_id"},
  };
  return *columns;
}

absl::Status List(Invocation& in) {
  v1::ListInFlightRequest request;
  request.set_model(in.Get("--model").value_or(""));
  if (const auto backend = in.Get("--backend"); backend.has_value()) {
    request.set_backend(FullName("backends/", *backend));
  }
  for (const std::string& phase : in.All("--phase")) {
    ROUTER_RETURN_IF_ERROR(SetField(&request, "phases", phase));
  }
  ROUTER_ASSIGN_OR_RETURN(const auto age, in.GetDuration("--min-age"));
  if (age.has_value()) SetDuration(*age, request.mutable_min_age());
  ROUTER_ASSIGN_OR_RETURN(const v1::ListInFlightResponse response,
                          AllPages(in, &Client::ListInFlight, request));
  return ShowList(in, response, "entries", EntryColumns());
}

absl::Status Abort(Invocation& in) {
  v1::AbortRequestRequest request;
  const auto id = in.Get("--http-request-id");
  if (id.has_value() == !in.Word(0).empty()) {
    return UsageError("\"requests abort\" needs either NAME or --http-request-id");
  }
  if (id.has_value()) {
    request.set_http_request_id(*id);
  } else {
    request.set_name(FullName("requests/", in.Word(0)));
  }
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::AbortRequestResponse response,
                          Call(in, &Client::AbortRequest, request));
  if (in.format() == Format::kTable) {
    in.out << (in.dry_run() ? "dry run, would abort:\n" : "aborted:\n");
  }
  return ShowList(in, response, "aborted", EntryColumns());
}

const Columns& ComparisonColumns() {
  static const auto* const columns = new Columns{
      {"BACKEND", "backend"},       {"VERDICT", "verdict"},        {"ROUTER", "in_flight_before"},
      {"AFTER", "in_flight_after"}, {"RUNNING", "engine.running"}, {"WAITING", "engine.waiting"},
      {"DIFFERENCE", "difference"}, {"ERROR", "engine.error"},
  };
  return *columns;
}

absl::Status Compare(Invocation& in) {
  v1::AuditInFlightRequest request;
  if (!in.Word(0).empty()) request.set_backend(FullName("backends/", in.Word(0)));
  request.set_include_matching(in.Has("--all"));
  ROUTER_ASSIGN_OR_RETURN(const auto timeout, in.GetDuration("--engine-timeout"));
  if (timeout.has_value()) SetDuration(*timeout, request.mutable_timeout());
  ROUTER_ASSIGN_OR_RETURN(const v1::AuditInFlightResponse response,
                          Call(in, &Client::AuditInFlight, request));
  if (in.format() == Format::kTable) {
    in.out << response.matching() << " of " << response.checked() << " backends match\n";
    if (response.comparisons().empty()) return absl::OkStatus();
  }
  return ShowList(in, response, "comparisons", ComparisonColumns());
}

const Columns& EventColumns() {
  static const auto* const columns = new Columns{
      {"AGE", "time"},
      {"ACTOR", "actor"},
      {"RPC", "rpc"},
      {"RESOURCES", "resources"},
      {"GENERATION", "generation_after"},
      {"DRY", "validate_only"},
      {"ERROR", "error_reason"},
      {"REASON", "reason"},
  };
  return *columns;
}

absl::Status ListEvents(Invocation& in) {
  v1::ListAuditEventsRequest request;
  request.set_actor(in.Get("--actor").value_or(""));
  request.set_resource(in.Get("--resource").value_or(""));
  request.set_failed_only(in.Has("--failed"));
  for (const std::string& rpc : in.All("--rpc")) request.add_rpcs(rpc);
  ROUTER_ASSIGN_OR_RETURN(const auto since, in.GetDuration("--since"));
  if (since.has_value()) {
    request.mutable_start_time()->set_seconds(absl::ToUnixSeconds(absl::Now() - *since));
  }
  ROUTER_ASSIGN_OR_RETURN(const auto limit, in.GetUint("--limit"));
  ROUTER_ASSIGN_OR_RETURN(const v1::ListAuditEventsResponse response,
                          AllPages(in, &Client::ListAuditEvents, request, limit.value_or(100)));
  return ShowList(in, response, "events", EventColumns());
}

void PrintEvent(Invocation& in, const v1::AuditEvent& event) {
  in.out << absl::FormatTime("%Y-%m-%d %H:%M:%S", ToTime(event.time()), absl::UTCTimeZone()) << "  "
         << event.actor() << "  " << (event.rpc().empty() ? "-" : event.rpc());
  if (event.validate_only()) in.out << " (dry run)";
  for (const std::string& resource : event.resources()) in.out << ' ' << resource;
  if (event.generation_after() != event.generation_before()) {
    in.out << "  generation " << event.generation_after();
  }
  if (event.grpc_code() != 0) in.out << "  refused: " << event.error_reason();
  if (!event.reason().empty()) in.out << "  \"" << event.reason() << '"';
  in.out << std::endl;
}

absl::Status WatchEvents(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const auto count, in.GetUint("--count"));
  ROUTER_ASSIGN_OR_RETURN(const Client* client, in.client());
  const auto watch = client->WatchAuditEvents(v1::WatchAuditEventsRequest());
  uint64_t restarts = 0;
  for (uint64_t shown = 0; !count.has_value() || shown < *count;) {
    ROUTER_ASSIGN_OR_RETURN(const v1::WatchAuditEventsResponse event, watch->Next());
    if (event.skipped_events() > 0 || watch->restarts() > restarts) {
      in.err << "note: events were missed; `routerctl audit list` has them\n";
      restarts = watch->restarts();
    }
    if (!event.has_audit_event()) continue;
    ++shown;
    if (in.format() == Format::kTable) {
      PrintEvent(in, event.audit_event());
    } else {
      ROUTER_RETURN_IF_ERROR(ShowEvent(in, event.audit_event()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> RequestCommands() {
  return {
      {.name = "requests list",
       .arguments = "",
       .summary = "List the requests that run now, oldest first.",
       .example = "routerctl requests list --min-age 1m",
       .run = List,
       .flags = {{.name = "--model", .metavar = "NAME", .help = "Only those for this model."},
                 {.name = "--backend", .metavar = "ID", .help = "Only those on this backend."},
                 {.name = "--phase",
                  .metavar = "PHASE",
                  .help = "Only those in this phase. Repeatable.",
                  .choices = "reading|callback|queued|connecting|prefill|decode|discarding",
                  .repeated = true},
                 {.name = "--min-age",
                  .metavar = "DURATION",
                  .help = "Only those at least this old."}}},
      {.name = "requests abort",
       .arguments = "[NAME]",
       .summary = "Cut a running request on both sides.",
       .example = "routerctl requests abort 3-1842\n"
                  "routerctl requests abort --http-request-id 9d2f",
       .run = Abort,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--http-request-id",
                  .metavar = "ID",
                  .help = "All that carry this X-Request-Id."}}},
      {.name = "requests audit",
       .arguments = "[BACKEND]",
       .summary = "Compare the router's counts of requests with the engines'.",
       .example = "routerctl requests audit",
       .run = Compare,
       .flags = {{.name = "--all", .metavar = "", .help = "Show backends that match, too."},
                 {.name = "--engine-timeout",
                  .metavar = "DURATION",
                  .help = "Time for each engine's answer. Default: 5s."}}},
  };
}

std::vector<CommandSpec> AuditCommands() {
  return {
      {.name = "audit list",
       .arguments = "",
       .summary = "List what was changed or tried, newest first.",
       .example = "routerctl audit list --since 1h --failed",
       .run = ListEvents,
       .flags = {{.name = "--limit", .metavar = "N", .help = "At most so many. Default: 100."},
                 {.name = "--actor", .metavar = "NAME", .help = "Only by this actor."},
                 {.name = "--rpc",
                  .metavar = "NAME",
                  .help = "Only this RPC, such as ApplyConfig. Repeatable.",
                  .repeated = true},
                 {.name = "--resource",
                  .metavar = "NAME",
                  .help = "Only about it, such as backends/a."},
                 {.name = "--failed", .metavar = "", .help = "Only what was refused or failed."},
                 {.name = "--since",
                  .metavar = "DURATION",
                  .help = "Only within this time before now."}}},
      {.name = "audit watch",
       .arguments = "",
       .summary = "Follow what is changed.",
       .example = "routerctl audit watch",
       .run = WatchEvents,
       .flags = {{.name = "--count", .metavar = "N", .help = "End after so many events."}}},
  };
}

}  // namespace vllm_router::routerctl
