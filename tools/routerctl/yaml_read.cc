#include <google/protobuf/descriptor.h>
#include <yaml-cpp/yaml.h>

#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/routerctl/values.h"
#include "tools/routerctl/yaml.h"

namespace vllm_router::routerctl {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::Reflection;

const FieldDescriptor* FindField(const Descriptor* type, const std::string& key) {
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->json_name() == key || type->field(i)->name() == key) return type->field(i);
  }
  return nullptr;
}

std::string KnownKeys(const Descriptor* type) {
  std::vector<std::string> keys;
  keys.reserve(static_cast<size_t>(type->field_count()));
  for (int i = 0; i < type->field_count(); ++i) keys.push_back(type->field(i)->json_name());
  return absl::StrJoin(keys, ", ");
}

std::string Below(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

class Reader {
 public:
  explicit Reader(const std::string& origin) : origin_(origin) {}

  void ReadMessage(const YAML::Node& node, const std::string& path, Message* message) {
    if (!node.IsMap()) return Problem(node, path, "is not a mapping");
    std::set<const FieldDescriptor*> seen;
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const FieldDescriptor* field = FindField(message->GetDescriptor(), key);
      if (field == nullptr) {
        Problem(entry.first, Below(path, key),
                absl::StrFormat("unknown key; known: %s", KnownKeys(message->GetDescriptor())));
        continue;
      }
      if (!seen.insert(field).second) {
        Problem(entry.first, Below(path, key), "is given twice");
        continue;
      }
      ReadField(entry.second, Below(path, key), field, message);
    }
  }

  void Problem(const YAML::Node& node, const std::string& path, const std::string& what) {
    problems_.push_back(absl::StrFormat("%s:%d: %s: %s", origin_, node.Mark().line + 1,
                                        path.empty() ? "the document" : path, what));
  }

  absl::Status Result() const {
    if (problems_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
  }

 private:
  void ReadField(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
                 Message* message) {
    if (node.IsNull()) return;  // as in JSON: not set
    const Reflection* reflection = message->GetReflection();
    if (const auto* oneof = field->real_containing_oneof();
        oneof != nullptr && reflection->HasOneof(*message, oneof)) {
      return Problem(
          node, path,
          absl::StrFormat("excludes %s, which is given too",
                          reflection->GetOneofFieldDescriptor(*message, oneof)->json_name()));
    }
    if (field->is_map()) return Problem(node, path, "cannot be given");
    if (!field->is_repeated()) return ReadValue(node, path, field, message);
    if (!node.IsSequence()) return Problem(node, path, "is not a list");
    for (size_t i = 0; i < node.size(); ++i) {
      ReadValue(node[i], absl::StrFormat("%s[%d]", path, i), field, message);
    }
  }

  void ReadValue(const YAML::Node& node, const std::string& path, const FieldDescriptor* field,
                 Message* message) {
    const bool message_of_ours = field->message_type() != nullptr &&
                                 field->message_type()->file()->package() != "google.protobuf";
    if (message_of_ours) {
      const Reflection* reflection = message->GetReflection();
      return ReadMessage(node, path,
                         field->is_repeated() ? reflection->AddMessage(message, field)
                                              : reflection->MutableMessage(message, field));
    }
    if (!node.IsScalar()) return Problem(node, path, "is not a single value");
    std::string text = node.Scalar();
    if (field->type() == FieldDescriptor::TYPE_BYTES &&
        !absl::Base64Unescape(node.Scalar(), &text)) {
      return Problem(node, path, "is not base64");
    }
    if (absl::Status status = SetValue(message, field, text); !status.ok()) {
      Problem(node, path, std::string(status.message()));
    }
  }

  const std::string origin_;
  std::vector<std::string> problems_;
};

// yaml-cpp throws; nothing of ours does.
absl::StatusOr<YAML::Node> Load(const std::string& text, const std::string& origin) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    if (documents.size() == 1) return documents.front();
    return absl::InvalidArgumentError(
        absl::StrFormat("%s holds %d documents where one is wanted", origin, documents.size()));
  } catch (const YAML::Exception& e) {
    return absl::InvalidArgumentError(absl::StrFormat("%s:%d: %s", origin, e.mark.line + 1, e.msg));
  }
}

}  // namespace

absl::Status FromYaml(const std::string& text, const std::string& origin, Message* message) {
  const absl::StatusOr<YAML::Node> root = Load(text, origin);
  if (!root.ok()) return root.status();
  Reader reader(origin);
  try {
    reader.ReadMessage(*root, "", message);
  } catch (const YAML::Exception& e) {
    return absl::InternalError(absl::StrFormat("%s:%d: %s", origin, e.mark.line + 1, e.msg));
  }
  return reader.Result();
}

absl::StatusOr<bool> HasKey(const std::string& text, const std::string& origin,
                            const std::string& key) {
  const absl::StatusOr<YAML::Node> root = Load(text, origin);
  if (!root.ok()) return root.status();
  return root->IsMap() && (*root)[key].IsDefined();
}

}  // namespace vllm_router::routerctl
