// The cap on running requests and the queue before it, changed while requests run and wait.
#include <map>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class AdminQueue : public AdminTest {
 protected:
  // One request runs, "r0", and `queued` wait behind it, "r1" and so on, each for ever.
  void StartFull(int queued) {
    AddEngine().Hold(true);
    StartAdmin({"--shards", "1", "--max-concurrent-requests", "1", "--max-queued-requests", "5",
                "--queue-timeout-seconds", "0"});
    Begin();
    ASSERT_THAT(AtTheEngine(), ElementsAre("r0"));
    for (int i = 1; i <= queued; ++i) {
      Begin();
      ASSERT_TRUE(WaitUntilQueued(static_cast<size_t>(i)));
    }
  }
  // The next `count` requests that the engine gets, and then holds; in any order.
  std::vector<std::string> AtTheEngine(int count = 1) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      const RecordedRequest seen = Seen(engine(0));
      ids.emplace_back(seen.Header("x-request-id").value_or(""));
      held_[ids.back()] = seen.id;
    }
    return ids;
  }
  // X-Request-Ids of those that wait, oldest first.
  std::vector<std::string> Queued() {
    const auto list =
        admin().ListInFlight(Proto<v1::ListInFlightRequest>("phases: REQUEST_PHASE_QUEUED"));
    EXPECT_TRUE(list.ok()) << list.status();
    std::vector<std::string> ids;
    if (!list.ok()) return ids;
    for (const v1::InFlightEntry& entry : list->entries()) ids.push_back(entry.http_request_id());
    return ids;
  }
  bool WaitUntilQueued(size_t count) {
    return Eventually([&] { return Queued().size() == count; });
  }
  void Begin() {
    const std::string id = absl::StrFormat("r%d", clients_.size());
    clients_.push_back(Connect());
    clients_.back().Send(Chat("X-Request-Id: " + id + "\r\n"));
  }
  // The engine answers request number `index`, and its client has the answer.
  void Answer(size_t index) {
    EXPECT_TRUE(engine(0).Answer(held_[absl::StrFormat("r%d", index)]));
    EXPECT_EQ(clients_[index].Response().head.status, 200);
  }

  std::vector<TestClient> clients_;
  std::map<std::string, uint64_t> held_;  // the engine's numbers of requests
};

TEST_F(AdminQueue, ARaisedCapLetsThoseInWhoWaitInTheirOrder) {
  StartFull(4);
  SetLimits("max_concurrent_requests: 2");
  EXPECT_THAT(AtTheEngine(), ElementsAre("r1"));
  SetLimits("max_concurrent_requests: 3");
  EXPECT_THAT(AtTheEngine(), ElementsAre("r2"));
  EXPECT_THAT(Queued(), ElementsAre("r3", "r4"));
  // Who comes now is behind them.
  Begin();
  ASSERT_TRUE(WaitUntilQueued(3));
  Answer(0);
  EXPECT_THAT(AtTheEngine(), ElementsAre("r3"));

  SetLimits("max_concurrent_requests: 0");  // off
  EXPECT_THAT(AtTheEngine(2), UnorderedElementsAre("r4", "r5"));
  EXPECT_THAT(Queued(), IsEmpty());
  for (size_t i = 1; i < clients_.size(); ++i) Answer(i);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminQueue, ALoweredCapCutsNobodyAndHoldsAsSoonAsPlacesComeBack) {
  StartFull(2);
  SetLimits("max_concurrent_requests: 3");
  EXPECT_THAT(AtTheEngine(2), UnorderedElementsAre("r1", "r2"));
  Begin();
  ASSERT_TRUE(WaitUntilQueued(1));

  SetLimits("max_concurrent_requests: 1");
  EXPECT_TRUE(engine(0).WaitUntil([](const Counters& c) { return c.held == 3; })) << "they run on";
  Answer(0);
  Answer(1);
  EXPECT_THAT(Queued(), ElementsAre("r3")) << "one still runs, and that is the cap";
  Answer(2);
  EXPECT_THAT(AtTheEngine(), ElementsAre("r3"));
  Answer(3);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminQueue, ASmallerQueueKeepsThoseWhoWaitAndTakesNoMore) {
  StartFull(2);
  SetLimits("max_queued_requests: 1");
  EXPECT_EQ(Ask(Chat()).head.status, 429);
  EXPECT_THAT(Queued(), ElementsAre("r1", "r2"));
  SetLimits("max_queued_requests: 3");
  Begin();
  ASSERT_TRUE(WaitUntilQueued(3));
  EXPECT_EQ(Ask(Chat()).head.status, 429);
  Answer(0);
  for (size_t i = 1; i < clients_.size(); ++i) {
    EXPECT_THAT(AtTheEngine(), ElementsAre(absl::StrFormat("r%d", i)));
    Answer(i);
  }
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminQueue, TheLongestWaitIsThatOfTheGenerationThatARequestBeganIn) {
  StartFull(1);
  SetLimits("queue_timeout { nanos: 100000000 }");
  const RawResponse late = Ask(Chat());
  EXPECT_EQ(late.head.status, 503);
  EXPECT_EQ(ErrorCode(late.body), "overloaded");
  EXPECT_THAT(Queued(), ElementsAre("r1")) << "it may wait for ever";
  Answer(0);
  EXPECT_THAT(AtTheEngine(), ElementsAre("r1"));
  Answer(1);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminQueue, ACapIsTurnedOnWhileTheRouterServes) {
  AddEngine().Hold(true);
  StartAdmin();
  SetLimits("max_concurrent_requests: 2");
  Begin();
  Begin();
  EXPECT_THAT(AtTheEngine(2), UnorderedElementsAre("r0", "r1"));
  EXPECT_EQ(Ask(Chat()).head.status, 429) << "and there is no queue";
  for (size_t i = 0; i < 2; ++i) Answer(i);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
