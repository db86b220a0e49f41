// SIGKILL at random moments while changes are applied: what was answered with OK is in force after
// the restart, whole (promise 10 of proto/router.proto).
//
// ROUTER_KILL_POINTS says how many moments (20 when it is not set).
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tests/integration/admin_stage.h"
#include "tests/support/temp_directory.h"

namespace vllm_router::test {
namespace {

int KillPoints() {
  const char* wanted = std::getenv("ROUTER_KILL_POINTS");  // NOLINT: single-threaded here
  int points = 20;
  const bool number = wanted == nullptr || absl::SimpleAtoi(wanted, &points);
  EXPECT_TRUE(number) << wanted;
  return points;
}

class AdminCrash : public AdminTest {
 protected:
  // Applies one change after the other, each of two resources at once, until the router is gone.
  // Returns the last one that was answered with OK: its generation, and the number that it wrote.
  std::pair<uint64_t, int> ApplyUntilDead(int number) {
    ClientOptions options;
    options.retry.max_attempts = 1;
    const auto client = Connected(options);
    std::pair<uint64_t, int> last{0, number};
    while (true) {
      v1::ApplyConfigRequest request;
      const int next = last.second + 1;
      request.add_mutations()->mutable_update_limits()->set_max_queued_requests(
          static_cast<uint64_t>(next));
      auto& alias = *request.add_mutations()->mutable_upsert_model_alias();
      alias.set_name("aliases/a");
      alias.add_targets()->set_model(absl::StrFormat("m%d", next));
      const auto applied = client->ApplyConfig(request);
      if (!applied.ok()) return last;
      last = {applied->change().generation(), next};
    }
  }
};

TEST_F(AdminCrash, WhatWasAnsweredWithOkSurvivesSigkill) {
  AddEngine();
  const TempDirectory state;
  std::mt19937 random(20261128);
  std::uniform_int_distribution<int> microseconds(0, 30'000);
  uint64_t acknowledged = 1;
  int number = 0;
  for (int point = 0; point < KillPoints(); ++point) {
    StartAdmin({"--state-dir", state.path() + "/state"});
    const auto config = admin().GetConfig({});
    ASSERT_TRUE(config.ok()) << "after " << point << " kills: " << config.status();
    const auto& limits = config->config().limits();
    EXPECT_GE(config->config().generation(), acknowledged) << "after " << point << " kills";
    EXPECT_GE(limits.max_queued_requests(), static_cast<uint64_t>(number));
    if (limits.max_queued_requests() > 0) {
      ASSERT_EQ(config->config().model_aliases_size(), 1) << "half a change";
      EXPECT_EQ(config->config().model_aliases(0).targets(0).model(),
                absl::StrFormat("m%d", limits.max_queued_requests()));
    }
    number = static_cast<int>(limits.max_queued_requests());

    const std::chrono::microseconds until_kill(microseconds(random));
    std::thread killer([&] {
      const auto at = std::chrono::steady_clock::now() + until_kill;
      while (std::chrono::steady_clock::now() < at) std::this_thread::yield();
      router().Signal(SIGKILL);
    });
    const auto [generation, written] = ApplyUntilDead(number);
    killer.join();
    if (generation > 0) {
      acknowledged = generation;
      number = written;
    }
    router().WaitForExit();
  }
}

}  // namespace
}  // namespace vllm_router::test
