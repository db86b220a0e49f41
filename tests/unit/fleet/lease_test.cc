#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/fleet/backend.h"
#include "tests/support/backends.h"

namespace vllm_router::fleet {
namespace {

TEST(Lease, CountsWhileItLives) {
  const BackendPtr backend = test_support::MakeBackend("http://a:1");
  {
    const Lease first(backend);
    const Lease second(backend);
    EXPECT_EQ(first.backend(), backend.get());
    EXPECT_EQ(backend->runtime->in_flight(), 2);
  }
  EXPECT_EQ(backend->runtime->in_flight(), 0);
}

TEST(Lease, MovesWithoutCountingTwice) {
  const BackendPtr backend = test_support::MakeBackend("http://a:1");
  Lease from(backend);
  Lease to(std::move(from));
  EXPECT_EQ(backend->runtime->in_flight(), 1);
  EXPECT_FALSE(from);
  EXPECT_TRUE(to);
}

TEST(Lease, AssignmentReleasesWhatItHeld) {
  const BackendPtr a = test_support::MakeBackend("http://a:1");
  const BackendPtr b = test_support::MakeBackend("http://b:1");
  Lease lease(a);
  lease = Lease(b);
  EXPECT_EQ(a->runtime->in_flight(), 0);
  EXPECT_EQ(b->runtime->in_flight(), 1);
  Lease& same = lease;
  lease = std::move(same);
  EXPECT_EQ(b->runtime->in_flight(), 1);
}

TEST(Lease, ReleasesOnce) {
  const BackendPtr backend = test_support::MakeBackend("http://a:1");
  Lease lease(backend);
  lease.Release();
  lease.Release();
  EXPECT_FALSE(lease);
  EXPECT_EQ(backend->runtime->in_flight(), 0);
}

TEST(Lease, KeepsItsBackendAlive) {
  BackendPtr backend = test_support::MakeBackend("http://a:1");
  const std::weak_ptr<const Backend> watched = backend;
  Lease lease(std::move(backend));
  EXPECT_FALSE(watched.expired());
  lease.Release();
  EXPECT_TRUE(watched.expired());
}

TEST(Lease, EndsAtZeroAfterManyThreads) {
  const BackendPtr backend = test_support::MakeBackend("http://a:1");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      std::vector<Lease> held;
      for (int i = 0; i < 5000; ++i) {
        held.emplace_back(backend);
        if (i % 3 == 0) held.erase(held.begin());
        if (held.size() > 20) held.clear();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(backend->runtime->in_flight(), 0);
}

}  // namespace
}  // namespace vllm_router::fleet
