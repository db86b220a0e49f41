#include "tools/loadgen/json_object.h"

#include "absl/strings/str_format.h"
#include "server/base/strings.h"

namespace vllm_router::loadgen {

JsonObject& JsonObject::Raw(std::string_view key, std::string_view json) {
  absl::StrAppendFormat(&fields_, R"(%s"%s":%s)", fields_.empty() ? "" : ",", base::JsonEscape(key),
                        json);
  return *this;
}

JsonObject& JsonObject::Text(std::string_view key, std::string_view value) {
  return Raw(key, "\"" + base::JsonEscape(value) + "\"");
}

JsonObject& JsonObject::Count(std::string_view key, uint64_t value) {
  return Raw(key, std::to_string(value));
}

JsonObject& JsonObject::Real(std::string_view key, double value) {
  return Raw(key, absl::StrFormat("%.6g", value));
}

}  // namespace vllm_router::loadgen
