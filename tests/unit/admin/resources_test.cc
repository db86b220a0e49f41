#include "server/admin/resources.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "server/config/diff.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::admin {
namespace {

using config::Proto;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;

constexpr int64_t kStart = 1767225600;  // of the clock's wall

// A view of three backends of which the test moves the runtimes.
class ResourcesTest : public testing::Test {
 protected:
  ResourcesTest() {
    Configure(R"(backends { name: "backends/a" url: "http://a:1" }
                 backends { name: "backends/b" url: "http://b:1" api_key { inline_key: "sk-b" } }
                 backends { name: "backends/c" url: "http://c:1" })");
  }

  void Configure(const std::string& text) {
    v1::Config config = Proto<v1::Config>(text);
    auto snapshot = std::make_shared<fleet::Snapshot>();
    for (const v1::Backend& backend : config.backends()) {
      auto known = std::make_shared<fleet::Backend>();
      known->spec.id = backend.name().substr(std::string("backends/").size());
      known->runtime = std::make_shared<fleet::BackendRuntime>();
      snapshot->backends.push_back(std::move(known));
    }
    view_.snapshot = std::move(snapshot);
    view_.config = std::make_shared<const v1::Config>(std::move(config));
  }
  // One backend that drains, as `text` says.
  void ConfigureDrain(const std::string& text) {
    Configure(R"(backends { name: "backends/a" status { drain { )" + text + " } } }");
  }

  fleet::BackendRuntime& runtime(size_t index = 0) {
    return *view_.snapshot->backends[index]->runtime;
  }
  Moment Now() const { return Moment::Of(clock_); }
  v1::Backend ShownBackend(int index = 0) const {
    return Shown(view_.config->backends(index), view_, Now());
  }
  v1::BackendStatus StatusNow(int index = 0) const { return ShownBackend(index).status(); }
  v1::DrainStatus DrainNow() const { return StatusNow().drain(); }

  test_support::FakeClock clock_;
  control::View view_;
};

TEST_F(ResourcesTest, NeverShowASecret) {
  EXPECT_EQ(ShownBackend(1).api_key().inline_key(), config::kHiddenSecret);
  EXPECT_EQ(Shown(view_, Now()).backends(1).api_key().inline_key(), config::kHiddenSecret);
  // Nor of what is not in effect: the draft of a dry run.
  v1::Backend draft = view_.config->backends(1);
  draft.set_name("backends/new");
  EXPECT_EQ(Shown(draft, view_, Now()).api_key().inline_key(), config::kHiddenSecret);
  EXPECT_EQ(view_.config->backends(1).api_key().inline_key(), "sk-b") << "what is kept stays";
}

TEST_F(ResourcesTest, ABackendThatWasNeverCheckedSaysSo) {
  const v1::BackendStatus status = StatusNow();
  EXPECT_EQ(status.health(), v1::HEALTH_STATE_UNCHECKED);
  EXPECT_FALSE(status.has_health_time());
  EXPECT_EQ(status.breaker(), v1::BREAKER_STATE_CLOSED);
  EXPECT_FALSE(status.has_ejected_until());
  EXPECT_FALSE(status.has_drain());
  EXPECT_EQ(status.in_flight(), 0u);
}

TEST_F(ResourcesTest, ABackendHasTheVerdictOfItsLastCheck) {
  runtime().OnChecked({fleet::HealthState::kUnhealthy, clock_.WallNow(), "503 from /health", 503});
  v1::BackendStatus status = StatusNow();
  EXPECT_EQ(status.health(), v1::HEALTH_STATE_UNHEALTHY);
  EXPECT_EQ(status.health_time().seconds(), kStart);
  EXPECT_EQ(status.health_message(), "503 from /health");
  clock_.Advance(seconds(5));
  EXPECT_EQ(StatusNow().health_time().seconds(), kStart) << "when the check was, not now";
  runtime().OnChecked({fleet::HealthState::kHealthy, clock_.WallNow(), "", 200});
  status = StatusNow();
  EXPECT_EQ(status.health(), v1::HEALTH_STATE_HEALTHY);
  EXPECT_EQ(status.health_time().seconds(), kStart + 5);
  EXPECT_EQ(status.health_message(), "");
  EXPECT_EQ(ToProto(fleet::HealthState::kSleeping), v1::HEALTH_STATE_SLEEPING);
}

TEST_F(ResourcesTest, AnEjectedBackendSaysUntilWhen) {
  fleet::Settings settings;
  settings.ejection_failures = 1;
  settings.ejection_base = milliseconds(2500);
  runtime().OnFailed(clock_.Now(), settings);
  clock_.Advance(seconds(1));
  v1::BackendStatus status = StatusNow();
  EXPECT_EQ(status.breaker(), v1::BREAKER_STATE_OPEN);
  EXPECT_EQ(status.ejected_until().seconds(), kStart + 2);
  EXPECT_EQ(status.ejected_until().nanos(), 500'000'000);
  clock_.Advance(milliseconds(1500));
  status = StatusNow();
  EXPECT_EQ(status.breaker(), v1::BREAKER_STATE_HALF_OPEN);
  EXPECT_FALSE(status.has_ejected_until()) << "it gets a probe now";
  runtime().OnAnswered();
  EXPECT_EQ(StatusNow().breaker(), v1::BREAKER_STATE_CLOSED);
}

TEST_F(ResourcesTest, ABackendCountsItsRequestsAndShowsItsAddresses) {
  const fleet::Lease first(view_.snapshot->backends[0]);
  const fleet::Lease second(view_.snapshot->backends[0]);
  fleet::SocketAddress four;
  auto* in = reinterpret_cast<sockaddr_in*>(&four.storage);
  in->sin_family = AF_INET;
  ::inet_pton(AF_INET, "10.0.0.7", &in->sin_addr);
  four.length = sizeof(sockaddr_in);
  fleet::SocketAddress six;
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&six.storage);
  in6->sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr);
  six.length = sizeof(sockaddr_in6);
  runtime().SetAddresses({four, six});
  EXPECT_EQ(StatusNow().in_flight(), 2u);
  EXPECT_THAT(StatusNow().addresses(), ElementsAre("10.0.0.7", "2001:db8::1"));
  EXPECT_EQ(StatusNow(1).in_flight(), 0u);
}

