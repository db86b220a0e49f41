#include "server/config/fields.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::config {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The same names mean the same in every resource.
constexpr std::array<std::string_view, 5> kOutputs = {"source", "status", "generation",
                                                      "create_time", "update_time"};
constexpr std::array<std::string_view, 4> kMarks = {"etag", "generation", "create_time",
                                                    "update_time"};
constexpr std::array<std::string_view, 2> kGuards = {"name", "etag"};

template <size_t n>
bool Holds(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

template <size_t n>
void Clear(const std::array<std::string_view, n>& names, Message& message) {
  for (const std::string_view name : names) {
    const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(std::string(name));
    if (field != nullptr) message.GetReflection()->ClearField(&message, field);
  }
}

// Moves one field, whatever its type, oneof or list.
void CopyField(const Message& source, const FieldDescriptor* field, Message& target) {
  const std::unique_ptr<Message> copy(source.New());
  copy->CopyFrom(source);
  target.GetReflection()->SwapFields(&target, copy.get(), {field});
}

// The message below `path`'s last dot, and the field after it; nullptr when there is no such field.
struct Leaf {
  const Message* source;
  Message* target;
  const FieldDescriptor* field;
};

Leaf FindLeaf(std::string_view path, const Message& source, Message& target) {
  const size_t dot = path.find('.');
  const FieldDescriptor* field =
      source.GetDescriptor()->FindFieldByName(std::string(path.substr(0, dot)));
  if (dot == std::string_view::npos || field == nullptr) return {&source, &target, field};
  if (field->is_repeated() || field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return {&source, &target, nullptr};
  }
  return FindLeaf(path.substr(dot + 1), source.GetReflection()->GetMessage(source, field),
                  *target.GetReflection()->MutableMessage(&target, field));
}

}  // namespace

void ClearOutputs(Message& resource) { Clear(kOutputs, resource); }
void ClearMarks(Message& resource) { Clear(kMarks, resource); }

bool SameContent(const Message& a, const Message& b) {
  const auto content = [](const Message& message) {
    const std::unique_ptr<Message> copy(message.New());
    copy->CopyFrom(message);
    ClearMarks(*copy);
    return copy->SerializeAsString();
  };
  return content(a) == content(b);
}

google::protobuf::FieldMask MaskOfSetFields(const Message& resource) {
  std::vector<const FieldDescriptor*> set;
  resource.GetReflection()->ListFields(resource, &set);
  google::protobuf::FieldMask mask;
  for (const FieldDescriptor* field : set) {
    if (!Holds(kOutputs, field->name()) && !Holds(kGuards, field->name())) {
      mask.add_paths(field->name());
    }
  }
  return mask;
}

google::protobuf::FieldMask WholeMask(const google::protobuf::Descriptor& type) {
  google::protobuf::FieldMask mask;
  for (int i = 0; i < type.field_count(); ++i) {
    const std::string& name = type.field(i)->name();
    if (!Holds(kOutputs, name) && !Holds(kGuards, name)) mask.add_paths(name);
  }
  return mask;
}

bool IsWhole(const google::protobuf::FieldMask& mask) {
  return mask.paths().empty() || (mask.paths_size() == 1 && mask.paths(0) == "*");
}

void MergeByMask(const google::protobuf::FieldMask& mask, const Message& source, Message& target,
                 const Checker& check) {
  for (const std::string& path : mask.paths()) {
    const std::string_view top = std::string_view(path).substr(0, path.find('.'));
    if (Holds(kOutputs, top) || Holds(kGuards, top)) {
      check.Fail("update_mask",
                 absl::StrFormat("'%s' is not for callers to change", base::Printable(path)));
      continue;
    }
    const Leaf leaf = FindLeaf(path, source, target);
    if (leaf.field == nullptr) {
      check.Fail("update_mask", absl::StrFormat("'%s' is no field of %s", base::Printable(path),
                                                source.GetDescriptor()->name()));
      continue;
    }
    CopyField(*leaf.source, leaf.field, *leaf.target);
  }
}

}  // namespace vllm_router::config
