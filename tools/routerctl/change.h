// What changing commands have in common: their request's standard fields and the answer about what
// has changed.
#ifndef TOOLS_ROUTERCTL_CHANGE_H_
#define TOOLS_ROUTERCTL_CHANGE_H_

#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/message.h>

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "tools/routerctl/invocation.h"

namespace vllm_router::v1 {
class ChangeResult;
class ConfigDiff;
}  // namespace vllm_router::v1

namespace vllm_router::routerctl {

// "backends/a" of "a" and of "backends/a".
std::string FullName(const std::string& prefix, const std::string& word);

// `reason` and `validate_only`, as far as the request has them.
void FillChange(const Invocation& in, google::protobuf::Message* request);

// Sets the fields of `resource` that the command's flags name, and adds them to `mask` (when it is
// not nullptr), those of --clear too.
absl::Status ApplyFieldFlags(const Invocation& in, google::protobuf::Message* resource,
                             google::protobuf::FieldMask* mask);

// As above, but a usage error when no field at all is given.
absl::Status ApplyUpdateFlags(const Invocation& in, google::protobuf::Message* resource,
                              google::protobuf::FieldMask* mask);

// The answer of a changing call: its `change` for people, else the whole.
absl::Status ShowChange(Invocation& in, const google::protobuf::Message& response);

// As a unified diff: a line for each resource, + - or ~ in front, and its fields below.
void PrintDiff(const v1::ConfigDiff& diff, std::ostream& out);

// "1 created, 2 updated".
std::string DiffSummary(const v1::ConfigDiff& diff);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_CHANGE_H_
