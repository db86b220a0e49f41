#include "client/cpp/src/callback_wire.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace vllm_router {
namespace {

using test_support::IsOk;
using test_support::StatusIs;
using ::testing::HasSubstr;

std::string Sent(size_t length, const std::string& bytes) {
  std::string sent(kPrefixBytes, '\0');
  WritePrefix(length, sent.data());
  return sent + bytes;
}

TEST(CallbackWireTest, APrefixHasTheLengthInNetworkOrder) {
  EXPECT_EQ(Sent(0x01020304, ""), std::string("\0\1\2\3\4", 5));
}

TEST(CallbackWireTest, AMessageMayComeInAnyPieces) {
  const std::string sent = Sent(3, "abc");
  for (size_t size = 0; size <= sent.size(); ++size) {
    EXPECT_THAT(CheckBegun(sent.substr(0, size), 3), IsOk()) << size;
    EXPECT_EQ(CheckWhole(sent.substr(0, size)).ok(), size == sent.size()) << size;
  }
}

TEST(CallbackWireTest, WhatIsTooLongIsKnownByItsPrefix) {
  EXPECT_THAT(CheckBegun(Sent(4, ""), 3),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4 bytes")));
}

TEST(CallbackWireTest, OneMessageIsAllThereIs) {
  EXPECT_THAT(CheckBegun(Sent(3, "abcd"), 9),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("more than one")));
}

TEST(CallbackWireTest, CompressedMessagesAreNotSupported) {
  EXPECT_THAT(CheckBegun("\1", 9), StatusIs(absl::StatusCode::kUnimplemented));
  EXPECT_THAT(CheckBegun("\2", 9), StatusIs(absl::StatusCode::kInternal));
}

TEST(CallbackWireTest, OnlyProtobufIsTaken) {
  for (const char* type : {"application/grpc", "application/grpc+proto", "application/grpc;x=y"}) {
    EXPECT_TRUE(IsGrpcProto(type)) << type;
  }
  for (const char* type :
       {"", "application/json", "application/grpc-web", "application/grpc+json"}) {
    EXPECT_FALSE(IsGrpcProto(type)) << type;
  }
}

TEST(CallbackWireTest, StatusTextsAreEncodedAndCut) {
  EXPECT_EQ(EncodeStatusText("100 % für\n"), "100 %25 f%C3%BCr%0A");
  EXPECT_LT(EncodeStatusText(std::string(1 << 20, '\n')).size(), 8192u);
}

}  // namespace
}  // namespace vllm_router
