#include "server/fleet/backend.h"

#include <netinet/in.h>

#include <atomic>
#include <barrier>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::fleet {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class BackendRuntimeTest : public testing::Test {
 protected:
  BackendRuntimeTest() {
    settings_.ejection_failures = 3;
    settings_.ejection_base = seconds(1);
    settings_.ejection_max = seconds(6);
  }

  bool Fail() { return runtime_.OnFailed(clock_.Now(), settings_); }
  bool Admits() const { return runtime_.Admits(clock_.Now()); }
  bool Claim() { return runtime_.OnPicked(clock_.Now()); }
  // From rotation.
  void Eject() {
    while (!Fail()) {
    }
  }
  void FailProbe() {
    ASSERT_TRUE(Admits());
    ASSERT_TRUE(Claim());
    ASSERT_TRUE(Fail());
  }
  // The ejection ends at this time and not a millisecond earlier.
  void ExpectRefusedFor(base::Duration time) {
    clock_.Advance(time - milliseconds(1));
    EXPECT_FALSE(Admits());
    EXPECT_TRUE(runtime_.ejected(clock_.Now()));
    clock_.Advance(milliseconds(1));
    EXPECT_TRUE(Admits());
    EXPECT_FALSE(runtime_.ejected(clock_.Now()));
  }

  test_support::FakeClock clock_;
  Settings settings_;
  BackendRuntime runtime_;
};

TEST_F(BackendRuntimeTest, BeginsHealthyAndInRotation) {
  EXPECT_TRUE(runtime_.healthy());
  EXPECT_TRUE(Admits());
  EXPECT_TRUE(Claim());
  EXPECT_EQ(runtime_.in_flight(), 0);
  EXPECT_EQ(runtime_.ejections(), 0u);
}

TEST_F(BackendRuntimeTest, IsEjectedByTheNthFailureInARow) {
  EXPECT_FALSE(Fail());
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Admits());
  EXPECT_TRUE(Fail());
  EXPECT_FALSE(Admits());
  EXPECT_EQ(runtime_.ejections(), 1u);
}

TEST_F(BackendRuntimeTest, AnAnswerStartsTheCountAnew) {
  Fail();
  Fail();
  runtime_.OnAnswered();
  EXPECT_FALSE(Fail());
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Fail());
}

TEST_F(BackendRuntimeTest, EjectionDoublesUpToTheLimit) {
  Eject();
  ExpectRefusedFor(seconds(1));
  FailProbe();
  ExpectRefusedFor(seconds(2));
  FailProbe();
  ExpectRefusedFor(seconds(4));
  FailProbe();
  ExpectRefusedFor(seconds(6));
  FailProbe();
  ExpectRefusedFor(seconds(6));
  EXPECT_EQ(runtime_.ejections(), 5u);
}

TEST_F(BackendRuntimeTest, ALimitBelowTheBaseWins) {
  settings_.ejection_base = seconds(10);
  Eject();
  ExpectRefusedFor(seconds(6));
}

TEST_F(BackendRuntimeTest, ManyEjectionsWithoutALimitStayFinite) {
  settings_.ejection_max = seconds(0);
  Eject();
  for (int i = 0; i < 100; ++i) {
    clock_.Advance(std::chrono::hours(24));
    FailProbe();
  }
  ExpectRefusedFor(std::chrono::hours(24));
}

TEST_F(BackendRuntimeTest, AdmitsExactlyOneProbe) {
  Eject();
  EXPECT_FALSE(Claim());
  clock_.Advance(seconds(1));
  EXPECT_TRUE(Claim());
  EXPECT_FALSE(Admits());
  EXPECT_FALSE(Claim());
}

TEST_F(BackendRuntimeTest, AnAnsweredProbeForgetsEverything) {
  Eject();
  clock_.Advance(seconds(1));
  FailProbe();
  clock_.Advance(seconds(2));
  ASSERT_TRUE(Claim());
  runtime_.OnAnswered();
  EXPECT_TRUE(Admits());
  EXPECT_FALSE(Fail());
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Fail());
  ExpectRefusedFor(seconds(1));
}

