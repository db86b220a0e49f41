// Changes of the configuration under traffic, in the mix of tools/applygen: no request fails, no
// token is lost, and readers of the changes that do not read cost no memory.
#include <array>
#include <atomic>
#include <thread>

#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tools/applygen/changes.h"
#include "tools/applygen/watchers.h"

namespace vllm_router::test {
namespace {

constexpr uint32_t kTokens = 100;

std::string Messages(size_t stream) {
  return absl::StrFormat(R"([{"role":"user","content":"stream %d"}])", stream);
}

std::string StreamRequest(size_t stream) {
  return PostJson("/v1/chat/completions",
                  absl::StrFormat(R"({"model":"m","stream":true,"messages":%s})", Messages(stream)),
                  absl::StrFormat("X-User-Id: user-%d\r\nX-Fake-Tokens: %d\r\nX-Fake-Itl-Ms: 5\r\n",
                                  stream, kTokens));
}

class Hitless : public AdminTest {
 protected:
  static constexpr int kChanges = 110;  // each kind ten times
  static constexpr size_t kThreads = 4;
  static constexpr size_t kStreamsEach = 10;

  // Keeps ten streams going until the changes are over, and looks at every token.
  void Stream(size_t thread) {
    do {
      std::vector<TestClient> clients;
      for (size_t i = 0; i < kStreamsEach; ++i) {
        clients.push_back(Connect());
        clients.back().Send(StreamRequest(thread * kStreamsEach + i));
      }
      for (size_t i = 0; i < kStreamsEach; ++i) {
        const std::string expected =
            fake_engine::PredictAnswer("m", Messages(thread * kStreamsEach + i), kTokens);
        EXPECT_EQ(clients[i].Head().status, 200);
        const std::string body = clients[i].Body();
        EXPECT_EQ(StreamText(body), expected);
        EXPECT_TRUE(body.ends_with("data: [DONE]\n\n"));
        ++streams_;
      }
    } while (!over_);
  }
  // One request after the other on one connection.
  void Ask(size_t thread) {
    TestClient client = Connect();
    for (size_t i = 0; !over_; ++i) {
      client.Send(Chat(absl::StrFormat("X-User-Id: asker-%d-%d\r\n", thread, i % 50)));
      ASSERT_EQ(client.Response().head.status, 200);
      ++requests_;
    }
  }

  std::atomic<bool> over_{false};
  std::atomic<uint64_t> streams_{0};
  std::atomic<uint64_t> requests_{0};
};

TEST_F(Hitless, AHundredChangesFailNoRequestAndLoseNoToken) {
  AddEngine();
  AddEngine();
  std::array<FakeEngine, 3> live{FakeEngine(WithModels({"m"})), FakeEngine(WithModels({"m"})),
                                 FakeEngine(WithModels({"m"}))};
  std::vector<std::string> urls;
  for (FakeEngine& engine : live) {
    ASSERT_TRUE(engine.Start().ok());
    urls.push_back(engine.url());
  }
  StartAdmin({"--shards", "4"});

  std::vector<std::thread> clients;
  for (size_t i = 0; i < kThreads; ++i) clients.emplace_back([this, i] { Stream(i); });
  for (size_t i = 0; i < kThreads; ++i) clients.emplace_back([this, i] { Ask(i); });
  applygen::Changes changes("m", urls);
  uint64_t generation = 1;
  for (int i = 0; i < kChanges; ++i) {
    const applygen::Change change = changes.Next();
    const auto applied = admin().ApplyConfig(change.request);
    EXPECT_TRUE(applied.ok()) << change.kind << ": " << applied.status();
    if (!applied.ok()) break;
    EXPECT_TRUE(applied->change().changed()) << change.kind;
    EXPECT_GT(applied->change().generation(), generation);
    generation = applied->change().generation();
  }
  over_ = true;
  for (std::thread& client : clients) client.join();

  EXPECT_GE(streams_, kThreads * kStreamsEach);
  EXPECT_GT(requests_, 0u);
  for (const FakeEngine& engine : live) {
    EXPECT_GT(engine.counters().requests, 0u) << "what came and went got no traffic";
    EXPECT_EQ(engine.counters().aborts, 0u);
  }
  EXPECT_TRUE(EndsIdle());
  EXPECT_EQ(admin().ListInFlight({})->entries_size(), 0);
}

TEST_F(Hitless, WatchersThatDoNotReadDelayNobodyAndNothingIsKeptForThem) {
  constexpr uint64_t kReaders = 17;
  constexpr uint64_t kStalled = 3;
  constexpr int kChanges = 200;
  AddEngine();
  StartAdmin();
  // Each change is of 100 KB, so that all of them are many times what a connection's buffers hold.
  v1::ApplyConfigRequest request = applygen::Changes::Fleet(20);
  for (v1::ConfigMutation& mutation : *request.mutable_mutations()) {
    for (char model = 'a'; model <= 'j'; ++model) {
      mutation.mutable_upsert_backend()->add_models()->set_model(std::string(500, model));
    }
  }
  ASSERT_TRUE(admin().ApplyConfig(request).ok());
  const auto watchers = applygen::Watchers::Open(AdminAddress(), kReaders, kStalled);
  ASSERT_TRUE(watchers.ok()) << watchers.status();

  applygen::Watchers::EffectTimes effects;
  uint64_t generation = 0;
  for (int i = 0; i < kChanges; ++i) {
    for (v1::ConfigMutation& mutation : *request.mutable_mutations()) {
      mutation.mutable_upsert_backend()->set_label(std::to_string(i));
    }
    const auto applied = admin().ApplyConfig(request);
    ASSERT_TRUE(applied.ok()) << applied.status();
    generation = applied->change().generation();
    effects[generation] = absl::Now();
  }
  const auto result = (*watchers)->FinishAt(generation, effects, absl::Seconds(30));
  EXPECT_EQ(result.incomplete, 0u) << "everybody gets to the last generation";
  EXPECT_EQ(result.disordered, 0u);
  EXPECT_EQ(result.unaccounted, 0u) << "each generation comes or is said to be skipped";
  EXPECT_EQ(result.lateness.count(), kReaders * kChanges);
  EXPECT_GT(result.skipped, 0u);
  EXPECT_LT(result.late_messages, kStalled * kChanges * 3 / 4) << "kept for who does not read";
}

}  // namespace
}  // namespace vllm_router::test
