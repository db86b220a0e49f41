// AuditInFlight against the real binary: what it finds when one side knows more than the other.
#include <string>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

class InFlightAudit : public AdminTest {
 protected:
  v1::AuditInFlightResponse Audit(const std::string& request = "") {
    const auto audit = admin().AuditInFlight(Proto<v1::AuditInFlightRequest>(request));
    EXPECT_TRUE(audit.ok()) << audit.status();
    return audit.ok() ? *audit : v1::AuditInFlightResponse();
  }
  // With the reads of every engine behind it that a router begins with: what is said afterwards is
  // said to an audit.
  void Start() {
    StartAdmin({"--engine-stats-interval", "3600"});
    for (int i = 0; i < engines_; ++i) {
      ASSERT_TRUE(engine(i).WaitUntil([](const Counters& seen) { return seen.scrapes > 0; }));
    }
  }
  FakeEngine& Add(const std::string& model = "m") {
    ++engines_;
    return AddEngine(WithModels({model}));
  }
  static void SayRunning(FakeEngine& engine, int running) {
    const std::string page = absl::StrFormat("vllm:num_requests_running %d\n", running);
    CannedAnswer answer = CannedAnswer::Bytes(
        absl::StrFormat(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%s",
            page.size(), page),
        End::kClose);
    answer.path = "/metrics";
    engine.Enqueue(std::move(answer));
  }

 private:
  int engines_ = 0;
};

TEST_F(InFlightAudit, MatchesWhileARequestRuns) {
  FakeEngine& engine = Add();
  Add("idle");
  ASSERT_NO_FATAL_FAILURE(Start());
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(Chat());
  const uint64_t id = engine.WaitForHeld();
  SayRunning(engine, 1);
  const v1::AuditInFlightResponse audit = Audit("include_matching: true");
  EXPECT_EQ(audit.checked(), 2u);
  EXPECT_EQ(audit.matching(), 2u);
  ASSERT_EQ(audit.comparisons_size(), 2);
  EXPECT_EQ(audit.comparisons(0).in_flight_before(), 1u);
  EXPECT_EQ(audit.comparisons(0).engine().running(), 1);
  EXPECT_EQ(audit.comparisons(1).in_flight_before(), 0u);
  EXPECT_EQ(Audit("backend: \"" + BackendName(1) + "\"").comparisons_size(), 0);
  engine.Answer(id);
  EXPECT_EQ(client.Response().head.status, 200);
}

TEST_F(InFlightAudit, NamesTheRequestThatTheEngineHasLost) {
  FakeEngine& engine = Add();
  ASSERT_NO_FATAL_FAILURE(Start());
  engine.Hold(true);
  TestClient client = Connect();
  client.Send(Chat("X-Request-Id: lost-one\r\n"));
  const uint64_t id = engine.WaitForHeld();
  SayRunning(engine, 0);
  const v1::AuditInFlightResponse audit = Audit();
  ASSERT_EQ(audit.comparisons_size(), 1);
  const v1::InFlightComparison& found = audit.comparisons(0);
  EXPECT_EQ(found.backend(), BackendName(0));
  EXPECT_EQ(found.verdict(), v1::IN_FLIGHT_VERDICT_ROUTER_HAS_MORE);
  EXPECT_EQ(found.difference(), 1);
  ASSERT_EQ(found.oldest_size(), 1);
  EXPECT_EQ(found.oldest(0).http_request_id(), "lost-one");
  engine.Answer(id);
  EXPECT_EQ(client.Response().head.status, 200);
}

TEST_F(InFlightAudit, SeesWhatIsNotThisRoutersAndWhatCannotBeRead) {
  FakeEngine& busy = Add();
  FakeEngine& dead = Add();
  ASSERT_NO_FATAL_FAILURE(Start());
  SayRunning(busy, 5);
  dead.StopListening();
  dead.CloseConnections(End::kReset);
  const v1::AuditInFlightResponse audit = Audit("timeout { seconds: 20 }");
  EXPECT_EQ(audit.matching(), 0u);
  ASSERT_EQ(audit.comparisons_size(), 2);
  EXPECT_EQ(audit.comparisons(0).verdict(), v1::IN_FLIGHT_VERDICT_ENGINE_HAS_MORE);
  EXPECT_EQ(audit.comparisons(0).difference(), -5);
  EXPECT_EQ(audit.comparisons(1).verdict(), v1::IN_FLIGHT_VERDICT_UNREADABLE);
  EXPECT_NE(audit.comparisons(1).engine().error(), "");
}

TEST_F(InFlightAudit, RefusesWhatItCannotDo) {
  AddEngine();
  StartAdmin();
  const auto unknown =
      admin().AuditInFlight(Proto<v1::AuditInFlightRequest>("backend: \"backends/nobody\""));
  EXPECT_TRUE(absl::IsNotFound(unknown.status())) << unknown.status();
  const auto hasty = admin().AuditInFlight(Proto<v1::AuditInFlightRequest>("timeout { nanos: 5 }"));
  EXPECT_TRUE(absl::IsInvalidArgument(hasty.status())) << hasty.status();
}

}  // namespace
}  // namespace vllm_router::test
