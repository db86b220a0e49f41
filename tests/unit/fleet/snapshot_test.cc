#include "server/fleet/snapshot.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/support/backends.h"

namespace vllm_router::fleet {
namespace {

TEST(Snapshot, FindsPoolsByModel) {
  Snapshot snapshot;
  auto pool = std::make_shared<Pool>();
  pool->model = "llama";
  snapshot.pools["llama"] = pool;
  EXPECT_EQ(snapshot.FindPool("llama"), pool.get());
  EXPECT_EQ(snapshot.FindPool("Llama"), nullptr);
  EXPECT_EQ(snapshot.FindPool(""), nullptr);
}

TEST(Snapshot, ResolvesAliases) {
  Snapshot snapshot;
  snapshot.aliases["gpt-4"] = "llama";
  EXPECT_EQ(snapshot.ResolveAlias("gpt-4"), "llama");
  EXPECT_EQ(snapshot.ResolveAlias("llama"), "");
}

TEST(Snapshot, FindsBackendsById) {
  Snapshot snapshot;
  snapshot.backends = test_support::MakeBackends({"http://a:1", "http://b:1"});
  const std::string id = snapshot.backends[1]->spec.id;
  ASSERT_NE(snapshot.FindBackend(id), nullptr);
  EXPECT_EQ(*snapshot.FindBackend(id), snapshot.backends[1]);
  EXPECT_EQ(snapshot.FindBackend(id.substr(1)), nullptr);
}

}  // namespace
}  // namespace vllm_router::fleet
