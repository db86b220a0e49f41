#include "server/admin/in_flight_audit.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>

#include "absl/strings/str_format.h"
#include "tests/support/backends.h"

namespace vllm_router::admin {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::InFlightComparison Judged(uint64_t before, uint64_t after, double running, double waiting) {
  v1::InFlightComparison comparison;
  comparison.set_in_flight_before(before);
  comparison.set_in_flight_after(after);
  comparison.mutable_engine()->set_running(running);
  comparison.mutable_engine()->set_waiting(waiting);
  Judge(&comparison);
  return comparison;
}

TEST(Judge, TakesWhatBeganOrEndedMeanwhileIntoAccount) {
  EXPECT_EQ(Judged(3, 3, 2, 1).verdict(), v1::IN_FLIGHT_VERDICT_MATCHES);
  EXPECT_EQ(Judged(3, 5, 4, 0).verdict(), v1::IN_FLIGHT_VERDICT_MATCHES);
  EXPECT_EQ(Judged(5, 3, 3, 0).verdict(), v1::IN_FLIGHT_VERDICT_MATCHES);
  EXPECT_EQ(Judged(0, 0, 0, 0).verdict(), v1::IN_FLIGHT_VERDICT_MATCHES);
}

TEST(Judge, SaysWhichSideHasMoreAndByHowMuchAtLeast) {
  EXPECT_EQ(Judged(5, 4, 1, 1).verdict(), v1::IN_FLIGHT_VERDICT_ROUTER_HAS_MORE);
  EXPECT_EQ(Judged(5, 4, 1, 1).difference(), 2);
  EXPECT_EQ(Judged(1, 2, 4, 3).verdict(), v1::IN_FLIGHT_VERDICT_ENGINE_HAS_MORE);
  EXPECT_EQ(Judged(1, 2, 4, 3).difference(), -5);
}

TEST(Judge, KnowsNothingOfAnEngineThatDoesNotSay) {
  v1::InFlightComparison comparison;
  comparison.set_in_flight_before(1);
  Judge(&comparison);
  EXPECT_EQ(comparison.verdict(), v1::IN_FLIGHT_VERDICT_UNREADABLE);
  // An old report beside a new error is no answer.
  comparison.mutable_engine()->set_running(1);
  comparison.mutable_engine()->set_error("it hangs");
  Judge(&comparison);
  EXPECT_EQ(comparison.verdict(), v1::IN_FLIGHT_VERDICT_UNREADABLE);
}

class InFlightAuditTest : public testing::Test {
 protected:
  InFlightAuditTest() {
    process_.read_engine = [this](const std::string& id, base::Duration timeout,
                                  Process::EngineRead done) {
      EXPECT_EQ(timeout, std::chrono::seconds(2));
      asked_.push_back({id, std::move(done)});
    };
    process_.list_in_flight = [this](const Process::InFlightQuery&, Process::Found done) {
      ++lists_;
      done(in_flight_);
    };
  }

  void Begin(std::vector<fleet::BackendPtr> backends) {
    InFlightAudit::Begin(process_, std::move(backends), std::chrono::seconds(2),
                         [this](std::vector<v1::InFlightComparison> comparisons) {
                           ++done_;
                           comparisons_ = std::move(comparisons);
                         });
  }
  // The oldest question gets its answer.
  void AnswerOne(double running) {
    const auto done = std::move(asked_.front().done);
    asked_.pop_front();
    fleet::EngineReading reading;
    reading.report.emplace().running = running;
    done(reading);
  }

  struct Question {
    std::string id;
    Process::EngineRead done;
  };
  Process process_;
  std::deque<Question> asked_;
  std::vector<Process::InFlight> in_flight_;
  int lists_ = 0;
  int done_ = 0;
  std::vector<v1::InFlightComparison> comparisons_;
};

TEST_F(InFlightAuditTest, ComparesEachBackendInItsOrder) {
  const auto backends = test_support::MakeBackends({"http://a:1", "http://b:1"});
  fleet::Lease on_a(backends[0]);
  Begin(backends);
  ASSERT_EQ(asked_.size(), 2u);
  std::swap(asked_[0], asked_[1]);  // b is quicker
  fleet::Lease on_b(backends[1]);
  AnswerOne(1);
  EXPECT_EQ(done_, 0);
  AnswerOne(1);
  ASSERT_EQ(done_, 1);
  EXPECT_EQ(comparisons_[0].url(), "http://a:1");
  EXPECT_EQ(comparisons_[0].in_flight_before(), 1u);
  EXPECT_EQ(comparisons_[1].in_flight_before(), 0u);
  EXPECT_EQ(comparisons_[1].in_flight_after(), 1u);
  EXPECT_EQ(comparisons_[1].verdict(), v1::IN_FLIGHT_VERDICT_MATCHES);
  EXPECT_EQ(lists_, 0) << "nothing is suspect";
}

TEST_F(InFlightAuditTest, NamesTheOldestRequestsThatTheEngineDoesNotKnow) {
  const auto backends = test_support::MakeBackends({"http://a:1"});
  std::vector<fleet::Lease> leases;
  for (int i = 0; i < 12; ++i) leases.emplace_back(backends[0]);
  for (int i = 0; i < 12; ++i) {
    Process::InFlight& one = in_flight_.emplace_back();
    one.entry.set_name(absl::StrFormat("requests/%d", i));
    one.entry.set_backend(i == 1 ? "backends/other" : "backends/" + backends[0]->spec.id);
  }
  Begin(backends);
  AnswerOne(0);
  ASSERT_EQ(done_, 1);
  EXPECT_EQ(comparisons_[0].difference(), 12);
  ASSERT_EQ(comparisons_[0].oldest_size(), 10);
  EXPECT_EQ(comparisons_[0].oldest(0).name(), "requests/0");
  EXPECT_EQ(comparisons_[0].oldest(1).name(), "requests/2");
}

TEST_F(InFlightAuditTest, AsksSoManyAtATime) {
  std::vector<std::string> urls;
  for (int i = 0; i < 150; ++i) urls.push_back(absl::StrFormat("http://e%d:1", i));
  Begin(test_support::MakeBackends(urls));
  EXPECT_EQ(asked_.size(), 64u);
  size_t answered = 0;
  while (!asked_.empty()) {
    AnswerOne(0);
    ++answered;
    EXPECT_LE(asked_.size(), 64u);
  }
  EXPECT_EQ(answered, 150u);
  EXPECT_EQ(done_, 1);
  EXPECT_EQ(comparisons_.size(), 150u);
}

TEST_F(InFlightAuditTest, IsOverAtOnceWithoutBackends) {
  Begin({});
  EXPECT_EQ(done_, 1);
  EXPECT_THAT(comparisons_, IsEmpty());
}

}  // namespace
}  // namespace vllm_router::admin
