#include "server/gateway/request_stats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace vllm_router::gateway {
namespace {

using stats::Cause;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kRole =
    "data: {\"choices\":[{\"delta\":{\"role\":\"r\",\"content\":\"\"}}]}\n\n";
constexpr std::string_view kToken = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";

class RequestStatsTest : public testing::Test {
 protected:
  RequestStatsTest() {
    backend_.stats = registry_.ForBackend("b");
    stream_.event_stream = true;
  }

  // A request whose body is there 100 ms after its head, and 50 ms later an attempt begins.
  void Begin() {
    const base::TimePoint head_came = clock_.Now();
    clock_.Advance(milliseconds(100));
    request_.Begin(head_came, clock_.Now(), 10);
    request_.OnModel(*registry_.ForModel("m"));
    clock_.Advance(milliseconds(50));
    request_.OnAttempt(backend_, clock_.Now());
  }
  void Read(std::string_view payload, base::Duration after) {
    clock_.Advance(after);
    request_.OnPayload({&payload, 1}, clock_.Now());
  }
  void End(Cause cause = Cause::kCompleted, int status = 200) {
    request_.End(cause, status, clock_.Now());
  }

  std::vector<stats::TrafficTotals> Levels() {
    const stats::RateWindow::Span span = registry_.rate_window().Ending(clock_.Now());
    return {registry_.Traffic(span), registry_.ForModel("m")->Traffic(span),
            backend_.stats->Traffic(span)};
  }
  stats::TrafficTotals Router() { return Levels()[0]; }
  stats::TrafficTotals Backend() { return Levels()[2]; }
  static void ExpectOnly(const stats::HistogramTotals& histogram, base::Duration value,
                         uint64_t times = 1) {
    EXPECT_EQ(histogram.Count(), times);
    EXPECT_EQ(histogram.counts[stats::BucketOf(value)], times);
  }

