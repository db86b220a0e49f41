// Messages as the caller wants to see them: tables and details for people, JSON and YAML for
// programs.
#ifndef TOOLS_ROUTERCTL_OUTPUT_H_
#define TOOLS_ROUTERCTL_OUTPUT_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tools/routerctl/invocation.h"

namespace vllm_router::routerctl {

struct Column {
  const char* title;
  const char* path;         // of the field, from the row's message
  const char* unset = "-";  // what an unset field stands for
};
using Columns = std::vector<Column>;

// One thing: its fields one a line, or the whole message.
absl::Status Show(Invocation& in, const google::protobuf::Message& message);

// A list: a table of `field`, or the whole response.
absl::Status ShowList(Invocation& in, const google::protobuf::Message& response, const char* field,
                      const Columns& columns);

// Only the table.
void PrintTable(Invocation& in, const google::protobuf::Message& response, const char* field,
                const Columns& columns);

// One message of a stream, in JSON (a line) or YAML (a document).
absl::Status ShowEvent(Invocation& in, const google::protobuf::Message& message);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_OUTPUT_H_
