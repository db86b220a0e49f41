// The file of --dynamic-config-yaml or --dynamic-config-json: the original's keys, which are the
// flags' names with underscores, turned into what would stand on a command line. Pure functions;
// any thread.
#ifndef SERVER_APP_CONFIG_FILE_H_
#define SERVER_APP_CONFIG_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/app/document.h"
#include "server/app/flags_spec.h"

namespace vllm_router::app {

struct ConfigFile {
  std::string path;  // empty = none
  DocumentFormat format = DocumentFormat::kYaml;
};

struct FileSetting {
  const FlagSpec* spec = nullptr;
  std::string value;  // as on a command line
  std::string where;  // "router.yaml:3:1"
};

// Checks each value as the command line does (CheckFlagValue). InvalidArgumentError names the file,
// the place, the key and what is allowed. In both formats:
//   - where a flag takes a list, the value may be one, or the text with commas;
//   - null stands for a key that is not given;
//   - `static_models` may be a map of models, each with `static_backends` and, if wanted,
//     `static_model_type` and `static_model_label`; it then stands for the parallel lists;
//   - `static_aliases` may be a map from alias to model.
absl::StatusOr<std::vector<FileSetting>> ParseConfigFile(const ConfigFile& file,
                                                         std::string_view text);

}  // namespace vllm_router::app

#endif  // SERVER_APP_CONFIG_FILE_H_
