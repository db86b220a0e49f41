// The header lines of an answer that a callback gives. A value type.
#ifndef SERVER_GATEWAY_ANSWER_FIELDS_H_
#define SERVER_GATEWAY_ANSWER_FIELDS_H_

#include <string>
#include <string_view>
#include <vector>

#include "server/callbacks/hooks.h"

namespace vllm_router::gateway {

class AnswerFields {
 public:
  // Names and values have passed the rules of callback.proto. What is set replaces what stands
  // before it under the same name.
  explicit AnswerFields(const std::vector<callbacks::HeaderChange>& headers);

  std::string_view content_type() const { return content_type_; }
  // Whole lines with their CRLF, without Content-Type.
  std::string_view lines() const { return lines_; }

 private:
  std::string content_type_ = "text/plain; charset=utf-8";
  std::string lines_;
};

}  // namespace vllm_router::gateway

#endif  // SERVER_GATEWAY_ANSWER_FIELDS_H_