TEST_F(ResourcesTest, ABackendThatIsNotInEffectHasNoStatus) {
  v1::Backend draft = view_.config->backends(0);
  draft.set_name("backends/new");
  EXPECT_FALSE(Shown(draft, view_, Now()).has_status());
}

TEST_F(ResourcesTest, TheWholeConfigurationHasEachStatusWhereItBelongs) {
  runtime(1).OnChecked({fleet::HealthState::kHealthy, clock_.WallNow(), "", 200});
  runtime(2).OnChecked({fleet::HealthState::kUnhealthy, clock_.WallNow(), "dead", 0});
  const v1::Config shown = Shown(view_, Now());
  ASSERT_EQ(shown.backends_size(), 3);
  EXPECT_EQ(shown.backends(0).status().health(), v1::HEALTH_STATE_UNCHECKED);
  EXPECT_EQ(shown.backends(1).status().health(), v1::HEALTH_STATE_HEALTHY);
  EXPECT_EQ(shown.backends(2).status().health_message(), "dead");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(shown.backends(i).DebugString(), ShownBackend(i).DebugString());
  }
}

TEST_F(ResourcesTest, ADrainIsDoneWhenNothingRunsAnyMore) {
  ConfigureDrain("start_time { seconds: 5 } delete_when_done: true");
  fleet::Lease running(view_.snapshot->backends[0]);
  EXPECT_EQ(DrainNow().remaining(), 1u);
  EXPECT_FALSE(DrainNow().done());
  clock_.Advance(std::chrono::hours(24));
  EXPECT_FALSE(DrainNow().overdue()) << "without a deadline nothing is late";
  running.Release();
  EXPECT_EQ(DrainNow().remaining(), 0u);
  EXPECT_TRUE(DrainNow().done());
  EXPECT_EQ(DrainNow().start_time().seconds(), 5) << "what is kept of it stays";
  EXPECT_TRUE(DrainNow().delete_when_done());
}

