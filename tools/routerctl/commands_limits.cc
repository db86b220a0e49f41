#include "tools/routerctl/calls.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/output.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

absl::Status Get(Invocation& in) {
  ROUTER_ASSIGN_OR_RETURN(const v1::GetLimitsResponse response,
                          Call(in, &Client::GetLimits, v1::GetLimitsRequest()));
  return Show(in, response.limits());
}

// "FIELD=VALUE"; FIELD=default gives it its default again.
absl::Status Set(Invocation& in) {
  v1::UpdateLimitsRequest request;
  request.mutable_limits()->set_etag(in.Get("--etag").value_or(""));
  v1::Limits scratch;  // SetField finds out whether a field exists
  for (const std::string& word : in.args.words) {
    const size_t equals = word.find('=');
    const std::string path = word.substr(0, equals);
    if (equals == std::string::npos) return UsageError("\"" + word + "\" is not FIELD=VALUE");
    const std::string value = word.substr(equals + 1);
    absl::Status status = SetField(value == "default" ? &scratch : request.mutable_limits(), path,
                                   value == "default" ? "" : value);
    const bool unknown = status.message().find("no field") != absl::string_view::npos;
    if (!status.ok() && (value != "default" || unknown)) {
      return UsageError(path + ": " + std::string(status.message()));
    }
    const auto& paths = request.update_mask().paths();
    if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
      request.mutable_update_mask()->add_paths(path);
    }
  }
  return Change(in, &Client::UpdateLimits, &request);
}

}  // namespace

std::vector<CommandSpec> LimitsCommands() {
  return {
      {.name = "limits get",
       .arguments = "",
       .summary = "Show the limits.",
       .example = "routerctl limits get",
       .run = Get},
      {.name = "limits set",
       .arguments = "FIELD=VALUE...",
       .summary = "Change limits.",
       .example = "routerctl limits set max_concurrent_requests=2000 ejection.base=10s",
       .run = Set,
       .effect = Effect::kDryRunnable,
       .flags = {{.name = "--etag",
                  .metavar = "ETAG",
                  .help = "Refuse when they are not at this etag any more."}},
       .notes = "FIELD is a name as `limits get` prints it, FIELD=default its default. A list's\n"
                "FIELD is given once for each entry.\n"},
  };
}

}  // namespace vllm_router::routerctl
