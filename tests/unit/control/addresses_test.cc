#include "server/control/addresses.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/mutex.h"
#include "tests/unit/config/proto_text.h"

namespace vllm_router::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// What is posted runs when the test says so, on its thread.
class AddressesTest : public testing::Test {
 protected:
  static fleet::BackendPtr Backend(const std::string& url) {
    fleet::BackendSpec spec;
    spec.id = url;
    spec.url = *fleet::ParseBackendUrl(url);
    return std::make_shared<const fleet::Backend>(
        fleet::Backend{.spec = std::move(spec),
                       .runtime = std::make_shared<fleet::BackendRuntime>(),
                       .stats = nullptr});
  }
  void Follow(std::vector<fleet::BackendPtr> backends, std::vector<std::string> networks = {}) {
    auto snapshot = std::make_shared<fleet::Snapshot>();
    snapshot->backends = std::move(backends);
    const google::protobuf::RepeatedPtrField<std::string> allowed(networks.begin(), networks.end());
    addresses_.Follow(std::move(snapshot), allowed);
  }
  void RunPosted() {
    std::vector<absl::AnyInvocable<void()>> tasks;
    {
      base::MutexLock lock(&mutex_);
      tasks.swap(posted_);
    }
    for (auto& task : tasks) task();
  }
  static size_t Count(const fleet::BackendPtr& backend) {
    return backend->runtime->address_count();
  }

  base::Mutex mutex_;
  std::vector<absl::AnyInvocable<void()>> posted_;
  int resolved_ = 0;
  Addresses addresses_{[this](absl::AnyInvocable<void()> task) {
                         base::MutexLock lock(&mutex_);
                         posted_.push_back(std::move(task));
                       },
                       [this] { ++resolved_; }};
};

TEST_F(AddressesTest, AnIpAddressIsThereAtOnce) {
  const auto backend = Backend("http://10.0.0.1:8000");
  Follow({backend});
  EXPECT_EQ(Count(backend), 1u);
  EXPECT_FALSE(addresses_.waiting());
}

TEST_F(AddressesTest, ANewNameIsWaitedFor) {
  const auto backend = Backend("http://localhost:8000");
  Follow({backend});
  EXPECT_TRUE(addresses_.waiting());
  EXPECT_EQ(Count(backend), 0u);
  addresses_.WaitForFirstRound(std::chrono::seconds(20));
  RunPosted();
  EXPECT_FALSE(addresses_.waiting());
  EXPECT_GE(Count(backend), 1u);
  EXPECT_EQ(resolved_, 1);

  // The same name for another backend, which begins with nothing.
  const auto other = Backend("http://localhost:8000/v2");
  Follow({backend, other});
  EXPECT_FALSE(addresses_.waiting());
  RunPosted();
  EXPECT_GE(Count(other), 1u);
}

TEST_F(AddressesTest, NobodyHasToWaitForEver) {
  Follow({Backend("http://does-not-exist.invalid:8000")});
  EXPECT_TRUE(addresses_.waiting());
  addresses_.StopWaiting();
  EXPECT_FALSE(addresses_.waiting());
}

TEST_F(AddressesTest, OtherAllowedNetworksCountForWhatIsKnown) {
  const auto literal = Backend("http://10.0.0.1:8000");
  const auto name = Backend("http://localhost:8000");
  Follow({literal, name});
  addresses_.WaitForFirstRound(std::chrono::seconds(20));
  RunPosted();
  ASSERT_GE(Count(name), 1u);
  Follow({literal, name}, {"192.168.0.0/16"});
  RunPosted();
  EXPECT_EQ(Count(literal), 0u);
  EXPECT_EQ(Count(name), 0u);
  Follow({literal, name}, {"10.0.0.0/8", "127.0.0.0/8", "::1/128"});
  RunPosted();
  EXPECT_EQ(Count(literal), 1u);
  EXPECT_GE(Count(name), 1u);
}

}  // namespace
}  // namespace vllm_router::control
