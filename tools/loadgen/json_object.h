// Writes one JSON object, field by field, in the order of the calls.
#ifndef TOOLS_LOADGEN_JSON_OBJECT_H_
#define TOOLS_LOADGEN_JSON_OBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace vllm_router::loadgen {

class JsonObject {
 public:
  JsonObject& Text(std::string_view key, std::string_view value);
  JsonObject& Count(std::string_view key, uint64_t value);
  JsonObject& Real(std::string_view key, double value);
  // `json` is a JSON value already.
  JsonObject& Raw(std::string_view key, std::string_view json);

  // The object so far, closed.
  std::string str() const { return fields_.empty() ? "{}" : "{" + fields_ + "}"; }

 private:
  std::string fields_;
};

}  // namespace vllm_router::loadgen

#endif  // TOOLS_LOADGEN_JSON_OBJECT_H_