TEST_F(BackendRuntimeTest, AProbeThatIsNeverAnsweredBlocksForTheTimeOfTheEjection) {
  Eject();
  clock_.Advance(seconds(1));
  FailProbe();
  clock_.Advance(seconds(2));
  ASSERT_TRUE(Claim());
  ExpectRefusedFor(seconds(2));
  EXPECT_TRUE(Claim());
  EXPECT_FALSE(Claim());
  EXPECT_EQ(runtime_.ejections(), 2u);
}

TEST_F(BackendRuntimeTest, FailuresOfEarlierRequestsDoNotExtendAnEjection) {
  Eject();
  clock_.Advance(milliseconds(900));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Fail());
  ExpectRefusedFor(milliseconds(100));
  // The probe is due, but nobody has sent it yet.
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Admits());
  EXPECT_EQ(runtime_.ejections(), 1u);
}

TEST_F(BackendRuntimeTest, AFailedProbeEjectsOnce) {
  Eject();
  clock_.Advance(seconds(1));
  FailProbe();
  EXPECT_FALSE(Fail());
  ExpectRefusedFor(seconds(2));
  EXPECT_FALSE(Fail());
  EXPECT_EQ(runtime_.ejections(), 2u);
}

TEST_F(BackendRuntimeTest, AnAnswerToAnEarlierRequestEndsAnEjection) {
  Eject();
  runtime_.OnAnswered();
  EXPECT_TRUE(Admits());
}

TEST_F(BackendRuntimeTest, IsNeverEjectedWhileEjectionIsOff) {
  settings_.ejection_failures = 0;
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Fail());
  settings_.ejection_failures = 1;
  settings_.ejection_base = seconds(0);
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Admits());
}

TEST_F(BackendRuntimeTest, TurningEjectionOffEndsOneThatRuns) {
  Eject();
  settings_.ejection_failures = 0;
  EXPECT_FALSE(Fail());
  EXPECT_TRUE(Admits());
  EXPECT_FALSE(BackendRuntime::AnyImpaired());
}

TEST_F(BackendRuntimeTest, HealthAndEjectionAreIndependent) {
  runtime_.set_healthy(false);
  EXPECT_TRUE(Admits());
  runtime_.OnAnswered();
  EXPECT_FALSE(runtime_.healthy());
  Eject();
  runtime_.set_healthy(true);
  EXPECT_FALSE(Admits());
}

TEST_F(BackendRuntimeTest, AnyImpairedIsTrueWhileOneIsUnhealthyOrEjected) {
  BackendRuntime other;
  EXPECT_FALSE(BackendRuntime::AnyImpaired());
  runtime_.set_healthy(false);
  runtime_.set_healthy(false);
  EXPECT_TRUE(BackendRuntime::AnyImpaired());
  Eject();
  runtime_.set_healthy(true);
  EXPECT_TRUE(BackendRuntime::AnyImpaired());
  other.set_healthy(true);
  runtime_.OnAnswered();
  EXPECT_FALSE(BackendRuntime::AnyImpaired());
}

TEST_F(BackendRuntimeTest, AnEjectionWhoseTimeIsOverStillImpairs) {
  Eject();
  clock_.Advance(seconds(1));
  EXPECT_TRUE(BackendRuntime::AnyImpaired());
}

TEST_F(BackendRuntimeTest, ARuntimeThatIsGoneImpairsNothing) {
  {
    BackendRuntime gone;
    gone.set_healthy(false);
    EXPECT_TRUE(BackendRuntime::AnyImpaired());
  }
  EXPECT_FALSE(BackendRuntime::AnyImpaired());
}

SocketAddress Ipv4(uint16_t port) {
  SocketAddress address;
  auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
  in.sin_family = AF_INET;
  in.sin_port = port;
  address.length = sizeof(sockaddr_in);
  return address;
}

uint16_t PortOf(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage).sin_port;
}

TEST_F(BackendRuntimeTest, AddressesTakeTurns) {
  EXPECT_EQ(runtime_.NextAddress().length, 0u);
  runtime_.SetAddresses({Ipv4(1), Ipv4(2)});
  const SocketAddress first = runtime_.NextAddress();
  EXPECT_EQ(first.length, sizeof(sockaddr_in));
  EXPECT_EQ(PortOf(first), 1);
  // A refresh does not begin at the first again.
  runtime_.SetAddresses({Ipv4(1), Ipv4(2)});
  EXPECT_EQ(PortOf(runtime_.NextAddress()), 2);
  EXPECT_EQ(PortOf(runtime_.NextAddress()), 1);
  runtime_.SetAddresses({});
  EXPECT_EQ(runtime_.NextAddress().length, 0u);
}

