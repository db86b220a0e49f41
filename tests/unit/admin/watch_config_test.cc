// How a stream of WatchConfig begins: anew, or behind the message whose token it is given
// (promise 8 of proto/router.proto).
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/unit/admin/watch_stage.h"

namespace vllm_router::admin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSeed[] = R"(
    mutations { upsert_backend { name: "backends/a" url: "http://127.0.0.1:1" models { model: "m" }
                                 api_key { inline_key: "sk-a" } } }
    mutations { upsert_model_alias { name: "aliases/x" targets { model: "m" } } })";

std::string MaxHeaders(int count) {
  return "mutations { update_limits { max_headers: " + std::to_string(count) + " } }";
}
std::string Label(const std::string& label) {
  return R"(mutations { upsert_backend { name: "backends/a" label: ")" + label +
         R"(" } update_mask { paths: "label" } })";
}

TEST_F(WatchConfigTest, WithoutATokenAStreamBeginsWithEverything) {
  Start(kSeed);
  const auto stream = Watch();
  const v1::WatchConfigResponse first = stream->Next();
  ASSERT_TRUE(first.has_snapshot()) << first.DebugString();
  EXPECT_EQ(first.generation(), 1u);
  EXPECT_EQ(first.skipped_generations(), 0u);
  EXPECT_EQ(first.snapshot().backends_size(), 1);
  EXPECT_EQ(first.snapshot().model_aliases_size(), 1);
  EXPECT_EQ(first.snapshot().backends(0).api_key().inline_key(), "***");
}

TEST_F(WatchConfigTest, ATokenOfTheGenerationInEffectLeadsToWhatComesNext) {
  Start(kSeed);
  const std::string token = TokenNow();
  const auto resumed = Watch(token);
  ASSERT_TRUE(Apply(MaxHeaders(50)).ok());
  const v1::WatchConfigResponse next = resumed->Next();
  ASSERT_TRUE(next.has_delta()) << next.DebugString();
  EXPECT_EQ(next.delta().from_generation(), 1u);
  EXPECT_EQ(next.generation(), 2u);
  EXPECT_EQ(next.skipped_generations(), 0u);
}

TEST_F(WatchConfigTest, ATokenOfAKeptGenerationLeadsToAllThatWasMissedAtOnce) {
  Start(kSeed);
  const std::string token = TokenNow();
  ASSERT_TRUE(Apply(R"(mutations { upsert_model_alias { name: "aliases/short"
                                          targets { model: "m" } } })")
                  .ok());
  ASSERT_TRUE(Apply(R"(mutations { delete_model_alias { name: "aliases/short" } }
                              mutations { delete_model_alias { name: "aliases/x" } })")
                  .ok());
  ASSERT_TRUE(Apply(R"(reason: "why" )" + Label("new")).ok());
  const v1::WatchConfigResponse next = Watch(token)->Next();
  EXPECT_EQ(next.generation(), 4u);
  EXPECT_EQ(next.skipped_generations(), 2u);
  const v1::ConfigDelta& delta = next.delta();
  EXPECT_EQ(delta.from_generation(), 1u);
  ASSERT_EQ(delta.upserted_size(), 1) << delta.DebugString();
  EXPECT_EQ(delta.upserted(0).backend().label(), "new");
  EXPECT_THAT(delta.deleted(), ElementsAre("aliases/x")) << "the other came and went meanwhile";
  EXPECT_EQ(delta.origin(), v1::REVISION_ORIGIN_ADMIN);
  EXPECT_EQ(delta.actor(), "alice");
  EXPECT_EQ(delta.reason(), "why");
}

TEST_F(WatchConfigTest, WhatIsReadBackForAResumeShowsNoSecret) {
  Start(kSeed);
  const std::string token = TokenNow();
  ASSERT_TRUE(Apply(Label("new")).ok());
  const v1::WatchConfigResponse next = Watch(token)->Next();
  ASSERT_EQ(next.delta().upserted_size(), 1);
  EXPECT_EQ(next.delta().upserted(0).backend().api_key().inline_key(), "***");
  EXPECT_EQ(next.delta().upserted(0).backend().status().health(), v1::HEALTH_STATE_UNCHECKED);
}

TEST_F(WatchConfigTest, EachMessageHasTheTokenOfItsOwnPlace) {
  Start(kSeed);
  const auto stream = Watch();
  std::vector<std::string> tokens = {stream->Next().resume_token()};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Apply(MaxHeaders(50 + i)).ok());
    tokens.push_back(stream->Next().resume_token());
  }
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const v1::WatchConfigResponse next = Watch(tokens[i])->Next();
    EXPECT_EQ(next.delta().from_generation(), i + 1);
    EXPECT_EQ(next.generation(), 5u);
  }
}

