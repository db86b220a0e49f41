// A stream of WatchConfig that goes on from a generation that has to be read back from the store,
// and what may happen meanwhile.
#include <gmock/gmock.h>

#include <string>
#include <thread>

#include "tests/unit/admin/watch_stage.h"

namespace vllm_router::admin {
namespace {

constexpr char kSeed[] =
    R"(mutations { upsert_backend { name: "backends/a" url: "http://127.0.0.1:1"
                                    models { model: "m" } } })";

std::string MaxHeaders(int count, const std::string& more = "") {
  return more + " mutations { update_limits { max_headers: " + std::to_string(count) + " } }";
}

class WatchConfigPastTest : public WatchConfigTest {
 protected:
  // A stream that begins with the token of generation 1 while 2 is in effect, and for which the
  // store has been asked.
  std::unique_ptr<ConfigStream> WatchHeld() {
    Start(kSeed);
    const std::string token = TokenNow();
    EXPECT_TRUE(Apply(MaxHeaders(50)).ok());
    stage_->store.HoldReads();
    auto stream = Watch(token);
    while (stage_->store.held() == 0) std::this_thread::yield();
    return stream;
  }
  void WaitUntilNobodyWatches() const {
    while (gate_->watchers() != 0) std::this_thread::yield();
  }
};

TEST_F(WatchConfigPastTest, WhatComesIntoEffectMeanwhileIsInTheFirstDelta) {
  const auto stream = WatchHeld();
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  stage_->store.Release();
  const v1::WatchConfigResponse first = stream->Next();
  EXPECT_EQ(first.delta().from_generation(), 1u);
  EXPECT_EQ(first.generation(), 3u);
  EXPECT_EQ(first.skipped_generations(), 1u);
}

TEST_F(WatchConfigPastTest, OtherStreamsDoNotWaitForIt) {
  const auto held = WatchHeld();
  const auto other = Watch();
  EXPECT_EQ(other->Next().generation(), 2u);
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  EXPECT_EQ(other->Next().generation(), 3u);
}

TEST_F(WatchConfigPastTest, TheGenerationInEffectNeedsNotBeReadBack) {
  Start(kSeed);
  ASSERT_TRUE(Apply(MaxHeaders(50, "confirm_within { seconds: 60 }")).ok());
  const std::string token = TokenNow();
  stage_->store.HoldReads();
  EXPECT_TRUE(Watch(token)->Next().has_bookmark()) << "the pending commit is told at once";
  EXPECT_EQ(stage_->store.held(), 0u);
}

TEST_F(WatchConfigPastTest, AReaderThatLeavesMeanwhileLeavesNothingBehind) {
  const auto stream = WatchHeld();
  stream->Cancel();
  EXPECT_EQ(stream->End(), "CANCELLED");
  stage_->store.Release();
  WaitUntilNobodyWatches();
}

TEST_F(WatchConfigPastTest, AShutdownMeanwhileEndsTheStreamAsAnyOther) {
  const auto stream = WatchHeld();
  gate_->Close();
  watches_.EndAll();
  stage_->store.Release();
  EXPECT_EQ(stream->End(), "UNAVAILABLE SHUTTING_DOWN");
  WaitUntilNobodyWatches();
}

TEST_F(WatchConfigPastTest, WhereTheStoreCannotReadItAReaderBeginsAnew) {
  Start(kSeed);
  const std::string token = TokenNow();
  ASSERT_TRUE(Apply(MaxHeaders(50)).ok());
  stage_->store.Stop();
  EXPECT_EQ(Refusal(token), "OUT_OF_RANGE RESUME_TOKEN_EXPIRED");
  EXPECT_EQ(Watch()->Next().snapshot().generation(), 2u);
}

// What a message says of the commit that waits for its confirmation.
class WatchConfigPendingTest : public WatchConfigTest {
 protected:
  // Generation 2 waits for its confirmation.
  void StartPending() {
    Start(kSeed);
    ASSERT_TRUE(Apply(MaxHeaders(50, "confirm_within { seconds: 60 }")).ok());
  }
};

TEST_F(WatchConfigPendingTest, AConfirmationIsToldAtOnce) {
  StartPending();
  const auto stream = Watch();
  EXPECT_TRUE(stream->Next().has_pending_commit());
  ASSERT_TRUE(stage_->Confirm().ok());
  const v1::WatchConfigResponse told = stream->Next();
  EXPECT_TRUE(told.has_bookmark());
  EXPECT_FALSE(told.has_pending_commit());
  EXPECT_EQ(told.generation(), 2u);
  EXPECT_EQ(told.skipped_generations(), 0u);
}

TEST_F(WatchConfigPendingTest, AResumedStreamTellsWhatIsPendingAtOnce) {
  StartPending();
  const v1::WatchConfigResponse first = Watch(TokenNow())->Next();
  EXPECT_TRUE(first.has_bookmark()) << first.DebugString();
  EXPECT_TRUE(first.has_pending_commit());
}

TEST_F(WatchConfigPendingTest, AConfirmationThatWasMissedIsToldAtOnce) {
  StartPending();
  const std::string token = TokenNow();
  ASSERT_TRUE(stage_->Confirm().ok());
  const v1::WatchConfigResponse first = Watch(token)->Next();
  EXPECT_TRUE(first.has_bookmark()) << first.DebugString();
  EXPECT_FALSE(first.has_pending_commit());
  EXPECT_EQ(first.generation(), 2u);
}

TEST_F(WatchConfigPendingTest, AReaderThatKnowsOfTheConfirmationIsNotToldAgain) {
  StartPending();
  std::string token;
  {
    const auto stream = Watch();
    stream->Next();
    ASSERT_TRUE(stage_->Confirm().ok());
    token = stream->Next().resume_token();
  }
  const auto resumed = Watch(token);
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  EXPECT_EQ(resumed->Next().delta().from_generation(), 2u) << "the first message";
}

TEST_F(WatchConfigPendingTest, ATokenOfABookmarkIsOfWhatTheReaderHas) {
  StartPending();
  const auto stream = Watch();
  stream->Next();
  ASSERT_TRUE(stage_->Confirm().ok());
  const std::string token = stream->Next().resume_token();
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  ASSERT_TRUE(Apply(MaxHeaders(70)).ok());
  const v1::WatchConfigResponse next = Watch(token)->Next();
  EXPECT_EQ(next.delta().from_generation(), 2u);
  EXPECT_EQ(next.generation(), 4u);
}

}  // namespace
}  // namespace vllm_router::admin