// Runs f(i) on `count` threads that start together.
template <typename F>
void OnThreads(int count, F f) {
  std::barrier start(count);
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      f(i);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(BackendRuntimeTest, OfManyThreadsOneGetsTheProbe) {
  Eject();
  for (int round = 0; round < 200; ++round) {
    clock_.Advance(seconds(10));
    const base::TimePoint now = clock_.Now();
    std::atomic<int> claimed{0};
    OnThreads(4, [&](int) {
      if (runtime_.Admits(now) && runtime_.OnPicked(now)) claimed.fetch_add(1);
    });
    ASSERT_EQ(claimed.load(), 1);
    ASSERT_TRUE(Fail());
  }
}

TEST_F(BackendRuntimeTest, OfManyFailuresOneEjects) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> ejected{0};
    OnThreads(4, [&](int) {
      if (Fail()) ejected.fetch_add(1);
    });
    ASSERT_EQ(ejected.load(), 1);
    ASSERT_FALSE(Admits());
    runtime_.OnAnswered();
    ASSERT_TRUE(Admits());
  }
  EXPECT_EQ(runtime_.ejections(), 200u);
}

TEST_F(BackendRuntimeTest, TheCountOfImpairedOnesSurvivesEveryMixOfEvents) {
  OnThreads(4, [&](int thread) {
    for (int i = 0; i < 2000; ++i) {
      switch ((i + thread) % 4) {
        case 0:
          runtime_.set_healthy(i % 8 < 4);
          break;
        case 1:
          runtime_.OnAnswered();
          break;
        case 2:
          runtime_.OnPicked(clock_.Now());
          break;
        default:
          clock_.Advance(milliseconds(400));
          runtime_.OnFailed(clock_.Now(), settings_);
      }
    }
  });
  runtime_.set_healthy(true);
  runtime_.OnFailed(clock_.Now(), settings_);
  runtime_.OnAnswered();
  EXPECT_TRUE(Admits());
  EXPECT_FALSE(BackendRuntime::AnyImpaired());
}

TEST_F(BackendRuntimeTest, KeepsWhatTheLastCheckFound) {
  EXPECT_EQ(runtime_.last_check().state, HealthState::kUnchecked);
  const base::WallTime time{base::Duration(5)};
  for (const HealthState state : {HealthState::kUnhealthy, HealthState::kSleeping}) {
    runtime_.OnChecked({.state = state, .time = time, .message = "why", .http_status = 503});
    EXPECT_FALSE(runtime_.healthy());
    EXPECT_TRUE(BackendRuntime::AnyImpaired());
    const HealthCheck check = runtime_.last_check();
    EXPECT_EQ(check.state, state);
    EXPECT_EQ(check.time, time);
    EXPECT_EQ(check.message, "why");
    EXPECT_EQ(check.http_status, 503);
  }
  for (const HealthState state : {HealthState::kHealthy, HealthState::kUnchecked}) {
    runtime_.OnChecked({.state = state});
    EXPECT_TRUE(runtime_.healthy());
    EXPECT_FALSE(BackendRuntime::AnyImpaired());
  }
}

TEST_F(BackendRuntimeTest, ShowsItsBreaker) {
  using State = Breaker::State;
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kClosed);
  Eject();
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kOpen);
  EXPECT_EQ(runtime_.breaker(clock_.Now()).until, clock_.Now() + seconds(1));
  clock_.Advance(seconds(1));
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kHalfOpen);
  EXPECT_TRUE(Admits()) << "looking claims nothing";
  EXPECT_TRUE(Claim());
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kHalfOpen);
  EXPECT_TRUE(Fail());
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kOpen);
  runtime_.OnAnswered();
  EXPECT_EQ(runtime_.breaker(clock_.Now()).state, State::kClosed);
}

}  // namespace
}  // namespace vllm_router::fleet
