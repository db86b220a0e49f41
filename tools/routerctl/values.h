// Single values of messages from and to text, by reflection: what flags, files and tables share.
#ifndef TOOLS_ROUTERCTL_VALUES_H_
#define TOOLS_ROUTERCTL_VALUES_H_

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace vllm_router::routerctl {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// "30s", "1m30s", "250ms"; not negative, not infinite.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// Sets `field` of `message`, or adds to it when it is repeated. Durations as above, times as
// RFC 3339, enums as "fail-open" or "FAILURE_MODE_FAIL_OPEN", switches as true or false, and
// messages of two fields as "a" or "a=b" (a model and its alias or weight).
absl::Status SetValue(Message* message, const FieldDescriptor* field, std::string_view text);

// As SetValue, of the field that a path names: "tls.ca_file".
absl::Status SetField(Message* message, std::string_view path, std::string_view text);

// "FAILURE_MODE_FAIL_OPEN" -> "fail-open"; numbers that this build does not know stay numbers.
std::string EnumWord(const EnumDescriptor* type, int number);

// What a table shows of `path` (of a oneof: which of its fields is set): several values separated
// by commas, "-" when there is none, times as their age at `now`.
std::string FieldText(const Message& message, std::string_view path, absl::Time now);

// One value. `index` is -1 for a field that is not repeated.
std::string ValueText(const Message& message, const FieldDescriptor* field, int index,
                      absl::Time now);

// "45s", "12m", "5h", "3d".
std::string AgeText(absl::Duration age);

// Of a google.protobuf.Duration or Timestamp.
absl::Duration ToDuration(const Message& duration);
absl::Time ToTime(const Message& timestamp);
void SetDuration(absl::Duration value, Message* duration);

bool IsDuration(const FieldDescriptor* field);
bool IsTimestamp(const FieldDescriptor* field);

}  // namespace vllm_router::routerctl

#endif  // TOOLS_ROUTERCTL_VALUES_H_
