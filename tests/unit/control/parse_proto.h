// Messages as text, for tests.
#ifndef TESTS_UNIT_CONTROL_PARSE_PROTO_H_
#define TESTS_UNIT_CONTROL_PARSE_PROTO_H_

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace vllm_router::control {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace vllm_router::control

#endif  // TESTS_UNIT_CONTROL_PARSE_PROTO_H_
