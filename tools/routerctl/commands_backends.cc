#include "tools/routerctl/calls.h"
#include "tools/routerctl/columns.h"
#include "tools/routerctl/command.h"
#include "tools/routerctl/values.h"

namespace vllm_router::routerctl {
namespace {

constexpr FlagSpec kEtag{.name = "--etag",
                         .metavar = "ETAG",
                         .help = "Refuse when it is not at this etag any more.",
                         .field = "etag"};

std::vector<FlagSpec> FieldFlags() {
  return {
      {.name = "--model",
       .metavar = "NAME[=ALIAS]",
       .help = "A model that it serves, with the name that clients may use for it. Repeatable.",
       .field = "models",
       .repeated = true},
      {.name = "--type",
       .metavar = "TYPE",
       .help = "What kind of models they are. Default: chat.",
       .choices = "chat|completion|embeddings|rerank|score|transcription|vision|messages",
       .field = "model_type"},
      {.name = "--label", .metavar = "TEXT", .help = "Groups backends.", .field = "label"},
      {.name = "--weight",
       .metavar = "N",
       .help = "Share of the requests, 1 to 1000. Default: 1.",
       .field = "weight"},
      {.name = "--state",
       .metavar = "STATE",
       .help = "What is wanted of it. Default: active.",
       .choices = "active|draining|disabled",
       .field = "admin_state"},
      {.name = "--on-client-gone",
       .metavar = "ACTION",
       .help = "What happens to a request whose client has gone. Default: abort.",
       .choices = "abort|drain",
       .field = "on_client_gone"},
      {.name = "--health-check",
       .metavar = "SWITCH",
       .help = "Check its health actively. Default: on.",
       .choices = "on|off",
       .field = "health_check"},
      {.name = "--api-key-file",
       .metavar = "FILE",
       .help = "File on the router's machine that holds the key for this engine. Only its path is "
               "sent.",
       .field = "api_key.file"},
      {.name = "--api-key-env",
       .metavar = "NAME",
       .help = "Environment variable of the router that holds it.",
       .field = "api_key.environment_variable"},
      {.name = "--api-key-stdin",
       .metavar = "",
       .help = "Read the key itself from standard input and send it."},
      {.name = "--backend-tls-ca",
       .metavar = "FILE",
       .help = "For an https URL: authorities to trust, on the router's machine.",
       .field = "tls.ca_file"},
      {.name = "--backend-tls-cert",
       .metavar = "FILE",
       .help = "Certificate to present to it, likewise.",
       .field = "tls.cert_file"},
      {.name = "--backend-tls-key",
       .metavar = "FILE",
       .help = "Its key, likewise.",
       .field = "tls.key_file"},
      {.name = "--backend-tls-server-name",
       .metavar = "NAME",
       .help = "Name expected in its certificate.",
       .field = "tls.server_name"},
      {.name = "--backend-tls-skip-verify",
       .metavar = "",
       .help = "Do not check its certificate.",
       .field = "tls.insecure_skip_verify"},
  };
}

std::vector<FlagSpec> With(std::vector<FlagSpec> flags, const std::vector<FlagSpec>& more) {
  flags.insert(flags.end(), more.begin(), more.end());
  return flags;
}

std::vector<FlagSpec> DrainFlags() {
  return {{.name = "--deadline",
           .metavar = "DURATION",
           .help = "How long running requests may go on. Default: for ever."},
          {.name = "--on-deadline",
           .metavar = "ACTION",
           .help = "What happens then: wait on, abort what runs, or release the backend while it "
                   "runs on. Default: wait.",
           .choices = "wait|abort|release"}};
}

absl::Status TakeKey(const Invocation& in, v1::Backend* backend,
                     google::protobuf::FieldMask* mask) {
  if (!in.Has("--api-key-stdin")) return absl::OkStatus();
  if (backend->has_api_key())
    return UsageError("--api-key-stdin excludes other sources of the key");
  ROUTER_ASSIGN_OR_RETURN(std::string key, ReadInput(in, "-"));
  key.erase(key.find_last_not_of("\r\n \t") + 1);
  if (key.empty()) return UsageError("--api-key-stdin: standard input holds no key");
  backend->mutable_api_key()->set_inline_key(key);
  if (mask != nullptr) mask->add_paths("api_key");
  return absl::OkStatus();
}

// Into DrainBackendRequest and DrainOptions, whose fields have the same names.
absl::Status TakeDrain(const Invocation& in, Message* options) {
  for (const char* name : {"deadline", "on_deadline"}) {
    const std::string flag = name[0] == 'd' ? "--deadline" : "--on-deadline";
    const std::optional<std::string> value = in.Get(flag);
    if (!value.has_value()) continue;
    if (absl::Status status = SetField(options, name, *value); !status.ok()) {
      return UsageError(flag + ": " + std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status AddFilter(const Invocation& in, const char* flag, const char* field,
                       Message* request) {
  for (const std::string& value : in.All(flag)) {
    ROUTER_RETURN_IF_ERROR(SetField(request, field, value));
  }
  return absl::OkStatus();
}

absl::Status List(Invocation& in) {
  v1::ListBackendsRequest request;
  request.set_model(in.Get("--model").value_or(""));
  ROUTER_RETURN_IF_ERROR(AddFilter(in, "--source", "sources", &request));
  ROUTER_RETURN_IF_ERROR(AddFilter(in, "--state", "admin_states", &request));
  ROUTER_RETURN_IF_ERROR(AddFilter(in, "--health", "health_states", &request));
  ROUTER_ASSIGN_OR_RETURN(const v1::ListBackendsResponse response,
                          AllPages(in, &Client::ListBackends, request));
  return ShowList(in, response, "backends", BackendColumns());
}

absl::Status Get(Invocation& in) {
  v1::GetBackendRequest request;
  request.set_name(FullName("backends/", in.Word(0)));
  ROUTER_ASSIGN_OR_RETURN(const v1::GetBackendResponse response,
                          Call(in, &Client::GetBackend, request));
  return Show(in, response.backend());
}

absl::Status Add(Invocation& in) {
  v1::CreateBackendRequest request;
  request.mutable_backend()->set_url(in.Word(0));
  request.set_backend_id(in.Get("--id").value_or(""));
  ROUTER_RETURN_IF_ERROR(ApplyFieldFlags(in, request.mutable_backend(), nullptr));
  ROUTER_RETURN_IF_ERROR(TakeKey(in, request.mutable_backend(), nullptr));
  if (request.backend().models().empty()) return UsageError("\"backends add\" needs --model");
  return Change(in, &Client::CreateBackend, &request);
}

absl::Status Update(Invocation& in) {
  v1::UpdateBackendRequest request;
  request.mutable_backend()->set_name(FullName("backends/", in.Word(0)));
  if (in.Has("--api-key-stdin")) {
    ROUTER_RETURN_IF_ERROR(
        ApplyFieldFlags(in, request.mutable_backend(), request.mutable_update_mask()));
    ROUTER_RETURN_IF_ERROR(TakeKey(in, request.mutable_backend(), request.mutable_update_mask()));
  } else {
    ROUTER_RETURN_IF_ERROR(
        ApplyUpdateFlags(in, request.mutable_backend(), request.mutable_update_mask()));
  }
  return Change(in, &Client::UpdateBackend, &request);
}

absl::Status Remove(Invocation& in) {
  v1::DeleteBackendRequest request;
  v1::BackendDeletion* deletion = request.mutable_deletion();
  deletion->set_name(FullName("backends/", in.Word(0)));
  deletion->set_etag(in.Get("--etag").value_or(""));
  deletion->set_allow_missing(in.Has("--allow-missing"));
  deletion->set_force(in.Has("--force"));
  if (in.Has("--deadline") || in.Has("--on-deadline")) {
    ROUTER_RETURN_IF_ERROR(TakeDrain(in, deletion->mutable_drain()));
  }
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::DeleteBackendResponse response,
                          Call(in, &Client::DeleteBackend, request));
  ROUTER_RETURN_IF_ERROR(ShowChange(in, response));
  if (in.format() == Format::kTable && !in.dry_run() && response.has_backend()) {
    in.out << response.backend().name() << " is removed when its running requests have ended\n";
  }
  return absl::OkStatus();
}

absl::Status Drain(Invocation& in) {
  v1::DrainBackendRequest request;
  request.set_name(FullName("backends/", in.Word(0)));
  request.set_etag(in.Get("--etag").value_or(""));
  ROUTER_RETURN_IF_ERROR(TakeDrain(in, &request));
  return Change(in, &Client::DrainBackend, &request);
}

absl::Status Undrain(Invocation& in) {
  v1::UndrainBackendRequest request;
  request.set_name(FullName("backends/", in.Word(0)));
  request.set_etag(in.Get("--etag").value_or(""));
  return Change(in, &Client::UndrainBackend, &request);
}

absl::Status Probe(Invocation& in) {
  v1::ProbeBackendRequest request;
  request.set_name(FullName("backends/", in.Word(0)));
  ROUTER_ASSIGN_OR_RETURN(const auto timeout, in.GetDuration("--probe-timeout"));
  if (timeout.has_value()) SetDuration(*timeout, request.mutable_timeout());
  FillChange(in, &request);
  ROUTER_ASSIGN_OR_RETURN(const v1::ProbeBackendResponse response,
                          Call(in, &Client::ProbeBackend, request));
  return Show(in, response);
}

}  // namespace

std::vector<CommandSpec> BackendCommands() {
  return {
      {.name = "backends list",
       .arguments = "",
       .summary = "List the backends in the order of the configuration.",
       .example = "routerctl backends list --health unhealthy\n"
                  "routerctl backends list -o json",
       .run = List,
       .flags = {{.name = "--model", .metavar = "NAME", .help = "Only those that serve it."},
                 {.name = "--source",
                  .metavar = "SOURCE",
                  .help = "Only those declared by it. Repeatable.",
                  .choices = "flag|admin|k8s|file",
                  .repeated = true},
                 {.name = "--state",
                  .metavar = "STATE",
                  .help = "Only those in it. Repeatable.",
                  .choices = "active|draining|disabled",
                  .repeated = true},
                 {.name = "--health",
                  .metavar = "HEALTH",
                  .help = "Only those in this health. Repeatable.",
                  .choices = "unchecked|healthy|unhealthy|sleeping",
                  .repeated = true}}},
      {.name = "backends get",
       .arguments = "ID",
       .summary = "Show one backend.",
       .example = "routerctl backends get a100-7",
       .run = Get},
      {.name = "backends add",
       .arguments = "URL",
       .summary = "Add a backend at the end of the list.",
       .example = "routerctl backends add http://10.0.0.7:8000 --model llama --id a100-7",
       .run = Add,
       .effect = Effect::kDryRunnable,
       .flags =
           With({{.name = "--id", .metavar = "ID", .help = "Its id. Default: made from the URL."}},
                FieldFlags())},
      {.name = "backends update",
       .arguments = "ID",
       .summary = "Change fields of a backend.",
       .example = "routerctl backends update a100-7 --weight 3 --reason INC-4711",
       .run = Update,
       .effect = Effect::kDryRunnable,
       .flags =
           With(FieldFlags(), {{.name = "--clear",
                                .metavar = "FIELD",
                                .help = "Give it its default: api_key, tls, label, ... Repeatable.",
                                .repeated = true},
                               kEtag})},
      {.name = "backends remove",
       .arguments = "ID",
       .summary = "Drain a backend and then remove it.",
       .example = "routerctl backends remove a100-7 --deadline 5m --on-deadline abort",
       .run = Remove,
       .effect = Effect::kDryRunnable,
       .flags =
           With(DrainFlags(),
                {{.name = "--force",
                  .metavar = "",
                  .help = "Also when an alias or a policy relies on it."},
                 {.name = "--allow-missing", .metavar = "", .help = "No error when there is none."},
                 kEtag})},
      {.name = "backends drain",
       .arguments = "ID",
       .summary = "Give a backend no new requests; running ones go on.",
       .example = "routerctl backends drain a100-7 --deadline 10m --on-deadline abort",
       .run = Drain,
       .effect = Effect::kDryRunnable,
       .flags = With(DrainFlags(), {kEtag})},
      {.name = "backends undrain",
       .arguments = "ID",
       .summary = "Bring a draining or disabled backend back.",
       .example = "routerctl backends undrain a100-7",
       .run = Undrain,
       .effect = Effect::kDryRunnable,
       .flags = {kEtag}},
      {.name = "backends probe",
       .arguments = "ID",
       .summary = "Ask a backend now whether it serves.",
       .example = "routerctl backends probe a100-7 --probe-timeout 2s",
       .run = Probe,
       .effect = Effect::kAudited,
       .flags = {{.name = "--probe-timeout",
                  .metavar = "DURATION",
                  .help = "How long it may take to answer."}}},
  };
}

}  // namespace vllm_router::routerctl
