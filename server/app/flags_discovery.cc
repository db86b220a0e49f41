// Which engines there are, and which models they serve.
#include <gflags/gflags.h>

#include "server/app/flags_groups.h"
#include "server/app/flags_static.h"
#include "server/base/status.h"

DEFINE_string(service_discovery, "", "How engines are found. Required.");
DEFINE_string(static_backends, "",
              "The engines' URLs: http or https, any host, optional port and base path. Required "
              "with static discovery.");
DEFINE_string(static_models, "",
              "The model that each engine serves, one per URL in the same order. Required with "
              "static discovery.");
DEFINE_string(static_aliases, "",
              "Other names for models, as ALIAS:MODEL. Where names hold colons, the split is the "
              "one whose MODEL is in --static-models.");
DEFINE_string(static_model_types, "",
              "The type of each engine's model, one per URL: chat, completion, embeddings, rerank, "
              "score, transcription, vision or messages. All are chat when not given.");
DEFINE_string(static_model_labels, "", "A label per URL. All are 'default' when not given.");
DEFINE_string(k8s_service_discovery_type, "pod-ip", "Address engines by pod or by service.");
DEFINE_int32(k8s_port, 8000, "The engines' port.");
DEFINE_string(k8s_namespace, "default", "The engines' namespace.");
DEFINE_string(k8s_label_selector, "", "Label selector of the engines' pods.");
DEFINE_double(k8s_watcher_timeout_seconds, 0,
              "Server-side limit of one watch. 0 = the API server's own.");
DEFINE_string(dynamic_config_json, "",
              "Configuration file in JSON, read again when it changes. Excludes the YAML one.");
DEFINE_string(dynamic_config_yaml, "", "Configuration file in YAML, likewise.");
DEFINE_string(external_providers_config, "", "YAML file of providers outside of the cluster.");

namespace vllm_router::app {
namespace {

constexpr FlagSpec kFlags[] = {
    Choice("service_discovery", "static", "k8s|external-only").OfOriginal().NeedsRestart(),
    Text("static_backends", "URL,...").OfOriginal(),
    Text("static_models", "MODEL,...").OfOriginal(),
    Text("static_aliases", "ALIAS:MODEL,...").OfOriginal(),
    Text("static_model_types", "TYPE,...").OfOriginal(),
    Text("static_model_labels", "LABEL,...").OfOriginal(),
    Choice("k8s_service_discovery_type", "pod-ip|service-name").OfOriginal().WithoutEffect(),
    Number("k8s_port", "PORT", 1, 65535).OfOriginal().WithoutEffect(),
    Text("k8s_namespace", "NAME").OfOriginal().WithoutEffect(),
    Text("k8s_label_selector", "SELECTOR").OfOriginal().WithoutEffect(),
    Seconds("k8s_watcher_timeout_seconds").OfOriginal().WithoutEffect(),
    Text("dynamic_config_json", "FILE").OfOriginal().NeedsRestart(),
    Text("dynamic_config_yaml", "FILE").OfOriginal().NeedsRestart(),
    Text("external_providers_config", "FILE")
        .OfOriginal()
        .NeedsRestart()
        .StopsStart("its models would be unknown; list engines with --static-backends"),
};

void FillK8s(K8sOptions* k8s) {
  k8s->discovery_type = FLAGS_k8s_service_discovery_type;
  k8s->port = static_cast<uint16_t>(FLAGS_k8s_port);
  k8s->namespace_name = FLAGS_k8s_namespace;
  k8s->label_selector = FLAGS_k8s_label_selector;
  k8s->watcher_timeout = base::FromSeconds(FLAGS_k8s_watcher_timeout_seconds);
}

absl::Status Fill(Config* config, std::vector<std::string>* warnings) {
  if (FLAGS_service_discovery.empty()) {
    return absl::InvalidArgumentError("--service-discovery must be provided: choose static");
  }
  config->discovery = DiscoveryKind::kStatic;
  FillK8s(&config->k8s);
  const StaticLists lists = {.backends = FLAGS_static_backends,
                             .models = FLAGS_static_models,
                             .model_types = FLAGS_static_model_types,
                             .model_labels = FLAGS_static_model_labels};
  StaticOptions& options = config->static_options;
  ROUTER_ASSIGN_OR_RETURN(options.backends, ParseStaticBackends(lists));
  ROUTER_ASSIGN_OR_RETURN(options.aliases,
                          ParseStaticAliases(FLAGS_static_aliases, options.backends, warnings));
  return absl::OkStatus();
}

}  // namespace

const FlagGroup& DiscoveryFlags() {
  static constexpr FlagGroup kGroup = {"Service discovery", kFlags, Fill};
  return kGroup;
}

}  // namespace vllm_router::app
