#include "tools/routerctl/calls.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/output.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

absl::Status Info(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(v1::GetServerInfoResponse response,
                          Call(in, &Client::GetServerInfo, v1::GetServerInfoRequest()));
  if (in.format() != Format::kTable) return Show(in, response);
  const v1::StartupSettings startup = response.startup();
  response.mutable_startup()->clear_flags();
  ROUTER_RETURN_IF_ERROR(Show(in, response));
  if (!in.Has("--flags")) return absl::OkStatus();
  in.out << '\n';
  PrintTable(
      in, startup, "flags",
      {{"FLAG", "name"}, {"VALUE", "value"}, {"GIVEN", "given"}, {"LIVE", "seeds_configuration"}});
  return absl::OkStatus();
}

absl::Status SetLogLevel(Invocation& in) {
  v1::SetLogLevelRequest request;
  if (absl::Status status = SetField(&request, "log_level", in.Word(0)); !status.ok()) {
    return UsageError("LEVEL: " + std::string(status.message()));
  }
  return Change(in, &Client::SetLogLevel, &request);
}

absl::Status Shutdown(Invocation& in) {
  v1::ShutdownRequest request;
  ROUTER_ASSIGN_OR_RETURN(const auto timeout, in.GetDuration("--drain-timeout"));
  if (timeout.has_value()) SetDuration(*timeout, request.mutable_drain_timeout());
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::ShutdownResponse response,
                          Call(in, &Client::Shutdown, request));
  if (in.format() != Format::kTable) return Show(in, response);
  in.out << (in.dry_run() ? "dry run: would shut down" : "shutting down") << ", "
         << response.in_flight() << " requests run";
  if (response.has_deadline_time()) {
    in.out << ", cut at "
           << absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", ToTime(response.deadline_time()),
                               absl::UTCTimeZone());
  }
  in.out << '\n';
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> ServerCommands() {
  return {
      {.name = "log-level",
       .arguments = "LEVEL",
       .summary = "Set the log level: critical, error, warning, info, debug or trace.",
       .example = "routerctl log-level debug",
       .run = SetLogLevel,
       .effect = Effect::kDryRunnable},
      {.name = "shutdown",
       .arguments = "",
       .summary = "End the router; running requests go on for a while.",
       .example = "routerctl shutdown --drain-timeout 5m --reason INC-4711",
       .run = Shutdown,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--drain-timeout",
                  .metavar = "DURATION",
                  .help = "For how long. Default: the limit shutdown_grace."}}},
      {.name = "info",
       .arguments = "",
       .summary = "Show what the router is and who you are to it.",
       .example = "routerctl info\n"
                  "routerctl info --flags",
       .run = Info,
       .flags = {{.name = "--flags", .metavar = "", .help = "Also all flags of its start."}}},
  };
}

}  // namespace vllm_router::routerctl
