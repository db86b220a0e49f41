#include "server/discovery/static_source.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "server/base/ids.h"
#include "server/base/status.h"
#include "server/base/strings.h"

namespace vllm_router::discovery {
namespace {

// `values` is an optional list beside the URLs.
absl::Status CheckLength(std::string_view what, const std::vector<std::string>& values,
                         size_t urls) {
  if (values.empty() || values.size() == urls) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("URLs and %s should have the same length, but there are %d and %d", what,
                      urls, values.size()));
}

absl::Status CheckLists(const StaticConfig& config) {
  if (config.urls.empty()) {
    return absl::InvalidArgumentError(
        "Static backends must be provided when using static service discovery.");
  }
  if (config.models.empty()) {
    return absl::InvalidArgumentError(
        "Static models must be provided when using static service discovery.");
  }
  ROUTER_RETURN_IF_ERROR(CheckLength("models", config.models, config.urls.size()));
  ROUTER_RETURN_IF_ERROR(CheckLength("model types", config.model_types, config.urls.size()));
  return CheckLength("model labels", config.model_labels, config.urls.size());
}

absl::StatusOr<fleet::BackendSpec> MakeSpec(const StaticConfig& config, size_t i) {
  fleet::BackendSpec spec;
  ROUTER_ASSIGN_OR_RETURN(spec.url, fleet::ParseBackendUrl(config.urls[i]));
  spec.id = base::UuidV5(spec.url.text);
  if (!config.model_types.empty()) spec.model_type = config.model_types[i];
  if (!config.model_labels.empty()) spec.label = config.model_labels[i];
  spec.api_key = config.api_key;
  return spec;
}

}  // namespace

absl::StatusOr<std::vector<fleet::BackendSpec>> ParseStaticConfig(const StaticConfig& config) {
  ROUTER_RETURN_IF_ERROR(CheckLists(config));
  std::vector<fleet::BackendSpec> specs;
  base::StringMap<size_t> index_by_url;
  for (size_t i = 0; i < config.urls.size(); ++i) {
    const auto [known, is_new] = index_by_url.try_emplace(config.urls[i], specs.size());
    if (is_new) {
      ROUTER_ASSIGN_OR_RETURN(fleet::BackendSpec spec, MakeSpec(config, i));
      specs.push_back(std::move(spec));
    }
    std::vector<std::string>& models = specs[known->second].models;
    if (std::find(models.begin(), models.end(), config.models[i]) == models.end()) {
      models.push_back(config.models[i]);
    }
  }
  return specs;
}

}  // namespace vllm_router::discovery
