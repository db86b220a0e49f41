#include "tools/fake_engine/fault.h"

#include <gtest/gtest.h>

namespace vllm_router::fake_engine {
namespace {

TEST(ParseFault, UnderstandsEveryKind) {
  const std::pair<std::string_view, Fault> cases[] = {
      {"none", {FaultKind::kNone, 0}},
      {"refuse", {FaultKind::kRefuse, 0}},
      {"hang-before-head", {FaultKind::kHangBeforeHead, 0}},
      {"hang-mid-stream:3", {FaultKind::kHangMidStream, 3}},
      {"hang-mid-stream", {FaultKind::kHangMidStream, 0}},
      {"reset-before-head", {FaultKind::kResetBeforeHead, 0}},
      {"reset-mid-stream:0", {FaultKind::kResetMidStream, 0}},
      {"close-before-head", {FaultKind::kCloseBeforeHead, 0}},
      {"close-mid-stream:12", {FaultKind::kCloseMidStream, 12}},
      {"truncated-chunk:2", {FaultKind::kTruncatedChunk, 2}},
      {"bad-chunk:2", {FaultKind::kBadChunk, 2}},
      {"malformed-head", {FaultKind::kMalformedHead, 0}},
      {"short-body", {FaultKind::kShortBody, 0}},
      {"slow-body:250", {FaultKind::kSlowBody, 250}},
      {"status:429", {FaultKind::kStatus, 429}},
      {"status:503", {FaultKind::kStatus, 503}},
      {"huge-event:1000000", {FaultKind::kHugeEvent, 1000000}},
      {"garbage-after-body", {FaultKind::kGarbageAfterBody, 0}},
      {"http10", {FaultKind::kHttp10, 0}},
  };
  for (const auto& [text, expected] : cases) {
    const absl::StatusOr<Fault> parsed = ParseFault(text);
    ASSERT_TRUE(parsed.ok()) << text << ": " << parsed.status();
    EXPECT_EQ(*parsed, expected) << text;
    EXPECT_EQ(ParseFault(FaultText(*parsed)).value(), expected) << text;
  }
}

TEST(ParseFault, RefusesWhatIsNoFault) {
  for (const std::string_view text :
       {"", "hang", "HTTP10", "http10:1", "none:0", "status", "status:", "status:200", "status:600",
        "status:abc", "status:+429", "slow-body", "slow-body:0", "huge-event", "hang-mid-stream:",
        "hang-mid-stream:-1", "reset-mid-stream:99999999999", "reset-mid-stream:1:2", " http10"}) {
    EXPECT_EQ(ParseFault(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace vllm_router::fake_engine
