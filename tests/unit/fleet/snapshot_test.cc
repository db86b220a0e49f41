#include "server/fleet/snapshot.h"

#include <map>
#include <memory>
#include <string>

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

TEST(Snapshot, FindsAliases) {
  Snapshot snapshot;
  snapshot.aliases["gpt-4"] = Alias::To("llama");
  ASSERT_NE(snapshot.FindAlias("gpt-4"), nullptr);
  EXPECT_EQ(snapshot.FindAlias("gpt-4")->Choose(12345), "llama");
  EXPECT_EQ(snapshot.FindAlias("llama"), nullptr);
}

TEST(Alias, ChoosesByWeight) {
  const Alias alias{{{"a", 1}, {"none", 1}, {"b", 4}}};
  std::map<std::string, int> counts;
  for (uint64_t number = 0; number < 400; ++number) ++counts[alias.Choose(number)];
  EXPECT_EQ(counts, (std::map<std::string, int>{{"a", 100}, {"b", 300}}));
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
