#include "tools/routerctl/calls.h"
#include "tools/routerctl/columns.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/config_file.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

constexpr int kDiffers = 1;  // of --exit-code

void PrintSection(Invocation& in, const char* title, const v1::Config& config, const char* field,
                  const Columns& columns) {
  const auto* list = v1::Config::descriptor()->FindFieldByName(field);
  if (config.GetReflection()->FieldSize(config, list) == 0) return;
  in.out << '\n' << title << ":\n";
  PrintTable(in, config, field, columns);
}

void PrintConfig(Invocation& in, const v1::Config& config) {
  in.out << "generation " << config.generation() << '\n';
  PrintSection(in, "backends", config, "backends", BackendColumns());
  PrintSection(in, "routing", config, "routing_policies", RoutingColumns());
  PrintSection(in, "callbacks", config, "callbacks", CallbackColumns());
  PrintSection(in, "aliases", config, "model_aliases", AliasColumns());
  in.out << "\nlimits:\n";
  (void)Show(in, config.limits());
}

absl::Status Get(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(v1::GetConfigResponse response,
                          Call(in, &Client::GetConfig, v1::GetConfigRequest()));
  if (response.has_pending_commit()) {
    in.err << "note: generation " << response.pending_commit().generation()
           << " waits for: routerctl config confirm " << response.pending_commit().commit_id()
           << '\n';
  }
  if (in.Has("--bare")) RemoveOutputFields(response.mutable_config());
  if (in.format() != Format::kTable) return Show(in, response.config());
  PrintConfig(in, response.config());
  return absl::OkStatus();
}

absl::StatusOr<v1::ApplyConfigRequest> ReadRequest(const Invocation& in) {
  const std::optional<std::string> path = in.Get("--file");
  if (!path.has_value()) return UsageError("--file is needed; - is standard input");
  ROUTER_ASSIGN_OR_RETURN(const std::string text, ReadInput(in, *path));
  v1::ApplyConfigRequest request;
  ROUTER_RETURN_IF_ERROR(ReadConfigFile(text, *path == "-" ? "stdin" : *path, &request));
  ROUTER_ASSIGN_OR_RETURN(const auto base, in.GetUint("--base-generation"));
  if (base.has_value()) request.set_base_generation(*base);
  return request;
}

absl::Status Apply(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(v1::ApplyConfigRequest request, ReadRequest(in));
  ROUTER_ASSIGN_OR_RETURN(const auto confirm, in.GetDuration("--confirm-within"));
  if (confirm.has_value()) SetDuration(*confirm, request.mutable_confirm_within());
  return Change(in, &Client::ApplyConfig, &request);
}

absl::Status Diff(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(v1::ApplyConfigRequest request, ReadRequest(in));
  request.set_validate_only(true);
  ROUTER_ASSIGN_OR_RETURN(const v1::ApplyConfigResponse response,
                          Call(in, &Client::ApplyConfig, request));
  if (in.Has("--exit-code") && response.change().changed()) in.set_exit_code(kDiffers);
  for (const std::string& warning : response.change().warnings()) {
    in.err << "warning: " << warning << '\n';
  }
  if (in.format() != Format::kTable) return Show(in, response.change().diff());
  if (!response.change().changed()) return absl::OkStatus();
  in.out << "--- generation " << response.change().base_generation() << "\n+++ "
         << *in.Get("--file") << '\n';
  PrintDiff(response.change().diff(), in.out);
  return absl::OkStatus();
}

absl::Status History(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const auto limit, in.GetUint("--limit"));
  ROUTER_ASSIGN_OR_RETURN(
      const v1::ListRevisionsResponse response,
      AllPages(in, &Client::ListRevisions, v1::ListRevisionsRequest(), limit.value_or(20)));
  return ShowList(in, response, "revisions",
                  {{"GENERATION", "generation"},
                   {"AGE", "create_time"},
                   {"ORIGIN", "origin"},
                   {"ACTOR", "actor"},
                   {"CHANGED", "changed_resources"},
                   {"RESTORED", "restored_generation"},
                   {"REASON", "reason"}});
}

