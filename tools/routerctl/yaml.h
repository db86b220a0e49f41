// Messages to and from YAML, in the terms of protobuf's JSON mapping (which is YAML, too, so that
// reading takes both). Reading goes by the message's schema: an unknown key, a key given twice and
// a value of the wrong kind are errors that name path and line. It takes field names in both
// spellings (maxHeaders, max_headers) and values as flags do (1m30s, fail-open).
#ifndef TOOLS_ROUTERCTL_YAML_H_
#define TOOLS_ROUTERCTL_YAML_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vllm_router::routerctl {

// Ends with a line end.
std::string ToYaml(const google::protobuf::Message& message);

// `origin` is the file's name for messages. All problems are told, one a line.
absl::Status FromYaml(const std::string& text, const std::string& origin,
                      google::protobuf::Message* message);

// Whether the document is a mapping that has this key.
absl::StatusOr<bool> HasKey(const std::string& text, const std::string& origin,
                            const std::string& key);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_YAML_H_
