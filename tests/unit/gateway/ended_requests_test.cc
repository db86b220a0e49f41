#include "server/gateway/ended_requests.h"

#include <string>

#include "gmock/gmock.h"
#include "tests/support/backends.h"

namespace vllm_router::gateway {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void Add(EndedRequests& ended, const std::string& id, const RequestFacts& facts,
         uint64_t generation) {
  ended.Add().Set(id, facts, nullptr, {}, generation, base::TimePoint());
}

TEST(EndedRequestsTest, KeepsWhatExplainingNeeds) {
  const auto used = test_support::MakeBackend("http://used:1");
  const auto failed = test_support::MakeBackend("http://failed:1");
  const fleet::Backend* const others[] = {failed.get()};
  RequestFacts facts{.model = "alias", .session_id = "s", .session_source = SessionSource::kBody};
  EndedRequests ended;
  ended.Add().Set("x", facts, used.get(), others, 7, base::TimePoint(base::Duration(5)));
  const RequestTrace* trace = ended.Find("x");
  ASSERT_NE(trace, nullptr);
  EXPECT_EQ(trace->model, "alias");
  EXPECT_EQ(trace->session_source, SessionSource::kBody);
  EXPECT_EQ(trace->session_id, "s");
  EXPECT_EQ(trace->backend_id, used->spec.id);
  EXPECT_THAT(trace->failed_ids, ElementsAre(failed->spec.id));
  EXPECT_EQ(trace->generation, 7u);
  EXPECT_EQ(trace->seen, base::TimePoint(base::Duration(5)));
  EXPECT_FALSE(trace->running);
  EXPECT_EQ(ended.Find("y"), nullptr);
}

TEST(EndedRequestsTest, FindsTheLastOneOfAnId) {
  EndedRequests ended;
  for (const uint64_t generation : {1, 2, 3}) Add(ended, "x", {.model = "m"}, generation);
  EXPECT_EQ(ended.Find("x")->generation, 3u);
}

TEST(EndedRequestsTest, KeepsSoManyAndForgetsTheOldest) {
  EndedRequests ended;
  constexpr size_t kAdded = 3 * EndedRequests::kKept + 10;
  for (size_t i = 0; i < kAdded; ++i) Add(ended, std::to_string(i), {.model = "m"}, i);
  EXPECT_EQ(ended.size(), EndedRequests::kKept);
  for (size_t i = 0; i < kAdded; ++i) {
    const RequestTrace* trace = ended.Find(std::to_string(i));
    if (i < kAdded - EndedRequests::kKept) {
      EXPECT_EQ(trace, nullptr) << i;
    } else {
      ASSERT_NE(trace, nullptr) << i;
      EXPECT_EQ(trace->generation, i);
    }
  }
}

TEST(EndedRequestsTest, AnEntryHoldsNothingOfTheOneBefore) {
  const auto failed = test_support::MakeBackend("http://failed:1");
  const fleet::Backend* const others[] = {failed.get()};
  RequestTrace trace;
  trace.Set("x", {.model = "m", .session_id = "s", .session_source = SessionSource::kHeader},
            failed.get(), others, 1, base::TimePoint());
  trace.Set("y", {.model = "n"}, nullptr, {}, 2, base::TimePoint());
  EXPECT_EQ(trace.http_request_id, "y");
  EXPECT_EQ(trace.session_source, SessionSource::kNone);
  EXPECT_EQ(trace.session_id, "");
  EXPECT_EQ(trace.backend_id, "");
  EXPECT_THAT(trace.failed_ids, IsEmpty());
}

}  // namespace
}  // namespace vllm_router::gateway