absl::Status ShowRevision(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const uint64_t generation, ParseNumber(in.Word(0), "GENERATION"));
  v1::GetRevisionRequest request;
  request.set_name("revisions/" + std::to_string(generation));
  ROUTER_ASSIGN_OR_RETURN(v1::GetRevisionResponse response,
                          Call(in, &Client::GetRevision, request));
  if (in.Has("--config")) {
    if (in.format() != Format::kTable) return Show(in, response.revision().config());
    PrintConfig(in, response.revision().config());
    return absl::OkStatus();
  }
  if (in.format() != Format::kTable) return Show(in, response.revision());
  v1::Revision facts = response.revision();
  facts.clear_config();
  facts.clear_diff();
  ROUTER_RETURN_IF_ERROR(Show(in, facts));
  PrintDiff(response.revision().diff(), in.out);
  return absl::OkStatus();
}

absl::Status Rollback(Invocation& in) {
  v1::RollbackRequest request;
  ROUTER_ASSIGN_OR_RETURN(const uint64_t generation, ParseNumber(in.Word(0), "GENERATION"));
  request.set_to_generation(generation);
  ROUTER_ASSIGN_OR_RETURN(const auto base, in.GetUint("--base-generation"));
  request.set_base_generation(base.value_or(0));
  ROUTER_ASSIGN_OR_RETURN(const auto confirm, in.GetDuration("--confirm-within"));
  if (confirm.has_value()) SetDuration(*confirm, request.mutable_confirm_within());
  return Change(in, &Client::Rollback, &request);
}

absl::Status Confirm(Invocation& in) {
  v1::ConfirmCommitRequest request;
  request.set_commit_id(in.Word(0));
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::ConfirmCommitResponse response,
                          Call(in, &Client::ConfirmCommit, request));
  if (in.format() != Format::kTable) return Show(in, response);
  in.out << "confirmed, generation " << response.generation() << '\n';
  return absl::OkStatus();
}

absl::Status Cancel(Invocation& in) {
  v1::CancelCommitRequest request;
  request.set_commit_id(in.Word(0));
  return Change(in, &Client::CancelCommit, &request);
}

void PrintEvent(Invocation& in, const v1::WatchConfigResponse& event) {
  in.out << "generation " << event.generation();
  if (event.has_snapshot()) {
    in.out << "  snapshot: " << event.snapshot().backends_size() << " backends, "
           << event.snapshot().routing_policies_size() << " policies, "
           << event.snapshot().callbacks_size() << " callbacks, "
           << event.snapshot().model_aliases_size() << " aliases";
  } else if (event.has_delta()) {
    const v1::ConfigDelta& delta = event.delta();
    in.out << "  " << EnumWord(v1::RevisionOrigin_descriptor(), delta.origin());
    if (!delta.actor().empty()) in.out << " by " << delta.actor();
    if (!delta.reason().empty()) in.out << " (" << delta.reason() << ')';
  }
  if (event.skipped_generations() > 0) {
    in.out << "  " << event.skipped_generations() << " generations merged";
  }
  in.out << '\n';
  for (const v1::ConfigResource& resource : event.delta().upserted()) {
    const auto* oneof = v1::ConfigResource::descriptor()->FindOneofByName("resource");
    const auto* field = resource.GetReflection()->GetOneofFieldDescriptor(resource, oneof);
    if (field == nullptr) continue;
    in.out << "~ "
           << FieldText(resource.GetReflection()->GetMessage(resource, field), "name", absl::Now())
           << '\n';
  }
  for (const std::string& name : event.delta().deleted()) in.out << "- " << name << '\n';
  in.out << std::flush;
}