TEST_F(WatchConfigTest, AResumedStreamGoesOnLikeAnyOther) {
  Start(kSeed);
  const std::string token = TokenNow();
  ASSERT_TRUE(Apply(MaxHeaders(50)).ok());
  const auto resumed = Watch(token);
  EXPECT_EQ(resumed->Next().generation(), 2u);
  ASSERT_TRUE(Apply(MaxHeaders(60)).ok());
  const v1::WatchConfigResponse next = resumed->Next();
  EXPECT_EQ(next.delta().from_generation(), 2u);
  EXPECT_EQ(next.generation(), 3u);
}

TEST_F(WatchConfigTest, ATokenOfAForgottenGenerationIsTooOld) {
  Start(kSeed, {.keep = 3});
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Apply(MaxHeaders(50 + i)).ok());
  EXPECT_EQ(Watch(tokens_.Make("config", "", 3))->Next().delta().from_generation(), 3u)
      << "the oldest one that is kept";
  EXPECT_EQ(Refusal(tokens_.Make("config", "", 2)), "OUT_OF_RANGE RESUME_TOKEN_EXPIRED");
  EXPECT_EQ(Watch()->Next().snapshot().generation(), 5u) << "beginning anew is the way out";
}

TEST_F(WatchConfigTest, ATokenOfAGenerationThatHasNotBeenIsNotBelieved) {
  Start(kSeed);
  for (const uint64_t generation : {uint64_t{0}, uint64_t{2}, uint64_t{99}, UINT64_MAX}) {
    EXPECT_EQ(Refusal(tokens_.Make("config", "", generation)), "OUT_OF_RANGE RESUME_TOKEN_EXPIRED")
        << generation;
  }
}

TEST_F(WatchConfigTest, ATokenOfAnotherLifeOfTheRouterIsTooOldHoweverWellItFits) {
  Start(kSeed);
  EXPECT_EQ(Refusal(OpaqueTokens().Make("config", "", 1)), "OUT_OF_RANGE RESUME_TOKEN_EXPIRED");
}

TEST_F(WatchConfigTest, WhatIsNoTokenOfSuchAStreamIsAMistakeOfTheCaller) {
  Start(kSeed);
  std::string damaged = tokens_.Make("config", "", 1);
  damaged[30] = damaged[30] == 'A' ? 'B' : 'A';
  for (const std::string& wrong :
       {std::string("made up"), std::string("1"), damaged, tokens_.Make("audit", "", 1),
        tokens_.Make("backends", "", 1), tokens_.Make("config", "1,", 1)}) {
    EXPECT_EQ(Refusal(wrong), "INVALID_ARGUMENT INVALID_FIELDS resume_token") << wrong;
  }
}

TEST_F(WatchConfigTest, ATokenBelongsToTheKindsThatWereAskedFor) {
  Start(kSeed);
  const auto two = {v1::RESOURCE_KIND_LIMITS, v1::RESOURCE_KIND_BACKEND};
  const auto turned = {v1::RESOURCE_KIND_BACKEND, v1::RESOURCE_KIND_LIMITS};
  const v1::WatchConfigResponse first = Watch("", two)->Next();
  EXPECT_EQ(first.snapshot().backends_size(), 1);
  EXPECT_THAT(first.snapshot().model_aliases(), IsEmpty());
  ASSERT_TRUE(
      Apply(MaxHeaders(50) + R"(mutations { delete_model_alias { name: "aliases/x" } })").ok());
  const v1::WatchConfigResponse next = Watch(first.resume_token(), turned)->Next();
  ASSERT_EQ(next.delta().upserted_size(), 1) << next.DebugString();
  EXPECT_EQ(next.delta().upserted(0).limits().max_headers(), 50u);
  EXPECT_THAT(next.delta().deleted(), IsEmpty()) << "nobody asked for aliases";
  EXPECT_THAT(Refusal(first.resume_token(), {v1::RESOURCE_KIND_BACKEND}),
              HasSubstr("INVALID_FIELDS resume_token"));
  EXPECT_THAT(Refusal(first.resume_token()), HasSubstr("INVALID_FIELDS resume_token"));
}

TEST_F(WatchConfigTest, AStepThatDoesNotConcernTheReaderStillMovesItsPlace) {
  Start(kSeed);
  const auto kinds = {v1::RESOURCE_KIND_CALLBACK};
  const auto stream = Watch("", kinds);
  stream->Next();
  ASSERT_TRUE(Apply(MaxHeaders(50)).ok());
  const v1::WatchConfigResponse next = stream->Next();
  ASSERT_TRUE(next.has_delta());
  EXPECT_THAT(next.delta().upserted(), IsEmpty());
  EXPECT_EQ(next.generation(), 2u);
}

}  // namespace
}  // namespace vllm_router::admin
