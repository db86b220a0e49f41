#include "server/config/diff.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/config/fields.h"

namespace vllm_router::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string Quoted(std::string_view text) { return "\"" + base::JsonEscape(text) + "\""; }

std::string MessageJson(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) return "\"?\"";
  return json;
}

bool IsSecret(const FieldDescriptor* field) { return field->name() == "inline_key"; }

// A single value, element `index` of a list or (index < 0) the field itself.
std::string ValueJson(const Message& message, const FieldDescriptor* field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  if (IsSecret(field)) return Quoted(kHiddenSecret);
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return Quoted(one ? r.GetString(message, field) : r.GetRepeatedString(message, field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return (one ? r.GetBool(message, field) : r.GetRepeatedBool(message, field, index)) ? "true"
                                                                                          : "false";
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(one ? r.GetUInt32(message, field)
                                : r.GetRepeatedUInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_INT32:
      return std::to_string(one ? r.GetInt32(message, field)
                                : r.GetRepeatedInt32(message, field, index));
    case FieldDescriptor::CPPTYPE_UINT64:
      // 64-bit numbers are strings in protobuf's JSON.
      return Quoted(std::to_string(one ? r.GetUInt64(message, field)
                                       : r.GetRepeatedUInt64(message, field, index)));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const int number =
          one ? r.GetEnumValue(message, field) : r.GetRepeatedEnumValue(message, field, index);
      const auto* value = field->enum_type()->FindValueByNumber(number);
      return value == nullptr ? std::to_string(number) : Quoted(value->name());
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return MessageJson(one ? r.GetMessage(message, field)
                             : r.GetRepeatedMessage(message, field, index));
    default:
      return "\"?\"";  // no resource has a field of another type
  }
}

// Durations and the like are values, not structures of their own.
bool IsLeaf(const FieldDescriptor* field) {
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return true;
  const google::protobuf::Descriptor* type = field->message_type();
  return type->field_count() == 0 || type->file()->package() == "google.protobuf";
}

// What a leaf looks like, by its path. `secrets` holds the true values of those shown as "***".
struct Leaves {
  std::map<std::string, std::string> json;
  std::map<std::string, std::string> secrets;
};

void Collect(const Message& message, const std::string& prefix, Leaves& leaves);

void CollectValue(const Message& message, const FieldDescriptor* field, int index,
                  const std::string& path, Leaves& leaves) {
  const Reflection& r = *message.GetReflection();
  if (!IsLeaf(field)) {
    const Message& inner =
        index < 0 ? r.GetMessage(message, field) : r.GetRepeatedMessage(message, field, index);
    Collect(inner, path + ".", leaves);
    return;
  }
  leaves.json[path] = ValueJson(message, field, index);
  if (IsSecret(field)) leaves.secrets[path] = r.GetString(message, field);
}

void Collect(const Message& message, const std::string& prefix, Leaves& leaves) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = prefix + field->name();
    if (!field->is_repeated()) {
      CollectValue(message, field, -1, path, leaves);
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) {
      CollectValue(message, field, i, absl::StrFormat("%s[%d]", path, i), leaves);
    }
  }
}

Leaves LeavesOf(const Message* resource) {
  Leaves leaves;
  if (resource == nullptr) return leaves;
  const std::unique_ptr<Message> copy(resource->New());
  copy->CopyFrom(*resource);
  ClearMarks(*copy);
  for (const char* name : {"name", "source"}) {
    const FieldDescriptor* field = copy->GetDescriptor()->FindFieldByName(name);
    if (field != nullptr) copy->GetReflection()->ClearField(copy.get(), field);
  }
  Collect(*copy, "", leaves);
  return leaves;
}

void AddField(const std::string& path, const std::string& before, const std::string& after,
              v1::ResourceDiff& diff) {
  v1::FieldDiff& field = *diff.add_fields();
  field.set_path(path);
  field.set_before_json(before);
  field.set_after_json(after);
}

void AddFields(const Message* before, const Message* after, v1::ResourceDiff& diff) {
  const Leaves was = LeavesOf(before);
  const Leaves is = LeavesOf(after);
  for (const auto& [path, json] : was.json) {
    const auto now = is.json.find(path);
    if (now == is.json.end()) {
      AddField(path, json, "", diff);
      continue;
    }
    const auto secret = was.secrets.find(path);
    const bool other_secret = secret != was.secrets.end() && is.secrets.at(path) != secret->second;
    if (now->second != json || other_secret) AddField(path, json, now->second, diff);
  }
  for (const auto& [path, json] : is.json) {
    if (was.json.count(path) == 0) AddField(path, "", json, diff);
  }
}

using Resources = std::vector<std::pair<std::string_view, const Message*>>;

// Those of two lists that are not shared at the begin or the end of both, which usually leaves what
// changed (see Document).
template <typename List>
void AddUnshared(const List& before, const List& after, Resources* was, Resources* is) {
  int begin = 0;
  int was_end = before.size();
  int is_end = after.size();
  while (begin < std::min(was_end, is_end) && &before.Get(begin) == &after.Get(begin)) ++begin;
  while (begin < std::min(was_end, is_end) && &before.Get(was_end - 1) == &after.Get(is_end - 1)) {
    --was_end;
    --is_end;
  }
  for (int i = begin; i < was_end; ++i) was->emplace_back(before.Get(i).name(), &before.Get(i));
  for (int i = begin; i < is_end; ++i) is->emplace_back(after.Get(i).name(), &after.Get(i));
}

}  // namespace

v1::ConfigDiff Diff(const v1::Config& before, const v1::Config& after) {
  Resources was;
  Resources is;
  AddUnshared(before.backends(), after.backends(), &was, &is);
  AddUnshared(before.routing_policies(), after.routing_policies(), &was, &is);
  AddUnshared(before.callbacks(), after.callbacks(), &was, &is);
  AddUnshared(before.model_aliases(), after.model_aliases(), &was, &is);
  was.emplace_back("limits", &before.limits());
  is.emplace_back("limits", &after.limits());
  const absl::flat_hash_map<std::string_view, const Message*> old_by_name(was.begin(), was.end());
  const absl::flat_hash_map<std::string_view, const Message*> new_by_name(is.begin(), is.end());
  v1::ConfigDiff diff;
  for (const auto& [name, resource] : was) {
    if (new_by_name.contains(name)) continue;
    v1::ResourceDiff& deleted = *diff.add_resources();
    deleted.set_name(std::string(name));
    deleted.set_kind(v1::CHANGE_KIND_DELETED);
    AddFields(resource, nullptr, deleted);
  }
  for (const auto& [name, resource] : is) {
    const auto old = old_by_name.find(name);
    const bool same = old != old_by_name.end() &&
                      (old->second == resource || SameContent(*old->second, *resource));
    if (same) continue;
    v1::ResourceDiff& changed = *diff.add_resources();
    changed.set_name(std::string(name));
    changed.set_kind(old == old_by_name.end() ? v1::CHANGE_KIND_CREATED : v1::CHANGE_KIND_UPDATED);
    AddFields(old == old_by_name.end() ? nullptr : old->second, resource, changed);
  }
  return diff;
}

void Redact(v1::Backend& backend) {
  if (backend.api_key().source_case() == v1::ApiKeySource::kInlineKey) {
    backend.mutable_api_key()->set_inline_key(std::string(kHiddenSecret));
  }
}

void Redact(v1::Config& config) {
  for (v1::Backend& backend : *config.mutable_backends()) Redact(backend);
}

}  // namespace vllm_router::config
