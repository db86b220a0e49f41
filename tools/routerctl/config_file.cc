#include "tools/routerctl/config_file.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <vector>

#include "server/base/status.h"
#include "tools/routerctl/yaml.h"
#include "vllm_router/client.h"

namespace vllm_router::routerctl {
namespace {

// Tagged [out] in router.proto, which descriptors do not tell, and the etags.
constexpr const char* kOutputFields[] = {"etag",   "generation",  "source",
                                         "status", "create_time", "update_time"};

}  // namespace

absl::Status ReadConfigFile(const std::string& text, const std::string& origin,
                            v1::ApplyConfigRequest* request) {
  ROUTER_ASSIGN_OR_RETURN(const bool mutations, HasKey(text, origin, "mutations"));
  if (mutations) return FromYaml(text, origin, request);
  return FromYaml(text, origin, request->add_mutations()->mutable_replace_config());
}

void RemoveOutputFields(google::protobuf::Message* message) {
  const auto* reflection = message->GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const auto* field : fields) {
    const bool output = std::any_of(std::begin(kOutputFields), std::end(kOutputFields),
                                    [&](const char* name) { return field->name() == name; });
    if (output) {
      reflection->ClearField(message, field);
    } else if (field->message_type() == nullptr) {
      continue;
    } else if (!field->is_repeated()) {
      RemoveOutputFields(reflection->MutableMessage(message, field));
    } else {
      for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
        RemoveOutputFields(reflection->MutableRepeatedMessage(message, field, i));
      }
    }
  }
}

}  // namespace vllm_router::routerctl
