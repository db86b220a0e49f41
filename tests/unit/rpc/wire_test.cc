#include "server/rpc/wire.h"

#include <nghttp2/nghttp2.h>

#include <string>

#include "gtest/gtest.h"

namespace vllm_router::rpc {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Framed(const std::string& message) {
  const auto prefix = MessagePrefix(message.size());
  return std::string(prefix.data(), prefix.size()) + message;
}

TEST(Wire, APrefixHoldsTheLengthMostSignificantByteFirst) {
  const auto prefix = MessagePrefix(0x01020304);
  EXPECT_EQ(std::string(prefix.data(), prefix.size()), std::string("\0\1\2\3\4", 5));
}

TEST(Wire, OneWholeMessageIsTaken) {
  EXPECT_TRUE(CheckMessage(Framed("")).ok());
  EXPECT_TRUE(CheckMessage(Framed(std::string(70'000, 'x'))).ok());
}

TEST(Wire, AnythingElseIsNot) {
  EXPECT_EQ(CheckMessage("").message(), "the service answered OK without a message");
  EXPECT_EQ(CheckMessage(Framed("message").substr(0, 8)).message(),
            "the service's answer ended in the middle of its message");
  EXPECT_EQ(CheckMessage(Framed("").substr(0, 3)).message(),
            "the service's answer ended in the middle of its message");
  EXPECT_EQ(CheckMessage(Framed("one") + Framed("two")).message(),
            "the service's answer has more than one message");
  std::string compressed = Framed("message");
  compressed[0] = 1;
  EXPECT_EQ(CheckMessage(compressed).message(), "the service's answer is compressed, unasked");
}

TEST(Wire, TimeoutsHaveAtMostEightDigits) {
  EXPECT_EQ(TimeoutText(milliseconds(200)), "200000u");
  EXPECT_EQ(TimeoutText(microseconds(99'999'999)), "99999999u");
  EXPECT_EQ(TimeoutText(seconds(100)), "100000m");
  EXPECT_EQ(TimeoutText(hours(100)), "99999999m");
  EXPECT_EQ(TimeoutText(seconds(-1)), "1u");
}

TEST(Wire, AStatusIsThatOfTheTrailersOrWhatHttpSays) {
  EXPECT_TRUE(StatusOf(200, true, 0, "").ok());
  const absl::Status refused = StatusOf(200, true, 7, "not you");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(refused.message(), "not you");
  EXPECT_EQ(StatusOf(404, false, -1, "").code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(StatusOf(503, false, -1, "").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOf(418, false, -1, "").message(), "the service answered with HTTP status 418");
  EXPECT_EQ(StatusOf(200, false, 0, "").message(), "the service's answer is not application/grpc");
  EXPECT_EQ(StatusOf(200, true, -1, "").message(), "the service's answer has no grpc-status");
}

TEST(Wire, NumbersAreDigitsWithinTheirRange) {
  EXPECT_EQ(ParseNumber("0", 16), 0);
  EXPECT_EQ(ParseNumber("16", 16), 16);
  for (const char* text : {"", "17", "-1", "1x", " 1", "99999999999999999999"}) {
    EXPECT_EQ(ParseNumber(text, 16), -1) << text;
  }
}

TEST(Wire, MessagesArePercentDecoded) {
  EXPECT_EQ(DecodeMessage("caf%C3%a9 100%"), "caf\xC3\xA9 100%");
  EXPECT_EQ(DecodeMessage("%zz%4"), "%zz%4");
  EXPECT_EQ(DecodeMessage("%41"), "A");
}

TEST(Wire, ResetsHaveTheirStatuses) {
  EXPECT_EQ(StatusOfReset(NGHTTP2_REFUSED_STREAM).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOfReset(NGHTTP2_CANCEL).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(StatusOfReset(NGHTTP2_ENHANCE_YOUR_CALM).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(StatusOfReset(NGHTTP2_PROTOCOL_ERROR).message(),
            "the service reset the call (PROTOCOL_ERROR)");
  EXPECT_EQ(StatusOfReset(NGHTTP2_NO_ERROR).code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace vllm_router::rpc
