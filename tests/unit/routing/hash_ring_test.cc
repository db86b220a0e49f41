#include "server/routing/policies/hash_ring.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/routing/md5.h"

namespace vllm_router::routing {
namespace {

std::vector<std::string> Engines(int count) {
  std::vector<std::string> nodes;
  for (int i = 1; i <= count; ++i) nodes.push_back("http://engine" + std::to_string(i) + ":8000");
  return nodes;
}

TEST(HashRing, AgreesWithUpstream) {
  // Taken from uhashring by way of upstream's session router.
  const std::vector<std::pair<std::string_view, int>> cases = {
      {"session1", 2}, {"session2", 1}, {"session3", 1}, {"session4", 2},
      {"session5", 2}, {"user-42", 2},  {"", 1},         {"h\xC3\xA9llo", 1}};
  const HashRing ring(Engines(3));
  for (const auto& [session, engine] : cases) {
    EXPECT_EQ(ring.OwnerOf(Md5(session)), static_cast<size_t>(engine - 1)) << session;
  }
}

TEST(HashRing, DoesNotDependOnTheOrderOfTheNodes) {
  const std::vector<std::string> nodes = Engines(5);
  const std::vector<std::string> reversed(nodes.rbegin(), nodes.rend());
  const HashRing ring(nodes);
  const HashRing other(reversed);
  for (int i = 0; i < 1000; ++i) {
    const absl::uint128 key = Md5(std::to_string(i));
    EXPECT_EQ(nodes[ring.OwnerOf(key)], reversed[other.OwnerOf(key)]);
  }
}

TEST(HashRing, APointOwnsTheKeysBeforeItButNotItself) {
  // The points of both nodes in order, by the definition.
  const std::vector<std::string> nodes = Engines(2);
  std::map<absl::uint128, size_t> points;
  for (size_t node = 0; node < nodes.size(); ++node) {
    for (int i = 0; i < 160; ++i) points[Md5(nodes[node] + "-" + std::to_string(i))] = node;
  }
  ASSERT_EQ(points.size(), 320u);
  const HashRing ring(nodes);
  for (auto point = points.begin(); point != points.end(); ++point) {
    const auto next = std::next(point) == points.end() ? points.begin() : std::next(point);
    EXPECT_EQ(ring.OwnerOf(point->first - 1), point->second);
    EXPECT_EQ(ring.OwnerOf(point->first), next->second);
  }
  EXPECT_EQ(ring.OwnerOf(0), points.begin()->second);
  EXPECT_EQ(ring.OwnerOf(absl::Uint128Max()), points.begin()->second);
}

TEST(HashRing, SkippingNodesEqualsARingWithoutThem) {
  const std::vector<std::string> nodes = Engines(6);
  const HashRing full(nodes);
  // Every set of nodes but the empty one.
  for (unsigned set = 1; set < 1u << nodes.size(); ++set) {
    std::vector<std::string> left;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (set >> i & 1) left.push_back(nodes[i]);
    }
    const HashRing reduced(left);
    for (int i = 0; i < 200; ++i) {
      const absl::uint128 key = Md5("session-" + std::to_string(i));
      const size_t owner = full.OwnerAmong(key, [&](size_t node) { return set >> node & 1; });
      ASSERT_EQ(nodes[owner], left[reduced.OwnerOf(key)]) << "set " << set << ", session " << i;
    }
  }
}

TEST(HashRing, SkippingWrapsAroundTheEnd) {
  const std::vector<std::string> nodes = Engines(2);
  const HashRing ring(nodes);
  const size_t first = ring.OwnerOf(absl::Uint128Max());
  const size_t second = 1 - first;
  EXPECT_EQ(ring.OwnerAmong(absl::Uint128Max(), [&](size_t node) { return node == second; }),
            second);
}

TEST(HashRing, MadeLikeAnotherItIsTheSameRing) {
  const std::vector<std::vector<std::string>> sets = {
      Engines(6),
      {"http://engine3:8000", "http://engine1:8000"},                     // fewer, in another order
      {"http://new:8000", "http://engine5:8000", "http://engine2:8000"},  // one new, many gone
      {"http://new:8000", "http://newer:8000"},                           // nothing in common
      {"http://engine6:8000", "http://a:8000", "http://engine4:8000", "http://zz:8000"},
      Engines(40),  // many more
      Engines(41),  // one more, at the end
      [] {
        std::vector<std::string> nodes = Engines(38);  // two gone at the end, three new
        for (const char* name : {"http://x:1", "http://y:1", "http://z:1"}) nodes.push_back(name);
        return nodes;
      }(),
      [] {
        std::vector<std::string> nodes = Engines(40);  // one gone in the middle
        nodes.erase(nodes.begin() + 20);
        return nodes;
      }()};
  for (const std::vector<std::string>& before : sets) {
    const HashRing former(before);
    for (const std::vector<std::string>& nodes : sets) {
      const HashRing fresh(nodes);
      const HashRing alike(nodes, former);
      EXPECT_EQ(alike.nodes(), nodes);
      for (size_t node = 0; node < nodes.size(); ++node) {
        // Just before, at and after each point, where a point that is missing would show.
        for (size_t i = 0; i < HashRing::kPointsPerNode; ++i) {
          const absl::uint128 point = Md5(nodes[node] + "-" + std::to_string(i));
          for (const absl::uint128 key : {point - 1, point, point + 1}) {
            ASSERT_EQ(alike.OwnerOf(key), fresh.OwnerOf(key));
          }
        }
      }
      for (int i = 0; i < 200; ++i) {
        const absl::uint128 key = Md5(std::to_string(i));
        ASSERT_EQ(alike.OwnerOf(key), fresh.OwnerOf(key));
      }
    }
  }
}

TEST(HashRing, SharesKeysOutRoughlyEvenly) {
  const HashRing ring(Engines(10));
  std::vector<int> keys(10, 0);
  for (int i = 0; i < 10000; ++i) ++keys[ring.OwnerOf(Md5("user-" + std::to_string(i)))];
  // With 160 points a node, a share varies by about 1/sqrt(160) = 8 percent.
  for (const int count : keys) EXPECT_NEAR(count, 1000, 350);
}

}  // namespace
}  // namespace vllm_router::routing
