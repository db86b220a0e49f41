// What the configuration file may give as lists and maps, flattened to the text with commas that
// the flags take. Pure functions; any thread.
#ifndef SERVER_APP_CONFIG_FILE_MODELS_H_
#define SERVER_APP_CONFIG_FILE_MODELS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/app/document.h"

namespace vllm_router::app {

// The parallel lists of static discovery.
struct FlatModels {
  std::string backends;
  std::string models;
  std::string types;   // empty when no model has one
  std::string labels;  // likewise
};

// `models` is a map: {model: {static_backends: [url, ...], static_model_type: t,
// static_model_label: l}}. A model without backends adds nothing. Where only some models have a
// type or label, the others get the default.
absl::StatusOr<FlatModels> FlattenModels(const DocumentNode& models, std::string_view origin);

// `aliases` is a map: {alias: model}.
absl::StatusOr<std::string> FlattenAliases(const DocumentNode& aliases, std::string_view origin);

// `list` holds scalars without commas; `key` names it in errors.
absl::StatusOr<std::string> JoinEntries(std::string_view key, const DocumentNode& list,
                                        std::string_view origin);

}  // namespace vllm_router::app

#endif  // SERVER_APP_CONFIG_FILE_MODELS_H_
