// Messages written as text, for tests.
#ifndef TESTS_UNIT_CONFIG_PROTO_TEXT_H_
#define TESTS_UNIT_CONFIG_PROTO_TEXT_H_

#include <google/protobuf/text_format.h>

#include <string>

#include "gtest/gtest.h"
#include "proto/router.pb.h"

namespace vllm_router::config {

template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

}  // namespace vllm_router::config

#endif  // TESTS_UNIT_CONFIG_PROTO_TEXT_H_