  test_support::FakeClock clock_;
  stats::Registry registry_{1};
  fleet::Backend backend_;
  http::ResponseHead stream_;
  http::ResponseHead whole_;
  RequestStats request_{registry_, 0};
};

TEST_F(RequestStatsTest, MeasuresTheFirstTokenFromTheHeadAndOnTheBackendFromTheAttempt) {
  Begin();
  request_.OnHead(stream_);
  Read(kRole, milliseconds(10));
  EXPECT_EQ(Router().in_prefill, 1u);
  EXPECT_EQ(Router().time_to_first_token.Count(), 0u);
  Read(kToken, milliseconds(40));
  ExpectOnly(Router().time_to_first_token, milliseconds(200));
  ExpectOnly(Levels()[1].time_to_first_token, milliseconds(200));
  ExpectOnly(Backend().time_to_first_token, milliseconds(50));
  for (const stats::TrafficTotals& level : Levels()) {
    EXPECT_EQ(level.in_prefill, 0u);
    EXPECT_EQ(level.in_decode, 1u);
  }
  clock_.Advance(milliseconds(800));
  End();
  ExpectOnly(Router().end_to_end, seconds(1));
  ExpectOnly(Backend().end_to_end, milliseconds(850));
}

TEST_F(RequestStatsTest, SpreadsTheTimeBetweenReadsOverTheEventsThatTheyBrought) {
  Begin();
  request_.OnHead(stream_);
  const std::string token(kToken);
  Read(token + token, milliseconds(10));  // the second one came with the first
  Read(kRole, milliseconds(5));           // no content, no interval
  Read(token, milliseconds(15));
  Read(token + token + token, milliseconds(60));
  for (const stats::TrafficTotals& level : Levels()) {
    EXPECT_EQ(level.output_tokens_live, 6u);
    EXPECT_EQ(level.output_tokens(), 0u) << "the answer has not ended";
    EXPECT_EQ(level.inter_token.Count(), 5u);
    EXPECT_EQ(level.inter_token.counts[0], 1u);
    EXPECT_EQ(level.inter_token.counts[stats::BucketOf(milliseconds(20))], 4u);
    EXPECT_EQ(level.inter_token.sum_ns, 80'000'000u);
  }
}

TEST_F(RequestStatsTest, FindsNoTokensInWhatIsNoPlainStream) {
  Begin();
  request_.OnHead(whole_);
  EXPECT_EQ(Router().in_decode, 1u);
  Read(kToken, milliseconds(10));
  End();
  Begin();
  http::ResponseHead packed = stream_;
  packed.fields.push_back({.id = http::FieldId::kContentEncoding, .name = {}, .value = {}});
  request_.OnHead(packed);
  Read(kToken, milliseconds(10));
  End();
  for (const stats::TrafficTotals& level : Levels()) {
    EXPECT_EQ(level.finished, 2u);
    EXPECT_EQ(level.output_tokens(), 0u);
    EXPECT_EQ(level.time_to_first_token.Count(), 0u);
    EXPECT_EQ(level.response_bytes, 2 * kToken.size());
    EXPECT_EQ(level.in_decode, 0u);
  }
}

TEST_F(RequestStatsTest, TakesTheTokensFromTheAnswerOrCountsEvents) {
  const std::string token(kToken);
  Begin();
  request_.OnHead(stream_);
  Read(token + token, milliseconds(10));
  Read("data: {\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5}}\n\n", milliseconds(1));
  End();
  Begin();
  request_.OnHead(stream_);
  Read(token + token + token, milliseconds(10));
  End(Cause::kClientAborted);
  Begin();
  request_.OnHead(whole_);
  Read("{\"usage\":{\"prompt_tokens\":4,\"comple", milliseconds(1));
  Read("tion_tokens\":7}}", milliseconds(1));
  End();
  for (const stats::TrafficTotals& level : Levels()) {
    EXPECT_EQ(level.input_tokens, 13u);
    EXPECT_EQ(level.output_tokens_reported, 12u);
    EXPECT_EQ(level.output_tokens_counted, 3u);
    EXPECT_EQ(level.output_tokens_live, 15u);
  }
}

TEST_F(RequestStatsTest, CountsTheEventsOfAStreamThatSaidOnlyWhatItBeganWith) {
  const std::string_view start =
      "event: message_start\ndata: {\"message\":{\"usage\":{\"input_tokens\":9,"
      "\"output_tokens\":1}}}\n\n";
  const std::string_view token =
      "event: content_block_delta\ndata: {\"delta\":{\"text\":\"x\"}}\n\n";
  const auto begin = [&] {
    Begin();
    request_.OnHead(stream_);
    Read(start, milliseconds(1));
    for (int i = 0; i < 3; ++i) Read(token, milliseconds(1));
  };
  begin();
  End(Cause::kClientAborted);
  EXPECT_FALSE(request_.tokens_reported());
  EXPECT_EQ(request_.output_tokens(), 3u);
  EXPECT_EQ(request_.input_tokens(), 9u);
  for (const stats::TrafficTotals& level : Levels()) {
    EXPECT_EQ(level.output_tokens_counted, 3u);
    EXPECT_EQ(level.output_tokens_reported, 0u);
    EXPECT_EQ(level.output_tokens_live, 3u);
    EXPECT_EQ(level.input_tokens, 9u);
  }
  // One that has said its last word, and is cut then.
  begin();
  Read("event: message_delta\ndata: {\"usage\":{\"output_tokens\":5}}\n\n", milliseconds(1));
  End(Cause::kBackendDied);
  EXPECT_TRUE(request_.tokens_reported());
  EXPECT_EQ(Router().output_tokens_reported, 5u);
  EXPECT_EQ(Router().output_tokens_live, 8u);
}

TEST_F(RequestStatsTest, ForgetsTheTokensOfTheRequestBefore) {
  Begin();
  request_.OnHead(whole_);
  Read("{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":7}}", milliseconds(1));
  End();
  Begin();
  EXPECT_EQ(request_.input_tokens(), 0u);
  EXPECT_EQ(request_.output_tokens(), 0u);
  End(Cause::kBackendConnect);
  EXPECT_EQ(Router().output_tokens(), 7u);
}

TEST_F(RequestStatsTest, SortsDurationsOfAttemptsByHowTheyEnded) {
  const auto end = [this](Cause cause, int status) {
    Begin();
    clock_.Advance(milliseconds(150));
    End(cause, status);
  };
  end(Cause::kCompleted, 200);
  end(Cause::kCompleted, 404);
  end(Cause::kBackendStatus, 500);
  end(Cause::kBackendDied, 200);
  end(Cause::kClientAborted, 200);
  const auto models = backend_.stats->Models(registry_.rate_window().Ending(clock_.Now()));
  const auto count = [&](stats::LatencyOf of) {
    return models.at("m").latency[static_cast<size_t>(of)].counts[2];  // up to 0.25 s
  };
  EXPECT_EQ(count(stats::LatencyOf::kSuccess), 1u);
  EXPECT_EQ(count(stats::LatencyOf::kError), 3u);
  EXPECT_EQ(count(stats::LatencyOf::kClientAborted), 1u);
}

