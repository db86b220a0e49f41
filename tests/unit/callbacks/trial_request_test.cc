#include "server/callbacks/trial_request.h"

#include <gmock/gmock.h>

#include <string>

#include "server/callbacks/answer_rules.h"
#include "server/config/checker.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::callbacks {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::Callback Callback(const std::string& text) {
  return config::Proto<v1::Callback>("name: 'callbacks/guard' " + text);
}

v1::PreRequestRequest Pre(const std::string& registration, const v1::RequestFacts& facts) {
  auto call = PreRequestFor(facts, Registration(Callback(registration)));
  EXPECT_THAT(call, test_support::IsOk());
  return call.ok() ? *call : v1::PreRequestRequest();
}

std::vector<std::string> Names(const google::protobuf::RepeatedPtrField<v1::Header>& headers) {
  std::vector<std::string> names;
  for (const v1::Header& header : headers) names.push_back(header.name());
  return names;
}

TEST(TrialRequest, MakesUpASmallChat) {
  const v1::Callback callback = Callback("request_body_mode: BODY_MODE_FULL models: 'a\"b'");
  const v1::RequestFacts facts = MadeUpFacts(callback, base::WallTime(base::FromSeconds(12.5)));
  EXPECT_EQ(facts.method(), "POST");
  EXPECT_EQ(facts.path(), "/v1/chat/completions");
  EXPECT_EQ(facts.model(), "a\"b");
  EXPECT_EQ(facts.receive_time().seconds(), 12);
  EXPECT_EQ(facts.receive_time().nanos(), 500'000'000);
  const v1::PreRequestRequest call = Pre("request_body_mode: BODY_MODE_FULL", facts);
  EXPECT_EQ(call.callback(), "callbacks/guard");
  EXPECT_THAT(call.request().body().data(), HasSubstr(R"("model": "a\"b")"));
  EXPECT_TRUE(IsWholeBody(call.request().body()));
  EXPECT_EQ(call.request().body().total_bytes(), call.request().body().data().size());
}

TEST(TrialRequest, SendsOnlyTheHeadersThatMayTravel) {
  const auto facts = config::Proto<v1::RequestFacts>(
      "path: '/p' headers { name: 'authorization' value: 'Bearer s' } "
      "headers { name: 'x-a' value: '1' } headers { name: 'from' } headers { name: 'x-a' }");
  const v1::PreRequestRequest call = Pre("", facts);
  EXPECT_EQ(call.request().path(), "/p");
  EXPECT_THAT(Names(call.request().headers()), ElementsAre("x-a", "x-a"));
}

TEST(TrialRequest, ShapesTheGivenBody) {
  const auto facts = config::Proto<v1::RequestFacts>("body { mode: BODY_MODE_FULL data: 'hello' }");
  EXPECT_EQ(Pre("", facts).request().body().data(), "");
  EXPECT_EQ(Pre("", facts).request().body().total_bytes(), 5u);
  const v1::PreRequestRequest cut =
      Pre("request_body_mode: BODY_MODE_TRUNCATED max_body_bytes: 4", facts);
  EXPECT_EQ(cut.request().body().data(), "hell");
  EXPECT_TRUE(cut.request().body().truncated());
}

TEST(TrialRequest, IsNotMadeWhereARealOneWouldNotBe) {
  const auto facts = config::Proto<v1::RequestFacts>("body { data: 'hello' }");
  const Registration skip(
      Callback("request_body_mode: BODY_MODE_FULL max_body_bytes: 4 "
               "over_limit: OVER_LIMIT_SKIP"));
  EXPECT_THAT(PreRequestFor(facts, skip),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("the request's body has 5 bytes, more than "
                                               "max_body_bytes, which is 4, and over_limit is "
                                               "SKIP")));
  const Registration post(
      Callback("response_body_mode: BODY_MODE_FULL max_body_bytes: 4 "
               "over_limit: OVER_LIMIT_DENY"));
  EXPECT_THAT(PostRequestFor(facts, post),
              test_support::StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("the answer's body")));
}

TEST(TrialRequest, TellsOfARequestThatWentWell) {
  const Registration registration(Callback("response_body_mode: BODY_MODE_FULL"));
  const auto call =
      PostRequestFor(config::Proto<v1::RequestFacts>("resolved_model: 'm'"), registration);
  ASSERT_THAT(call, test_support::IsOk());
  EXPECT_EQ(call->callback(), "callbacks/guard");
  EXPECT_EQ(call->cause(), v1::REQUEST_CAUSE_COMPLETED);
  EXPECT_EQ(call->status(), 200u);
  EXPECT_EQ(call->attempts(), 1u);
  EXPECT_LT(config::ToNanoseconds(call->timings().first_byte()),
            config::ToNanoseconds(call->timings().total()));
  EXPECT_FALSE(call->timings().has_first_token());  // not streamed
  EXPECT_THAT(Names(call->response_headers()), ElementsAre("content-type"));
  EXPECT_THAT(call->response_body().data(), HasSubstr(R"("model": "m")"));
}

TEST(TrialRequest, FiltersTheHeadersOfTheAnswer) {
  const Registration registration(Callback("header_rules { forward_deny: 'content-*' }"));
  const auto call = PostRequestFor(v1::RequestFacts(), registration);
  ASSERT_THAT(call, test_support::IsOk());
  EXPECT_THAT(Names(call->response_headers()), IsEmpty());
}

}  // namespace
}  // namespace vllm_router::callbacks
