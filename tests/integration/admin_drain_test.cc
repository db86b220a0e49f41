// How long the end of a backend or of the process takes, changed while it has begun or before.
#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

class AdminDrain : public AdminTest {
 protected:
  // A stream that the engine holds after its first event.
  void BeginStream(TestClient& client) {
    engine(0).Hold(true);
    client.Send(ChatStream());
    stream_ = engine(0).WaitForHeld();
    ASSERT_NE(stream_, 0u);
    engine(0).Send(stream_, std::string(kStreamHead) + Chunk("data: a\n\n"));
    EXPECT_EQ(client.Head().status, 200);
    EXPECT_EQ(client.Event(), "data: a");
  }
  void EndStream(TestClient& client) {
    engine(0).Send(stream_, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
    engine(0).Finish(stream_, End::kKeepAlive);
    EXPECT_EQ(client.Event(), "data: [DONE]");
  }
  v1::DrainStatus Drain(const std::string& how) {
    auto request = Proto<v1::DrainBackendRequest>(how);
    request.set_name(BackendName(0));
    const auto drained = admin().DrainBackend(request);
    EXPECT_TRUE(drained.ok()) << drained.status();
    return drained.ok() ? drained->backend().status().drain() : v1::DrainStatus();
  }

  uint64_t stream_ = 0;
};

TEST_F(AdminDrain, ADrainDelayThatWasTakenAwayDelaysNoEnd) {
  AddEngine();
  StartAdmin({"--drain-delay-seconds", "3600"});
  SetLimits("drain_delay {}");
  router().Signal(SIGTERM);
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(AdminDrain, ADrainDelayThatWasGivenKeepsThePortOpen) {
  AddEngine();
  StartAdmin({"--drain-delay-seconds", "0"});
  SetLimits("drain_delay { seconds: 3600 }");
  router().Signal(SIGTERM);
  ASSERT_TRUE(router().WaitForLog("shutting down: .* another 3600.0 s"));
  EXPECT_EQ(Ask(Get("/readyz")).head.status, 503);
  EXPECT_EQ(Ask(Chat()).head.status, 200) << "who has not heard of it yet is served";
  const auto info = admin().GetServerInfo({});
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_TRUE(info->shutting_down());
  ASSERT_TRUE(admin().Shutdown(Proto<v1::ShutdownRequest>("drain_timeout {}")).ok());
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(AdminDrain, AGraceThatWasTakenAwayCutsWhatRuns) {
  AddEngine();
  StartAdmin({"--shutdown-grace-seconds", "3600"});
  TestClient client = Connect();
  BeginStream(client);
  SetLimits("shutdown_grace {}");
  router().Signal(SIGTERM);
  EXPECT_THAT(client.Event(), HasSubstr("error"));
  EXPECT_EQ(router().WaitForExit(), 0);
}

TEST_F(AdminDrain, AGraceThatWasGivenLetsWhatRunsEnd) {
  AddEngine();
  StartAdmin({"--shutdown-grace-seconds", "0"});
  TestClient client = Connect();
  BeginStream(client);
  SetLimits("shutdown_grace { seconds: 3600 }");
  router().Signal(SIGTERM);
  // The port is closed when the delay, which is 0 here, is over: from then on the grace counts.
  ASSERT_TRUE(Eventually([this] { return !RawClient::Connect(port()).ok(); }));
  EndStream(client);
  EXPECT_EQ(router().WaitForExit(), 0);
  EXPECT_EQ(router().CountLog("cutting the answers"), 0u);
}

TEST_F(AdminDrain, ARepeatedDrainHasTheDeadlineOfTheLastCall) {
  AddEngine();
  StartAdmin();
  TestClient client = Connect();
  BeginStream(client);
  const v1::DrainStatus late = Drain("deadline { nanos: 1 } on_deadline: ON_DRAIN_DEADLINE_WAIT");
  EXPECT_TRUE(late.overdue());
  EXPECT_FALSE(late.done()) << "it waits on";
  const v1::DrainStatus patient = Drain("");
  EXPECT_FALSE(patient.overdue());
  EXPECT_FALSE(patient.has_deadline_time());
  EXPECT_EQ(patient.start_time().SerializeAsString(), late.start_time().SerializeAsString())
      << "it is the same drain";
  const v1::DrainStatus later =
      Drain("deadline { seconds: 3600 } on_deadline: ON_DRAIN_DEADLINE_ABORT");
  EXPECT_FALSE(later.overdue());
  EXPECT_EQ(later.remaining(), 1u);
  engine(0).Send(stream_, Chunk("data: b\n\n"));
  EXPECT_EQ(client.Event(), "data: b");

  Drain("deadline { nanos: 1 } on_deadline: ON_DRAIN_DEADLINE_ABORT");
  EXPECT_THAT(client.Event(), HasSubstr("error"));
  EXPECT_TRUE(engine(0).WaitForAborts(1));
  ASSERT_TRUE(EndsIdle());
  v1::GetBackendRequest get;
  get.set_name(BackendName(0));
  const v1::DrainStatus done = admin().GetBackend(get)->backend().status().drain();
  EXPECT_TRUE(done.done());
  EXPECT_EQ(done.remaining(), 0u);
  EXPECT_EQ(done.aborted(), 1u);
}

TEST_F(AdminDrain, AnUndrainForgetsTheDeadline) {
  AddEngine();
  StartAdmin();
  TestClient client = Connect();
  BeginStream(client);
  Drain("deadline { seconds: 3600 } on_deadline: ON_DRAIN_DEADLINE_ABORT");
  v1::UndrainBackendRequest undrain;
  undrain.set_name(BackendName(0));
  ASSERT_TRUE(admin().UndrainBackend(undrain).ok());
  const v1::DrainStatus again = Drain("");
  EXPECT_FALSE(again.has_deadline_time());
  EXPECT_EQ(again.on_deadline(), v1::ON_DRAIN_DEADLINE_UNSPECIFIED);
  EndStream(client);
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminDrain, ADeletionGoesAheadWhenItsNewDeadlineReleasesWhatRuns) {
  AddEngine();
  StartAdmin();
  TestClient client = Connect();
  BeginStream(client);
  const std::string name = BackendName(0);
  auto remove = Proto<v1::DeleteBackendRequest>(
      "deletion { drain { deadline { seconds: 3600 } on_deadline: ON_DRAIN_DEADLINE_ABORT } }");
  remove.mutable_deletion()->set_name(name);
  const auto removed = admin().DeleteBackend(remove);
  ASSERT_TRUE(removed.ok()) << removed.status();
  EXPECT_TRUE(removed->backend().status().drain().delete_when_done());
  const v1::DrainStatus released =
      Drain("deadline { nanos: 1 } on_deadline: ON_DRAIN_DEADLINE_RELEASE");
  EXPECT_TRUE(released.delete_when_done()) << "a new deadline takes the deletion not back";
  EXPECT_TRUE(released.done());
  EXPECT_TRUE(WaitUntilGone(name));
  EndStream(client);
  EXPECT_TRUE(EndsIdle());
}

}  // namespace
}  // namespace vllm_router::test
