#include "tools/routerctl/output.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/base/status.h"
#include "tools/routerctl/table.h"
#include "tools/routerctl/values.h"
#include "tools/routerctl/yaml.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::Reflection;
using Lines = std::vector<std::pair<std::string, std::string>>;

absl::StatusOr<std::string> ToJson(const Message& message, bool pretty) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = pretty;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) return absl::InternalError("a message that is not JSON: " + status.ToString());
  if (json.empty() || json.back() != '\n') json += '\n';
  return json;
}

bool IsNested(const FieldDescriptor* field) {
  return field->message_type() != nullptr &&
         field->message_type()->file()->package() != "google.protobuf";
}

std::string DetailText(const Message& message, const FieldDescriptor* field, int index,
                       absl::Time now) {
  std::string text = ValueText(message, field, index, now);
  if (!IsTimestamp(field) || index >= 0) return text;
  const absl::Time time = ToTime(message.GetReflection()->GetMessage(message, field));
  return absl::StrFormat("%s (%s%s)",
                         absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone()), text,
                         time <= now ? " ago" : "");
}

void Flatten(const Message& message, const std::string& prefix, absl::Time now, Lines* lines) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    if (!field->is_repeated()) {
      if (IsNested(field)) {
        const size_t before = lines->size();
        Flatten(reflection->GetMessage(message, field), path + ".", now, lines);
        if (lines->size() == before) lines->push_back({path, "set"});
      } else {
        lines->push_back({path, DetailText(message, field, -1, now)});
      }
      continue;
    }
    const int size = reflection->FieldSize(message, field);
    std::vector<std::string> values;
    for (int i = 0; i < size; ++i) {
      if (IsNested(field) && !field->is_map() && field->message_type()->field_count() > 2) {
        Flatten(reflection->GetRepeatedMessage(message, field, i),
                absl::StrFormat("%s[%d].", path, i), now, lines);
      } else {
        values.push_back(DetailText(message, field, i, now));
      }
    }
    if (!values.empty()) lines->push_back({path, absl::StrJoin(values, ", ")});
  }
}

void PrintDetails(Invocation& in, const Message& message) {
  Lines lines;
  Flatten(message, "", absl::Now(), &lines);
  size_t width = 0;
  for (const auto& [path, text] : lines) width = std::max(width, path.size());
  for (const auto& [path, text] : lines) {
    in.out << absl::StrFormat("%-*s  %s\n", static_cast<int>(width), path, text);
  }
}

absl::Status Print(Invocation& in, const Message& message) {
  if (in.format() == Format::kYaml) {
    in.out << ToYaml(message);
    return absl::OkStatus();
  }
  ROUTER_ASSIGN_OR_RETURN(const std::string json, ToJson(message, true));
  in.out << json;
  return absl::OkStatus();
}

}  // namespace

absl::Status Show(Invocation& in, const Message& message) {
  if (in.format() != Format::kTable) return Print(in, message);
  PrintDetails(in, message);
  return absl::OkStatus();
}

absl::Status ShowList(Invocation& in, const Message& response, const char* field,
                      const Columns& columns) {
  if (in.format() != Format::kTable) return Print(in, response);
  PrintTable(in, response, field, columns);
  return absl::OkStatus();
}

void PrintTable(Invocation& in, const Message& response, const char* field,
                const Columns& columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.emplace_back(column.title);
  Table table(titles);
  const absl::Time now = absl::Now();
  const FieldDescriptor* list = response.GetDescriptor()->FindFieldByName(field);
  const Reflection* reflection = response.GetReflection();
  for (int i = 0; i < reflection->FieldSize(response, list); ++i) {
    std::vector<std::string> cells;
    for (const Column& column : columns) {
      std::string text =
          FieldText(reflection->GetRepeatedMessage(response, list, i), column.path, now);
      cells.push_back(text == "-" ? std::string(column.unset) : std::move(text));
    }
    table.Add(std::move(cells));
  }
  table.Print(in.columns(), in.out);
}

absl::Status ShowEvent(Invocation& in, const Message& message) {
  if (in.format() == Format::kYaml) {
    in.out << "---\n" << ToYaml(message) << std::flush;
    return absl::OkStatus();
  }
  ROUTER_ASSIGN_OR_RETURN(const std::string json, ToJson(message, false));
  in.out << json << std::flush;
  return absl::OkStatus();
}

}  // namespace vllm_router::routerctl