TEST_F(ResourcesTest, ADrainThatWaitsIsOverdueFromItsDeadlineOn) {
  for (const char* choice :
       {"", "on_deadline: ON_DRAIN_DEADLINE_WAIT", "on_deadline: ON_DRAIN_DEADLINE_ABORT"}) {
    const auto deadline = Now().wall + seconds(10);
    ConfigureDrain("deadline_time { seconds: " +
                   std::to_string(deadline.time_since_epoch() / seconds(1)) + " } " + choice);
    fleet::Lease running(view_.snapshot->backends[0]);
    clock_.Advance(seconds(10) - milliseconds(1));
    EXPECT_FALSE(DrainNow().overdue()) << choice;
    clock_.Advance(milliseconds(1));
    EXPECT_TRUE(DrainNow().overdue()) << choice;
    EXPECT_FALSE(DrainNow().done()) << choice;
    running.Release();
    EXPECT_FALSE(DrainNow().overdue()) << choice;
    EXPECT_TRUE(DrainNow().done()) << choice;
  }
}

TEST_F(ResourcesTest, ADrainThatReleasesIsDoneAtItsDeadline) {
  ConfigureDrain("on_deadline: ON_DRAIN_DEADLINE_RELEASE deadline_time { seconds: " +
                 std::to_string(kStart + 10) + " }");
  const fleet::Lease running(view_.snapshot->backends[0]);
  EXPECT_FALSE(DrainNow().done());
  clock_.Advance(seconds(10));
  EXPECT_TRUE(DrainNow().done());
  EXPECT_FALSE(DrainNow().overdue()) << "it waits for nothing any more";
  EXPECT_EQ(DrainNow().remaining(), 1u);
}

TEST_F(ResourcesTest, ADrainSaysHowManyItCut) {
  ConfigureDrain("on_deadline: ON_DRAIN_DEADLINE_ABORT deadline_time { seconds: 1 }");
  runtime().AddAborted(3);
  EXPECT_EQ(DrainNow().aborted(), 3u);
}

TEST_F(ResourcesTest, StatisticsDescribeABackendTheSameWay) {
  auto backend = std::make_shared<fleet::Backend>();
  backend->runtime = std::make_shared<fleet::BackendRuntime>();
  const auto described = [&] {
    v1::BackendStats stats;
    Describe(*backend, clock_.Now(), &stats);
    return stats;
  };
  EXPECT_EQ(described().admin_state(), v1::ADMIN_STATE_ACTIVE);
  EXPECT_EQ(described().health(), v1::HEALTH_STATE_UNCHECKED);
  EXPECT_EQ(described().breaker(), v1::BREAKER_STATE_CLOSED);
  backend->spec.admin_state = fleet::AdminState::kDraining;
  backend->runtime->OnChecked({fleet::HealthState::kSleeping, clock_.WallNow(), "", 200});
  fleet::Settings settings;
  settings.ejection_failures = 1;
  backend->runtime->OnFailed(clock_.Now(), settings);
  EXPECT_EQ(described().admin_state(), v1::ADMIN_STATE_DRAINING);
  EXPECT_EQ(described().health(), v1::HEALTH_STATE_SLEEPING);
  EXPECT_EQ(described().breaker(), v1::BREAKER_STATE_OPEN);
  backend->spec.admin_state = fleet::AdminState::kDisabled;
  EXPECT_EQ(described().admin_state(), v1::ADMIN_STATE_DISABLED);
}

TEST_F(ResourcesTest, ACallbackShowsTheEndOfItsLease) {
  Configure(R"(callbacks { name: "callbacks/leased" } callbacks { name: "callbacks/other" })");
  view_.lease_ends["callbacks/leased"].set_seconds(kStart + 30);
  view_.lease_ends["callbacks/gone"].set_seconds(kStart);
  const v1::Callback leased = Shown(view_.config->callbacks(0), view_);
  EXPECT_EQ(leased.status().lease_expire_time().seconds(), kStart + 30);
  EXPECT_FALSE(Shown(view_.config->callbacks(1), view_).has_status());
  const v1::Config whole = Shown(view_, Now());
  EXPECT_EQ(whole.callbacks(0).DebugString(), leased.DebugString());
  EXPECT_FALSE(whole.callbacks(1).has_status());
}

TEST(FindNamed, FindsTheWholeNameOnly) {
  const auto config = Proto<v1::Config>(
      R"(backends { name: "backends/ab" } backends { name: "backends/a" label: "it" })");
  ASSERT_NE(FindNamed(config.backends(), "backends/a"), nullptr);
  EXPECT_EQ(FindNamed(config.backends(), "backends/a")->label(), "it");
  EXPECT_EQ(FindNamed(config.backends(), "a"), nullptr);
}

}  // namespace
}  // namespace vllm_router::admin
