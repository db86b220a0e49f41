// Limits of client connections, changed while connections are open: what is open stays as it is,
// and what comes next meets the new limit.
#include <optional>

#include "tests/integration/admin_stage.h"

namespace vllm_router::test {
namespace {

class AdminConnections : public AdminTest {
 protected:
  static int Status(TestClient& client) {
    return client.Send(Get("/health")).Response().head.status;
  }
  // A connection that the router has taken: the place of one that has just ended is free again as
  // soon as the router knows.
  std::optional<TestClient> Taken() {
    std::optional<TestClient> taken;
    EXPECT_TRUE(Eventually([&] {
      taken.emplace(Connect());
      const bool sent = taken->raw().Send(Get("/health")).ok();
      const auto answer = taken->raw().ReadResponse();
      if (!sent || !answer.ok() || answer->head.status != 200) taken.reset();
      return taken.has_value();
    }));
    return taken;
  }
  void ExpectRefused() {
    TestClient client = Connect();
    const RawResponse refused = client.Send(Chat()).Response();
    EXPECT_EQ(refused.head.status, 503);
    EXPECT_EQ(refused.head.Header("retry-after"), "1");
    EXPECT_EQ(ErrorCode(refused.body), "overloaded");
    EXPECT_EQ(client.End(), PeerEnd::kClosed);
  }
  // How many of ten connections at the same time are taken.
  int TakenOfTen() {
    std::vector<TestClient> clients;
    int taken = 0;
    for (int i = 0; i < 10; ++i) {
      clients.push_back(Connect());
      taken += Status(clients.back()) == 200;
    }
    return taken;
  }
};

TEST_F(AdminConnections, ARaisedLimitTakesMoreAndALoweredOneCutsNobody) {
  AddEngine().Hold(true);
  StartAdmin({"--max-connections", "1", "--shards", "2"});
  TestClient streaming = Connect();
  streaming.Send(ChatStream());
  const uint64_t stream = engine(0).WaitForHeld();
  ASSERT_NE(stream, 0u);
  engine(0).Send(stream, std::string(kStreamHead) + Chunk("data: a\n\n"));
  EXPECT_EQ(streaming.Head().status, 200);
  EXPECT_EQ(streaming.Event(), "data: a");
  ExpectRefused();

  SetLimits("max_connections: 3");
  std::optional<TestClient> second = Taken();
  std::optional<TestClient> third = Taken();
  ASSERT_TRUE(second && third);
  ExpectRefused();

  SetLimits("max_connections: 1");
  EXPECT_EQ(Status(*second), 200) << "it was open before";
  EXPECT_EQ(Status(*third), 200);
  ExpectRefused();
  engine(0).Send(stream, Chunk("data: b\n\n"));
  EXPECT_EQ(streaming.Event(), "data: b");
  second->Close();
  third->Close();
  ExpectRefused();  // the stream alone is as many as there may be
  engine(0).Send(stream, Chunk("data: [DONE]\n\n") + std::string(kLastChunk));
  engine(0).Finish(stream, End::kKeepAlive);
  EXPECT_EQ(streaming.Event(), "data: [DONE]");
  streaming.Close();
  EXPECT_TRUE(Taken());
  SetLimits("max_connections: 0");  // what follows asks the router, too
  EXPECT_TRUE(EndsIdle());
}

TEST_F(AdminConnections, NoLimitIsALimitToo) {
  AddEngine();
  StartAdmin({"--max-connections", "2"});
  EXPECT_EQ(TakenOfTen(), 2);
  SetLimits("max_connections: 0");
  EXPECT_EQ(TakenOfTen(), 10);
  // Left out of what replaces all limits, it is what the process's open files allow.
  ASSERT_TRUE(Apply("mutations { update_limits {} }").ok());
  EXPECT_GT(admin().GetLimits({})->limits().max_connections(), 10u);
  EXPECT_EQ(TakenOfTen(), 10);
}

TEST_F(AdminConnections, AnIdleTimeHoldsFromTheNextAnswerOn) {
  AddEngine();
  StartAdmin({"--client-idle-timeout-seconds", "3600"});
  TestClient before = Connect();
  EXPECT_EQ(Status(before), 200);
  SetLimits("client_idle_timeout { nanos: 100000000 }");
  TestClient after = Connect();
  EXPECT_EQ(Status(after), 200);
  EXPECT_EQ(after.End(), PeerEnd::kClosed);
  EXPECT_EQ(Status(before), 200) << "its hour had begun";
  EXPECT_EQ(before.End(), PeerEnd::kClosed);

  SetLimits("client_idle_timeout {}");  // off
  TestClient patient = Connect();
  EXPECT_EQ(Status(patient), 200);
  patient.raw().set_patience(milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(patient.raw().WaitForEnd().status()));
}

}  // namespace
}  // namespace vllm_router::test
