#include "server/callbacks/lookup.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <memory>

#include "tests/support/status_matchers.h"

namespace vllm_router::callbacks {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using namespace std::chrono_literals;

std::future<Addresses> Start(const std::string& host, base::Duration patience, Resolve resolve) {
  auto promise = std::make_shared<std::promise<Addresses>>();
  LookUp(host, 80, patience, std::move(resolve),
         [promise](Addresses found) { promise->set_value(std::move(found)); });
  return promise->get_future();
}

Addresses NoOne(const std::string&, uint16_t) { return absl::UnavailableError("unknown name"); }

TEST(Lookup, KnowsLiteralsAtOnce) {
  std::future<Addresses> found = Start("127.0.0.1", 0s, NoOne);
  ASSERT_EQ(found.wait_for(0s), std::future_status::ready);
  EXPECT_THAT(*found.get(), SizeIs(1));
}

TEST(Lookup, HandsOverWhatTheResolverSays) {
  const auto resolve = [](const std::string& host, uint16_t port) -> Addresses {
    EXPECT_EQ(host, "svc");
    return std::vector<net::Address>{*net::ParseIpLiteral("10.0.0.1", port)};
  };
  const Addresses found = Start("svc", 1min, resolve).get();
  ASSERT_THAT(found, test_support::IsOk());
  EXPECT_EQ(net::ToString(found->at(0)), "10.0.0.1:80");
  EXPECT_THAT(Start("svc", 1min, NoOne).get(),
              test_support::StatusIs(absl::StatusCode::kUnavailable, HasSubstr("unknown name")));
}

TEST(Lookup, GivesUpASilentResolverButCountsIt) {
  std::promise<void> answer;
  std::shared_future<void> answered = answer.get_future().share();
  const auto resolve = [answered](const std::string&, uint16_t) -> Addresses {
    answered.wait();
    return absl::UnavailableError("too late");
  };
  for (int i = 0; i < kMaxLookups; ++i) {
    EXPECT_THAT(Start("svc", 1ms, resolve).get(),
                test_support::StatusIs(absl::StatusCode::kDeadlineExceeded,
                                       HasSubstr("'svc' was not resolved in time")));
  }
  EXPECT_THAT(Start("svc", 1min, NoOne).get(),
              test_support::StatusIs(absl::StatusCode::kResourceExhausted));
  answer.set_value();
  // The threads end by themselves: sooner or later there is room again.
  absl::Status status = absl::ResourceExhaustedError("");
  while (absl::IsResourceExhausted(status)) status = Start("svc", 1min, NoOne).get().status();
  EXPECT_THAT(status, test_support::StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace vllm_router::callbacks
