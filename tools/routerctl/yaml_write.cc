#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "tools/routerctl/values.h"
#include "tools/routerctl/yaml.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::Reflection;

// Whether a reader would take the plain text for something other than a string.
bool LooksLikeAnotherType(const std::string& text) {
  for (const char* word : {"", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (absl::EqualsIgnoreCase(text, word)) return true;
  }
  const auto first = static_cast<unsigned char>(text[0]);
  return std::isdigit(first) != 0 || first == '-' || first == '+' || first == '.';
}

void WriteText(const std::string& text, YAML::Emitter* out) {
  if (LooksLikeAnotherType(text)) *out << YAML::DoubleQuoted;
  *out << text;
}

void WriteMessage(const Message& message, YAML::Emitter* out);

void WriteMessageValue(const Message& message, YAML::Emitter* out) {
  if (message.GetDescriptor()->file()->package() != "google.protobuf") {
    WriteMessage(message, out);
    return;
  }
  // Durations, times and masks are strings in JSON, in quotes.
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json).ok() || json.size() < 2) return;
  *out << json.substr(1, json.size() - 2);
}

void WriteValue(const Message& message, const FieldDescriptor* field, int index,
                YAML::Emitter* out) {
  const Reflection* reflection = message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = one ? reflection->GetString(message, field)
                                   : reflection->GetRepeatedString(message, field, index);
      if (field->type() == FieldDescriptor::TYPE_BYTES) {
        WriteText(absl::Base64Escape(text), out);
      } else {
        WriteText(text, out);
      }
      return;
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      *out << (one ? reflection->GetBool(message, field)
                   : reflection->GetRepeatedBool(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_INT32:
      *out << (one ? reflection->GetInt32(message, field)
                   : reflection->GetRepeatedInt32(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_INT64:
      *out << (one ? reflection->GetInt64(message, field)
                   : reflection->GetRepeatedInt64(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_UINT32:
      *out << (one ? reflection->GetUInt32(message, field)
                   : reflection->GetRepeatedUInt32(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_UINT64:
      *out << (one ? reflection->GetUInt64(message, field)
                   : reflection->GetRepeatedUInt64(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      *out << (one ? reflection->GetDouble(message, field)
                   : reflection->GetRepeatedDouble(message, field, index));
      return;
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number = one ? reflection->GetEnumValue(message, field)
                             : reflection->GetRepeatedEnumValue(message, field, index);
      const auto* value = field->enum_type()->FindValueByNumber(number);
      value == nullptr ? *out << number : *out << value->name();
      return;
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      WriteMessageValue(one ? reflection->GetMessage(message, field)
                            : reflection->GetRepeatedMessage(message, field, index),
                        out);
      return;
    default:
      *out << YAML::Null;
  }
}

void WriteMap(const Message& message, const FieldDescriptor* field, YAML::Emitter* out) {
  const Reflection* reflection = message.GetReflection();
  *out << YAML::BeginMap;
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    const Message& entry = reflection->GetRepeatedMessage(message, field, i);
    *out << YAML::Key;
    WriteValue(entry, field->message_type()->map_key(), -1, out);
    *out << YAML::Value;
    WriteValue(entry, field->message_type()->map_value(), -1, out);
  }
  *out << YAML::EndMap;
}

void WriteMessage(const Message& message, YAML::Emitter* out) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  if (fields.empty()) *out << YAML::Flow;
  *out << YAML::BeginMap;
  for (const FieldDescriptor* field : fields) {
    *out << YAML::Key << field->json_name() << YAML::Value;
    if (field->is_map()) {
      WriteMap(message, field, out);
    } else if (field->is_repeated()) {
      *out << YAML::BeginSeq;
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        WriteValue(message, field, i, out);
      }
      *out << YAML::EndSeq;
    } else {
      WriteValue(message, field, -1, out);
    }
  }
  *out << YAML::EndMap;
}

}  // namespace

std::string ToYaml(const Message& message) {
  YAML::Emitter out;
  WriteMessage(message, &out);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace vllm_router::routerctl
