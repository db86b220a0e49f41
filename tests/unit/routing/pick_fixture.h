// What tests of pickers share: a pool, a clock, and a Pick that fills in the arguments.
#ifndef TESTS_UNIT_ROUTING_PICK_FIXTURE_H_
#define TESTS_UNIT_ROUTING_PICK_FIXTURE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/base/rng.h"
#include "server/routing/policy.h"
#include "tests/support/backends.h"
#include "tests/support/fake_clock.h"

namespace vllm_router::routing {

class PickFixture : public testing::Test {
 protected:
  using Excluded = std::vector<const fleet::Backend*>;

  PickFixture() { settings_.ejection_failures = 1; }

  PickArgs Args(const Excluded& excluded = {},
                std::optional<std::string_view> session_id = std::nullopt) {
    return {session_id, {}, excluded, clock_.Now(), rng_};
  }

  // For Settings::ejection_base.
  void Eject(const fleet::BackendPtr& backend) {
    ASSERT_TRUE(backend->runtime->OnFailed(clock_.Now(), settings_));
  }

  // The URLs of `count` picks in a row, "-" for none.
  std::vector<std::string> Picks(const Picker& picker, int count, const Excluded& excluded = {}) {
    std::vector<std::string> urls;
    for (int i = 0; i < count; ++i) urls.push_back(Url(picker.Pick(Args(excluded))));
    return urls;
  }

  static std::string Url(const PickResult& result) {
    return result.backend == nullptr ? "-" : result.backend->spec.url.text;
  }

  test_support::FakeClock clock_;
  fleet::Settings settings_;
  base::Rng rng_{1};
};

}  // namespace vllm_router::routing

#endif  // TESTS_UNIT_ROUTING_PICK_FIXTURE_H_