absl::Status WatchChanges(Invocation& in) {
  v1::WatchConfigRequest request;
  for (const std::string& kind : in.All("--kind")) {
    ROUTER_RETURN_IF_ERROR(SetField(&request, "kinds", kind));
  }
  ROUTER_ASSIGN_OR_RETURN(const auto count, in.GetUint("--count"));
  ROUTER_ASSIGN_OR_RETURN(const Client* client, in.client());
  const std::unique_ptr<ConfigWatch> watch = client->WatchConfig(request);
  for (uint64_t shown = 0; !count.has_value() || shown < *count;) {
    ROUTER_ASSIGN_OR_RETURN(const v1::WatchConfigResponse event, watch->Next());
    if (event.has_bookmark() && in.format() == Format::kTable) continue;
    ++shown;
    if (in.format() == Format::kTable) {
      PrintEvent(in, event);
    } else {
      ROUTER_RETURN_IF_ERROR(ShowEvent(in, event));
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<CommandSpec> ConfigCommands() {
  const FlagSpec file{.name = "--file",
                      .metavar = "FILE",
                      .help = "YAML or JSON; - is standard input.",
                      .short_name = "-f"};
  const FlagSpec base{.name = "--base-generation",
                      .metavar = "N",
                      .help = "Refuse when the configuration is not at this generation any more."};
  const FlagSpec confirm{
      .name = "--confirm-within",
      .metavar = "DURATION",
      .help = "Take the change back after this time unless `config confirm` comes before."};
  constexpr std::string_view kFileNotes =
      "The file is a whole configuration as `config get -o yaml` prints it, which then replaces\n"
      "the one in effect (what it does not name is removed), or a list `mutations:` of single\n"
      "changes. Etags in it are checked; `config get --bare` leaves them out.\n";
  return {
      {.name = "config get",
       .arguments = "",
       .summary = "Show the configuration in effect.",
       .example = "routerctl config get --bare -o yaml > router.yaml",
       .run = Get,
       .flags = {{.name = "--bare",
                  .metavar = "",
                  .help = "Without what the router fills in: for a file to keep and apply."}}},
      {.name = "config apply",
       .arguments = "",
       .summary = "Make the configuration that of a file, all or nothing.",
       .example = "routerctl config apply -f router.yaml --dry-run\n"
                  "routerctl config apply -f router.yaml --confirm-within 60s --reason INC-4711",
       .run = Apply,
       .effect = Effect::kDryRunnable,
       .flags = {file, confirm, base},
       .notes = kFileNotes},
      {.name = "config diff",
       .arguments = "",
       .summary = "Show what `config apply` would change.",
       .example = "routerctl config diff -f router.yaml --exit-code",
       .run = Diff,
       .flags = {file,
                 base,
                 {.name = "--exit-code",
                  .metavar = "",
                  .help = "End with 1 when there are differences, else 0, as `git diff` does; "
                          "errors that end with 1 too have a message on standard error."}},
       .notes = kFileNotes},
      {.name = "config history",
       .arguments = "",
       .summary = "List the generations that are kept, newest first.",
       .example = "routerctl config history --limit 5",
       .run = History,
       .flags = {{.name = "--limit", .metavar = "N", .help = "At most so many. Default: 20."}}},
      {.name = "config show",
       .arguments = "GENERATION",
       .summary = "Show one generation and what it changed.",
       .example = "routerctl config show 12",
       .run = ShowRevision,
       .flags = {{.name = "--config", .metavar = "", .help = "Only its configuration."}}},
      {.name = "config rollback",
       .arguments = "GENERATION",
       .summary = "Make a new generation with the content of an earlier one.",
       .example = "routerctl config rollback 11 --confirm-within 60s",
       .run = Rollback,
       .effect = Effect::kDryRunnable,
       .flags = {confirm, base}},
      {.name = "config confirm",
       .arguments = "ID",
       .summary = "Keep a change that was made with --confirm-within.",
       .example = "routerctl config confirm 6f1c2b9e",
       .run = Confirm,
       .effect = Effect::kAudited},
      {.name = "config cancel",
       .arguments = "ID",
       .summary = "Take it back now.",
       .example = "routerctl config cancel 6f1c2b9e",
       .run = Cancel,
       .effect = Effect::kAudited},
      {.name = "config watch",
       .arguments = "",
       .summary = "Follow the configuration.",
       .example = "routerctl config watch --kind backend\n"
                  "routerctl config watch -o json | jq .generation",
       .run = WatchChanges,
       .flags = {{.name = "--kind",
                  .metavar = "KIND",
                  .help = "Only resources of this kind. Repeatable.",
                  .choices = "backend|routing-policy|callback|model-alias|limits",
                  .repeated = true},
                 {.name = "--count", .metavar = "N", .help = "End after so many messages."}}},
  };
}

}  // namespace vllm_router::routerctl