TEST_F(RequestStatsTest, EndsAttemptsOneByOneAndTheRequestOnce) {
  Begin();
  request_.OnAttemptFailed(Cause::kBackendDied, clock_.Now());
  EXPECT_EQ(request_.last_failure(), Cause::kBackendDied);
  EXPECT_EQ(Backend().in_prefill, 0u);
  EXPECT_EQ(Router().in_prefill, 1u);
  request_.OnAttempt(backend_, clock_.Now());
  request_.OnHead(whole_);
  End();
  End();
  EXPECT_EQ(Router().started, 1u);
  EXPECT_EQ(Router().finished, 1u);
  EXPECT_EQ(Backend().started, 2u);
  EXPECT_EQ(Backend().finished, 1u);
  EXPECT_EQ(Backend().failed[static_cast<size_t>(Cause::kBackendDied)], 1u);
}

TEST_F(RequestStatsTest, NotesTheFirstAttemptOfAll) {
  EXPECT_EQ(registry_.FirstAttempt(), std::nullopt);
  Begin();
  const base::TimePoint first = clock_.Now();
  End();
  Begin();
  End();
  EXPECT_EQ(registry_.FirstAttempt(), first);
}

TEST_F(RequestStatsTest, AnAnswerThatIsDroppedForAnotherBackendsHasNoDuration) {
  Begin();
  request_.OnAttemptFailed(Cause::kBackendStatus, clock_.Now());
  EXPECT_EQ(Backend().failed[static_cast<size_t>(Cause::kBackendStatus)], 1u);
  EXPECT_EQ(Backend().end_to_end.Count(), 0u);
  request_.OnAttempt(backend_, clock_.Now());
  End();
  EXPECT_EQ(Backend().end_to_end.Count(), 1u);
  EXPECT_EQ(Router().end_to_end.Count(), 1u);
}

TEST_F(RequestStatsTest, TakesTheCauseThatWasSet) {
  Begin();
  request_.set_cause(Cause::kAdminAborted);
  End();
  EXPECT_EQ(Router().failed[static_cast<size_t>(Cause::kAdminAborted)], 1u);
  EXPECT_EQ(Router().end_to_end.Count(), 0u);
  Begin();
  EXPECT_EQ(request_.cause(), Cause::kNone);
  End(Cause::kBackendStatus);
  EXPECT_EQ(Router().end_to_end.Count(), 1u);
}

TEST_F(RequestStatsTest, CountsUnknownModelsTogether) {
  request_.Begin(clock_.Now(), clock_.Now(), 0);
  request_.OnModel(registry_.other_models());
  End(Cause::kRejected);
  EXPECT_EQ(registry_.other_models().Started(), 1u);
  EXPECT_EQ(registry_.other_models().Incoming(), 1u);
  Begin();
  End();
  EXPECT_EQ(registry_.ForModel("m")->Incoming(), 1u);
}

TEST_F(RequestStatsTest, CountsABlockedStreamOnce) {
  const stats::Cell& blocked = registry_.shard(0).blocked_streams;
  Begin();
  request_.set_blocked(true);
  request_.set_blocked(true);
  EXPECT_EQ(blocked.Read(), 1u);
  request_.set_blocked(false);
  EXPECT_EQ(blocked.Read(), 0u);
  request_.set_blocked(true);
  End();
  EXPECT_EQ(blocked.Read(), 0u);
}

TEST_F(RequestStatsTest, GoesWithoutABackendThatNobodyCounts) {
  backend_.stats = nullptr;
  request_.Begin(clock_.Now(), clock_.Now(), 0);
  request_.OnAttempt(backend_, clock_.Now());
  request_.OnHead(stream_);
  Read(kToken, milliseconds(1));
  request_.OnAttemptFailed(Cause::kBackendDied, clock_.Now());
  End();
  const stats::RateWindow::Span span = registry_.rate_window().Ending(clock_.Now());
  EXPECT_EQ(registry_.Traffic(span).finished, 1u);
}

TEST(CauseOf, FollowsTheStatusThatTheClientGets) {
  for (const openai::RequestError* error : openai::errors::kAll) {
    const Cause cause = CauseOf(*error);
    if (error->status < 500 && error->status != 408 && error->status != 429) {
      EXPECT_EQ(cause, Cause::kRejected) << error->message;
    }
  }
  EXPECT_EQ(CauseOf(openai::errors::kRequestTimeout), Cause::kClientTimeout);
  EXPECT_EQ(CauseOf(openai::errors::kTooManyRequests), Cause::kOverloaded);
  EXPECT_EQ(CauseOf(openai::errors::kOverloaded), Cause::kOverloaded);
  EXPECT_EQ(CauseOf(openai::errors::kNoBackendAvailable), Cause::kNoBackend);
  EXPECT_EQ(CauseOf(openai::errors::kInternal), Cause::kInternal);
}

}  // namespace
}  // namespace vllm_router::gateway
