// Small things around the messages of proto/callback.proto that several services want.
#ifndef DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_MESSAGES_H_
#define DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_MESSAGES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/callback.pb.h"

// The first value of a header, its name in lower case; empty when there is none.
inline std::string HeaderOf(const vllm_router::v1::RequestFacts& request, std::string_view name) {
  for (const vllm_router::v1::Header& header : request.headers()) {
    if (header.name() == name) return header.value();
  }
  return "";
}

// Ends a request with an error that the OpenAI SDKs understand. The texts go into JSON as they are.
inline vllm_router::v1::PreRequestResponse OpenAiError(uint32_t status, const std::string& code,
                                                       const std::string& message) {
  vllm_router::v1::PreRequestResponse response;
  vllm_router::v1::ImmediateAnswer& answer = *response.mutable_answer();
  answer.set_status(status);
  answer.set_body(R"({"error":{"message":")" + message +
                  R"(","type":"invalid_request_error","param":null,"code":")" + code + R"("}})");
  vllm_router::v1::HeaderMutation& type = *answer.add_headers();
  type.set_name("content-type");
  type.set_value("application/json");
  return response;
}

#endif  // DOCS_EXAMPLES_CALLBACKS_CPP_CALLBACK_MESSAGES_H_
