#include "tools/routerctl/calls.h"
#include "tools/routerctl/columns.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

absl::Status TakeTargets(const Invocation& in, v1::ModelAlias* alias) {
  alias->set_name(FullName("aliases/", in.Word(0)));
  alias->set_etag(in.Get("--etag").value_or(""));
  for (size_t i = 1; i < in.args.words.size(); ++i) {
    if (absl::Status status = SetField(alias, "targets", in.Word(i)); !status.ok()) {
      return UsageError("MODEL[=WEIGHT]: " + std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status List(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const v1::ListModelAliasesResponse response,
                          AllPages(in, &Client::ListModelAliases, v1::ListModelAliasesRequest()));
  return ShowList(in, response, "model_aliases", AliasColumns());
}

absl::Status Get(Invocation& in) {
  v1::GetModelAliasRequest request;
  request.set_name(FullName("aliases/", in.Word(0)));
  ROUTER_ASSIGN_OR_RETURN(const v1::GetModelAliasResponse response,
                          Call(in, &Client::GetModelAlias, request));
  return Show(in, response.model_alias());
}

absl::Status Add(Invocation& in) {
  v1::CreateModelAliasRequest request;
  ROUTER_RETURN_IF_ERROR(TakeTargets(in, request.mutable_model_alias()));
  return Change(in, &Client::CreateModelAlias, &request);
}

absl::Status Update(Invocation& in) {
  v1::UpdateModelAliasRequest request;
  ROUTER_RETURN_IF_ERROR(TakeTargets(in, request.mutable_model_alias()));
  request.mutable_update_mask()->add_paths("targets");
  return Change(in, &Client::UpdateModelAlias, &request);
}

absl::Status Remove(Invocation& in) {
  v1::DeleteModelAliasRequest request;
  request.mutable_deletion()->set_name(FullName("aliases/", in.Word(0)));
  request.mutable_deletion()->set_etag(in.Get("--etag").value_or(""));
  request.mutable_deletion()->set_allow_missing(in.Has("--allow-missing"));
  return Change(in, &Client::DeleteModelAlias, &request);
}

}  // namespace

std::vector<CommandSpec> AliasCommands() {
  const FlagSpec etag{
      .name = "--etag", .metavar = "ETAG", .help = "Refuse when it is not at this etag any more."};
  return {
      {.name = "aliases list",
       .arguments = "",
       .summary = "List the aliases by name.",
       .example = "routerctl aliases list",
       .run = List},
      {.name = "aliases get",
       .arguments = "ALIAS",
       .summary = "Show one alias.",
       .example = "routerctl aliases get chat",
       .run = Get},
      {.name = "aliases add",
       .arguments = "ALIAS MODEL[=WEIGHT]...",
       .summary = "Let a name stand for a model, or for several by weight.",
       .example = "routerctl aliases add chat llama-3=9 llama-4=1",
       .run = Add,
       .effect = Effect::kDryRunnable},
      {.name = "aliases update",
       .arguments = "ALIAS MODEL[=WEIGHT]...",
       .summary = "Change the models behind an alias.",
       .example = "routerctl aliases update chat llama-4",
       .run = Update,
       .effect = Effect::kDryRunnable,
       .flags = {etag}},
      {.name = "aliases remove",
       .arguments = "ALIAS",
       .summary = "Remove an alias.",
       .example = "routerctl aliases remove chat",
       .run = Remove,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--allow-missing", .metavar = "", .help = "No error when there is none."},
                 etag}},
  };
}

}  // namespace vllm_router::routerctl
