// The files of `config apply` and `config diff`.
#ifndef TOOLS_ROUTERCTL_CONFIG_FILE_H_
#define TOOLS_ROUTERCTL_CONFIG_FILE_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"

namespace vllm_router::v1 {
class ApplyConfigRequest;
}  // namespace vllm_router::v1

namespace vllm_router::routerctl {

// A v1.Config becomes one replace_config; a document with the key `mutations` is a
// v1.ApplyConfigRequest. `origin` is the file's name for messages.
absl::Status ReadConfigFile(const std::string& text, const std::string& origin,
                            v1::ApplyConfigRequest* request);

// Clears what the router fills in, here and in all messages below: etags, generations, states,
// times.
void RemoveOutputFields(google::protobuf::Message* message);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_CONFIG_FILE_H_
